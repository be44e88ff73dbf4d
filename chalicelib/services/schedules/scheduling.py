"""Keeping EventBridge Scheduler in step with the schedules of datasets.

What a schedule is lies in the catalog; Scheduler is told afterwards. Whatever changes a schedule marks it
(`datasets/schedule_marks.py`), and the mark is taken away when Scheduler knows. Whoever dies in between leaves the
mark, and the tick sees to it. One at a time tells Scheduler about a schedule, so that nobody overwrites what is newer.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.exceptions import DoesNotExist

from chalicelib.domain.errors import EditConflict, NotFound, TemporarilyUnavailable
from chalicelib.domain.scheduler_expression import SchedulerExpression, translate
from chalicelib.services.datasets.datasets import find_dataset
from chalicelib.services.datasets.drafts import draft_resources
from chalicelib.services.datasets.schedule_marks import KIND, mark_all, publishes_remote
from chalicelib.services.schedules.plan import stored_plan
from chalicelib.store.catalog.drafts import ScheduleItem, UnsettledItem
from chalicelib.store.catalog.keys import SCHEDULE, UNSETTLED, dataset_pk
from chalicelib.store.catalog.transactions import conflicts_as_edit_conflict
from chalicelib.store.dynamodb import Deadline, aws_faults_as_unavailable
from chalicelib.store.scheduler import SCHEDULED_TIME
from chalicelib.store.stores import Stores

CLAIM = 90  # seconds; longer than a request or the tick may live
NOTHING_REMOTE = "The dataset has no remote resource: add one, and its schedules run again."
_READING = 5.0  # seconds


@dataclass(kw_only=True)
class Settled:
    """What telling Scheduler came to: how many schedules it knows now, and those that it does not take (by uid, with
    why). They stay due; what passes by itself is not among them."""

    schedules: int = 0
    failed: dict[str, Exception] = field(default_factory=dict)


def settle(stores: Stores, dataset_uid: str, schedule_uids: Iterable[str], now: datetime) -> None:
    """Tell Scheduler about these schedules. What it cannot be told now it is told by the tick, which reports what
    Scheduler does not take."""
    for schedule_uid in schedule_uids:
        with suppress(ClientError, BotoCoreError, EditConflict, TemporarilyUnavailable), aws_faults_as_unavailable():
            _settle(stores, dataset_uid, schedule_uid, now)


def settle_all(stores: Stores, dataset_uid: str, now: datetime) -> None:
    """Tell Scheduler about all schedules of a dataset, after a change that they were marked ahead of. They are marked
    anew: somebody else may have settled them between the two."""
    settle(stores, dataset_uid, mark_all(dataset_uid, now), now)


def settle_due(stores: Stores, now: datetime, deadline: Deadline) -> Settled:
    """Tell Scheduler about what was marked more than a minute ago."""
    settled = Settled()
    for pk, sk in stores.due.keys(KIND, int(now.timestamp()), deadline):
        if deadline.has_passed():
            break
        schedule_uid = sk.removeprefix(UNSETTLED)
        try:
            with aws_faults_as_unavailable():
                _settle(stores, pk.removeprefix(dataset_pk("")), schedule_uid, now)
        except (EditConflict, TemporarilyUnavailable):
            continue  # somebody else is at it, or it will pass
        except (ClientError, BotoCoreError) as failure:
            settled.failed[schedule_uid] = failure
        else:
            settled.schedules += 1
    return settled


def paused_because(stores: Stores, dataset_uid: str) -> str | None:
    """Why the schedules of a dataset do not run."""
    if not has_remote(dataset_uid):
        return NOTHING_REMOTE
    return stores.runs.refreshing(dataset_uid, Deadline(_READING)).paused_because


def has_remote(dataset_uid: str) -> bool:
    """Whether a dataset has a remote resource: in its draft, or as it is published, which is what runs fetch."""
    return any(resource.source for resource in draft_resources(dataset_uid)) or publishes_remote(dataset_uid)


def schedule_name(schedule_uid: str, number: int) -> str:
    """The name in Scheduler of one of a schedule's expressions."""
    return f"{schedule_uid}-{number}"


def _settle(stores: Stores, dataset_uid: str, schedule_uid: str, now: datetime) -> None:
    """Tell Scheduler about a schedule until nothing has changed meanwhile. A failure leaves the claim, and so the rest
    to the tick, after it has run out."""
    unsettled = UnsettledItem(dataset_pk(dataset_uid), UNSETTLED + schedule_uid)
    until = int(now.timestamp()) + CLAIM
    is_free = UnsettledItem.claimed_until.does_not_exist() | (UnsettledItem.claimed_until < int(now.timestamp()))
    with conflicts_as_edit_conflict():
        unsettled.update(
            [UnsettledItem.claimed_until.set(until), UnsettledItem.due_at.set(until)],
            condition=UnsettledItem.nonce.exists() & is_free,
        )
    while True:
        _tell(stores, dataset_uid, schedule_uid, int(unsettled.expressions), now)
        try:
            with conflicts_as_edit_conflict():
                unsettled.delete(condition=UnsettledItem.nonce == unsettled.nonce)
        except EditConflict:
            with suppress(DoesNotExist):
                unsettled.refresh(consistent_read=True)
                continue
        return


def _tell(stores: Stores, dataset_uid: str, schedule_uid: str, most: int, now: datetime) -> None:
    wanted = _wanted(stores, dataset_uid, schedule_uid)
    payload = {"dataset_uid": dataset_uid, "schedule_uid": schedule_uid, "scheduled_time": SCHEDULED_TIME}
    for number, expression in enumerate(wanted):
        stores.scheduler.put(schedule_name(schedule_uid, number), expression, payload, now)
    for number in range(len(wanted), most):
        stores.scheduler.delete(schedule_name(schedule_uid, number))


def _wanted(stores: Stores, dataset_uid: str, schedule_uid: str) -> Sequence[SchedulerExpression]:
    """What Scheduler should have: nothing for a schedule that is gone or does not run."""
    try:
        item = ScheduleItem.get(dataset_pk(dataset_uid), SCHEDULE + schedule_uid, consistent_read=True)
    except DoesNotExist:
        return ()
    try:
        find_dataset(dataset_uid)
    except NotFound:  # its deletion died half-way
        item.delete(add_version_condition=False)
        return ()
    return () if paused_because(stores, dataset_uid) else translate(stored_plan(item).timetable)
