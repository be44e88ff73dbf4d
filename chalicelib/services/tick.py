"""What is done once a minute."""

from datetime import datetime

from chalicelib.services.bells import LANE, PUBLISH, ring
from chalicelib.store.catalog import dataset_pk, live_pk
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.stores import Stores


def ring_again(stores: Stores, now: datetime, deadline: Deadline) -> int:
    """Ring for every dataset with a job, or a publication, that has waited for more than a minute; how many."""
    moment = int(now.timestamp())
    rung = 0
    for task, prefix in ((LANE, live_pk("")), (PUBLISH, dataset_pk(""))):
        names = {pk.removeprefix(prefix) for pk, _ in stores.due.keys(task, moment, deadline)}
        for name in sorted(names):
            ring(stores, task, name)
        rung += len(names)
    return rung
