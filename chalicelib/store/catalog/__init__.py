"""The catalog table: its items, each module has those of one room.

| what            | pk                      | sk                    |
|-----------------|-------------------------|-----------------------|
| dataset         | `dataset`               | dataset uid           |
| field stack     | `dataset#{dataset_uid}` | `fields`              |
| processor stack | `dataset#{dataset_uid}` | `processors`          |
| resource        | `dataset#{dataset_uid}` | `resource#{uid}`      |
| uploaded file   | `dataset#{dataset_uid}` | `file#{uid}`          |
| published sources | `dataset#{dataset_uid}` | `sources`           |
| copy of a source | `dataset#{dataset_uid}` | `copy#{resource_uid}` |
| accepted refresh | `dataset#{dataset_uid}` | `accepted#{resource_uid}` |
| names of secrets | `dataset#{dataset_uid}` | `secrets`            |
| schedule        | `dataset#{dataset_uid}` | `schedule#{uid}`      |
| schedule to do  | `dataset#{dataset_uid}` | `unsettled#{uid}`     |
| run             | `dataset#{dataset_uid}` | `run#{run_id}`        |
| refreshing      | `dataset#{dataset_uid}` | `refreshing`          |
| upload          | `dataset#{dataset_uid}` | `upload#{upload_id}`  |
| publication     | `dataset#{dataset_uid}` | `publication`         |
| watch           | `dataset#{dataset_uid}` | `alert#{resource_uid}` |
| recovery        | `dataset#{dataset_uid}` | `recovery`, `recovery_abort` |
| backup log      | `backup#{dataset_uid}`  | `log`                 |
| API key         | `apikey`                | SHA-256 of the key    |
| sweep           | `sweep`                 | partition             |
| live dataset    | `live#{dataset_id}`     | `config`              |
| pending job     | `live#{dataset_id}`     | `job#{seq}`           |
| lane            | `live#{dataset_id}`     | `lane`                |
| notice          | `outbox#{notice_id}`    | `notice`              |
| who takes mails | `recipient#{address}`   | `*`, or what of       |
| tick            | `tick`                  | `last`                |

`revision` is pynamodb's optimistic lock; two edits at once make the second one fail with EditConflict.
"""
