"""What is done once a minute."""

from collections.abc import Callable, Mapping
from datetime import datetime

from chalicelib.services.bells import BACKUP, LANE, PUBLISH, RECOVERY, SWEEP, UPLOAD, ring
from chalicelib.store.backups import backup_pk
from chalicelib.store.catalog.keys import UPLOADED, dataset_pk, live_pk
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.stores import Stores


def ring_again(stores: Stores, now: datetime, deadline: Deadline) -> int:
    """Ring for every dataset with a job, every publication, upload and sweep, that has waited for more than a minute;
    how many. Each is rung for when it is read: when there is no time to read all, the first are not lost for that."""
    moment = int(now.timestamp())
    rung = 0
    for task, name_of in _NAMES.items():
        names = set[str]()
        for pk, sk in stores.due.keys(task, moment, deadline):
            name = name_of(pk, sk)
            if name not in names:
                ring(stores, task, name)
                names.add(name)
        rung += len(names)
    return rung


_NAMES: Mapping[str, Callable[[str, str], str]] = {
    LANE: lambda pk, _: pk.removeprefix(live_pk("")),
    PUBLISH: lambda pk, _: pk.removeprefix(dataset_pk("")),
    RECOVERY: lambda pk, _: pk.removeprefix(dataset_pk("")),
    BACKUP: lambda pk, _: pk.removeprefix(backup_pk("")),
    SWEEP: lambda _, sk: sk,
    UPLOAD: lambda pk, sk: f"{pk.removeprefix(dataset_pk(''))}.{sk.removeprefix(UPLOADED)}",
}
