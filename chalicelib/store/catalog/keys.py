"""The keys of the catalog table: what the pk and sk of its items begin with."""

DATASETS, API_KEYS, SWEEPS = "dataset", "apikey", "sweep"
FIELDS, PROCESSORS, PUBLICATION, CONFIG, LANE = "fields", "processors", "publication", "config", "lane"
SOURCES, SECRETS = "sources", "secrets"
COPY, ACCEPTED_REFRESH = "copy#", "accepted#"
RECOVERY, RECOVERY_ABORT = "recovery", "recovery_abort"
RESOURCE, FILE, SCHEDULE, UPLOADED, JOB = "resource#", "file#", "schedule#", "upload#", "job#"
UNSETTLED, RUN, WATCH = "unsettled#", "run#", "alert#"
REFRESHING = "refreshing"
WAITING, CHECKING, ACCEPTED, REFUSED = "waiting", "checking", "accepted", "refused"  # states of an upload


def dataset_pk(dataset_uid: str) -> str:
    """The pk of a dataset's parts."""
    return f"dataset#{dataset_uid}"


def live_pk(dataset_id: str) -> str:
    """The pk of a dataset's hot items."""
    return f"live#{dataset_id}"


def live_key(dataset_id: str) -> dict[str, dict[str, str]]:
    """The key of a dataset's live item, as DynamoDB has it."""
    return {"pk": {"S": live_pk(dataset_id)}, "sk": {"S": CONFIG}}
