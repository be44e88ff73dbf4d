"""Marks of schedules that EventBridge Scheduler may not know as they are; `schedules/scheduling.py` takes them away.

A mark is made before, or together with, any change that bears on a schedule: then no crash between the catalog and
Scheduler goes unnoticed.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from datetime import datetime

from pynamodb.exceptions import DoesNotExist
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from chalicelib.store.catalog.drafts import ScheduleItem, UnsettledItem
from chalicelib.store.catalog.keys import SCHEDULE, SOURCES, UNSETTLED, dataset_pk
from chalicelib.store.catalog.published import PublishedSourcesItem
from chalicelib.store.due import due_shard

KIND = "scheduler"  # in the index of what is due
SEEN_TO_AFTER = 60  # seconds; who made the mark tells Scheduler at once, and if not, the tick does


def stored_schedules(dataset_uid: str) -> list[ScheduleItem]:
    """The stored schedules of a dataset, oldest first."""
    found = ScheduleItem.query(dataset_pk(dataset_uid), ScheduleItem.sk.startswith(SCHEDULE), consistent_read=True)
    return sorted(found, key=lambda item: (item.created_at, item.uid))


def mark(transaction: TransactWrite, item: ScheduleItem, now: datetime) -> None:
    """Mark a schedule, in the transaction that changes it."""
    transaction.update(UnsettledItem(item.pk, UNSETTLED + item.uid), _marking(item, now))


def mark_all(dataset_uid: str, now: datetime) -> list[str]:
    """Mark all schedules of a dataset, ahead of a change that bears on them; their uids."""
    items = stored_schedules(dataset_uid)
    for item in items:
        UnsettledItem(item.pk, UNSETTLED + item.uid).update(_marking(item, now))
    return [item.uid for item in items]


@contextmanager
def marked(dataset_uid: str, now: datetime) -> Iterator[None]:
    """A change inside that bears on all schedules of a dataset, which the tick tells Scheduler of. They are marked
    before, in case of a crash, and after it, in case somebody has settled them meanwhile."""
    mark_all(dataset_uid, now)
    yield
    mark_all(dataset_uid, now)


@contextmanager
def publishing(dataset_uid: str, now: datetime, *, has_remote: bool) -> Iterator[None]:
    """A change inside of what is published of a dataset, which its schedules are for when it `has_remote` resources."""
    with marked(dataset_uid, now) if publishes_remote(dataset_uid) != has_remote else nullcontext():
        yield


def publishes_remote(dataset_uid: str) -> bool:
    """Whether there are remote resources in what is published of a dataset, whatever has become of the draft."""
    with suppress(DoesNotExist):
        published = PublishedSourcesItem.get(dataset_pk(dataset_uid), SOURCES, consistent_read=True)
        return any(source.get("remote") for source in published.sources)
    return False


def _marking(item: ScheduleItem, now: datetime) -> list[Action]:
    return [
        UnsettledItem.nonce.set(secrets.token_hex(8)),
        UnsettledItem.expressions.set(item.expressions),
        UnsettledItem.due.set(due_shard(KIND, item.uid)),
        UnsettledItem.due_at.set(int(now.timestamp()) + SEEN_TO_AFTER),
    ]
