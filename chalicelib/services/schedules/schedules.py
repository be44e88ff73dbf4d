"""Schedules of a dataset: when its remote resources are to be refreshed. They act at once."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pynamodb.exceptions import DoesNotExist

from chalicelib.domain import shape
from chalicelib.domain.errors import FeatureNotAvailable, NotFound, ValidationFailed
from chalicelib.domain.identifiers import is_uid, new_uid
from chalicelib.domain.scheduler_expression import translate
from chalicelib.domain.shape import REQUIRED, Key, Problem, checked
from chalicelib.domain.timetable import shortest_interval
from chalicelib.domain.upcoming import next_runs
from chalicelib.services.alerts.settings import NOBODY, Requester
from chalicelib.services.datasets.datasets import find_dataset
from chalicelib.services.datasets.schedule_marks import mark, mark_all, stored_schedules
from chalicelib.services.schedules.plan import Plan, cron_plan, recurrence_plan, stored_plan
from chalicelib.services.schedules.scheduling import has_remote, paused_because, settle, settle_all
from chalicelib.store.catalog.drafts import ScheduleItem
from chalicelib.store.catalog.keys import SCHEDULE, dataset_pk
from chalicelib.store.catalog.transactions import one_transaction
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.stores import Stores

MAX_SCHEDULES, MAX_CRON = 100, 200
NEXT_RUNS = 3
MINUTES, HOUR = 1, 60
_MOMENT = 5.0  # seconds


@dataclass(frozen=True, kw_only=True)
class Offer:
    """What the deployment offers: schedules at all, and the least minutes between two runs of one schedule."""

    scheduling: bool
    minimum_minutes: int

    def check(self) -> None:
        """Refuse when schedules are not offered."""
        if not self.scheduling:
            raise FeatureNotAvailable(
                "This deployment does not offer scheduling: ask the people who run it to enable it."
            )


def list_schedules(stores: Stores, dataset_uid: str, now: datetime) -> list[dict[str, Any]]:
    """The schedules of a dataset, oldest first."""
    find_dataset(dataset_uid)
    because = paused_because(stores, dataset_uid)
    return [_shown(item, because, now) for item in stored_schedules(dataset_uid)]


def find_schedule(stores: Stores, dataset_uid: str, schedule_uid: str, now: datetime) -> dict[str, Any]:
    """One schedule of this dataset, else NotFound."""
    return _shown(_load(dataset_uid, schedule_uid), paused_because(stores, dataset_uid), now)


def create_schedule(
    stores: Stores, dataset_uid: str, body: Any, offer: Offer, now: datetime, *, requester: Requester = NOBODY
) -> dict[str, Any]:
    """Add a schedule: a unix cron, or a recurrence. Mails about it go to the requester."""
    find_dataset(dataset_uid)
    plan = _checked(dataset_uid, body, offer, now)
    if len(stored_schedules(dataset_uid)) >= MAX_SCHEDULES:
        raise ValidationFailed({"schedules": [f"there are {MAX_SCHEDULES} schedules already: delete some"]})
    uid = new_uid("sc")
    item = ScheduleItem(
        dataset_pk(dataset_uid),
        SCHEDULE + uid,
        uid=uid,
        cron_schedule="\n".join(plan.crons),
        recurrence=plan.recurrence,
        expressions=len(translate(plan.timetable)),
        owner=requester.email,
        base_url=requester.base_url or None,
        created_at=now.isoformat(timespec="milliseconds"),
    )
    with one_transaction() as transaction:
        transaction.save(item)
        mark(transaction, item, now)
    settle(stores, dataset_uid, [uid], now)
    return find_schedule(stores, dataset_uid, uid, now)


def edit_schedule(
    stores: Stores, dataset_uid: str, schedule_uid: str, body: Any, offer: Offer, *, now: datetime
) -> dict[str, Any]:
    """Change when a schedule runs. The schedules of the dataset go on if they were paused after too many failures."""
    item = _load(dataset_uid, schedule_uid)
    known = _shown(item, paused_because(stores, dataset_uid), now)
    plan = _checked(dataset_uid, body, offer, now, known=known)
    item.cron_schedule, item.recurrence = "\n".join(plan.crons), plan.recurrence
    item.expressions = max(item.expressions, len(translate(plan.timetable)))
    with one_transaction() as transaction:
        transaction.save(item)
        mark(transaction, item, now)
    settle(stores, dataset_uid, [schedule_uid], now)
    _resume(stores, dataset_uid, now)
    return find_schedule(stores, dataset_uid, schedule_uid, now)


def delete_schedule(stores: Stores, dataset_uid: str, schedule_uid: str, now: datetime) -> None:
    """Delete a schedule."""
    item = _load(dataset_uid, schedule_uid)
    with one_transaction() as transaction:
        transaction.delete(item)
        mark(transaction, item, now)
    settle(stores, dataset_uid, [schedule_uid], now)


def described(item: ScheduleItem) -> dict[str, Any]:
    """When a schedule runs. `cron_schedule` is null when a recurrence takes more than one unix cron."""
    if item.recurrence is None:
        return {"uid": item.uid, "cron_schedule": item.cron_schedule}
    return {"uid": item.uid, "cron_schedule": stored_plan(item).cron_schedule, "recurrence": item.recurrence}


def _shown(item: ScheduleItem, because: str | None, now: datetime) -> dict[str, Any]:
    """The schedule as the API shows it: what it is, and what will come of it."""
    runs = [] if because else next_runs(stored_plan(item).timetable, now, NEXT_RUNS)
    return {
        **described(item),
        "is_paused": because is not None,
        "paused_because": because,
        "next_runs": [run.paris.isoformat() for run in runs],
    }


def _resume(stores: Stores, dataset_uid: str, now: datetime) -> None:
    """Let schedules go on that were paused after too many failures."""
    deadline = Deadline(_MOMENT)
    if stores.runs.refreshing(dataset_uid, deadline).paused_because is not None:
        mark_all(dataset_uid, now)
        stores.runs.forget_failures(dataset_uid, deadline)
        settle_all(stores, dataset_uid, now)


def _load(dataset_uid: str, schedule_uid: str) -> ScheduleItem:
    find_dataset(dataset_uid)
    if is_uid(schedule_uid):
        with suppress(DoesNotExist):
            return ScheduleItem.get(dataset_pk(dataset_uid), SCHEDULE + schedule_uid, consistent_read=True)
    raise NotFound(f"This dataset has no schedule '{schedule_uid[:40]}': list them with GET schedules/.")


def _checked(dataset_uid: str, body: Any, offer: Offer, now: datetime, known: Mapping[str, Any] | None = None) -> Plan:
    offer.check()
    values = checked(body, _KEYS, read_only=known)
    if not has_remote(dataset_uid):
        raise ValidationFailed(
            {
                "cron_schedule": [
                    "the dataset has no remote resource to refresh: add one, realtime ones need no schedule"
                ]
            }
        )
    plan = _plan(values, now)
    minutes = shortest_interval(plan.timetable)
    if minutes < offer.minimum_minutes:
        raise ValidationFailed(
            {
                "recurrence" if plan.recurrence else "cron_schedule": [
                    f"it would run every {minutes} minutes, this deployment allows every {offer.minimum_minutes}: "
                    "make it rarer, or ask the people who run it for minute schedules"
                ]
            }
        )
    return plan


def _plan(values: Mapping[str, Any], now: datetime) -> Plan:
    cron, recurrence = values.get("cron_schedule"), values.get("recurrence")
    if recurrence is not None:
        plan = recurrence_plan(recurrence, now)
        if cron not in (None, plan.cron_schedule):
            raise ValidationFailed({"cron_schedule": ["it differs from the recurrence: leave one of the two out"]})
        return plan
    if cron is None:
        raise ValidationFailed(
            {"cron_schedule": [f"{REQUIRED}, or recurrence instead: it says when to run. {_PAUSES}"]}
        )
    return cron_plan(cron)


def _or_null(problem: Problem) -> Problem:
    return lambda value: None if value is None else problem(value)


_PAUSES = "Schedules pause by themselves only, after many failures: to stop one, delete it"
_KEYS = {
    "cron_schedule": Key(problem=_or_null(shape.text(least=1, most=MAX_CRON))),
    "recurrence": Key(problem=_or_null(shape.an_object)),
}
