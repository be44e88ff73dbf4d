"""Schedules of a dataset: when its remote resources are to be refreshed. Any number of them; they act at once."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pynamodb.exceptions import DoesNotExist

from chalicelib.domain import shape
from chalicelib.domain.errors import FeatureNotAvailable, NotFound, ValidationFailed
from chalicelib.domain.identifiers import is_uid, new_uid
from chalicelib.domain.shape import REQUIRED, Key, Problem, checked
from chalicelib.domain.timetable import shortest_interval
from chalicelib.services.datasets import find_dataset
from chalicelib.services.drafts import draft_resources
from chalicelib.services.schedule_plan import Plan, cron_plan, recurrence_plan, stored_plan
from chalicelib.store.catalog import SCHEDULE, ScheduleItem, conflicts_as_edit_conflict, dataset_pk

MAX_SCHEDULES, MAX_CRON = 100, 200
MINUTES, HOUR = 1, 60


@dataclass(frozen=True, kw_only=True)
class Offer:
    """What the deployment offers: schedules at all, and the least minutes between two runs."""

    scheduling: bool
    minimum_minutes: int

    def check(self) -> None:
        """Refuse when schedules are not offered."""
        if not self.scheduling:
            raise FeatureNotAvailable(
                "This deployment does not offer scheduling: ask the people who run it to enable it."
            )


def list_schedules(dataset_uid: str) -> list[dict[str, Any]]:
    """The schedules of a dataset, oldest first."""
    find_dataset(dataset_uid)
    return [shown(item) for item in draft_schedules(dataset_uid)]


def draft_schedules(dataset_uid: str) -> list[ScheduleItem]:
    """The stored schedules, oldest first."""
    found = ScheduleItem.query(dataset_pk(dataset_uid), ScheduleItem.sk.startswith(SCHEDULE), consistent_read=True)
    return sorted(found, key=lambda item: (item.created_at, item.uid))


def find_schedule(dataset_uid: str, schedule_uid: str) -> dict[str, Any]:
    """One schedule of this dataset, else NotFound."""
    return shown(_load(dataset_uid, schedule_uid))


def create_schedule(dataset_uid: str, body: Any, offer: Offer, now: datetime) -> dict[str, Any]:
    """Add a schedule: a unix cron, or a recurrence."""
    find_dataset(dataset_uid)
    plan = _checked(dataset_uid, body, offer, now)
    if len(draft_schedules(dataset_uid)) >= MAX_SCHEDULES:
        raise ValidationFailed({"schedules": [f"there are {MAX_SCHEDULES} schedules already: delete some"]})
    uid = new_uid("sc")
    item = ScheduleItem(
        dataset_pk(dataset_uid),
        SCHEDULE + uid,
        uid=uid,
        cron_schedule="\n".join(plan.crons),
        recurrence=plan.recurrence,
        created_at=now.isoformat(timespec="milliseconds"),
    )
    item.save()
    return shown(item)


def edit_schedule(dataset_uid: str, schedule_uid: str, body: Any, offer: Offer, now: datetime) -> dict[str, Any]:
    """Change when a schedule runs."""
    item = _load(dataset_uid, schedule_uid)
    plan = _checked(dataset_uid, body, offer, now, known=item)
    item.cron_schedule, item.recurrence = "\n".join(plan.crons), plan.recurrence
    with conflicts_as_edit_conflict():
        item.save()
    return shown(item)


def delete_schedule(dataset_uid: str, schedule_uid: str) -> None:
    """Delete a schedule."""
    with conflicts_as_edit_conflict():
        _load(dataset_uid, schedule_uid).delete()


def shown(item: ScheduleItem) -> dict[str, Any]:
    """The schedule as the API shows it. `cron_schedule` is null when a recurrence takes more than one unix cron."""
    if item.recurrence is None:
        return {"uid": item.uid, "cron_schedule": item.cron_schedule}
    return {"uid": item.uid, "cron_schedule": stored_plan(item).cron_schedule, "recurrence": item.recurrence}


def _load(dataset_uid: str, schedule_uid: str) -> ScheduleItem:
    find_dataset(dataset_uid)
    if is_uid(schedule_uid):
        with suppress(DoesNotExist):
            return ScheduleItem.get(dataset_pk(dataset_uid), SCHEDULE + schedule_uid, consistent_read=True)
    raise NotFound(f"This dataset has no schedule '{schedule_uid[:40]}': list them with GET schedules/.")


def _checked(dataset_uid: str, body: Any, offer: Offer, now: datetime, known: ScheduleItem | None = None) -> Plan:
    offer.check()
    values = checked(body, _KEYS, read_only=shown(known) if known else None)
    if not any(resource.source for resource in draft_resources(dataset_uid)):
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
        raise ValidationFailed({"cron_schedule": [REQUIRED]})
    return cron_plan(cron)


def _or_null(problem: Problem) -> Problem:
    return lambda value: None if value is None else problem(value)


_KEYS = {
    "cron_schedule": Key(problem=_or_null(shape.text(least=1, most=MAX_CRON))),
    "recurrence": Key(problem=_or_null(shape.an_object)),
}
