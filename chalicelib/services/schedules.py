"""Schedules of a dataset: when its remote resources are to be refreshed. Any number of them; they act at once."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pynamodb.exceptions import DoesNotExist

from chalicelib.domain import shape
from chalicelib.domain.cron import NoCron
from chalicelib.domain.errors import FeatureNotAvailable, NotFound, ValidationFailed
from chalicelib.domain.identifiers import is_uid, new_uid
from chalicelib.domain.shape import Key, checked
from chalicelib.domain.timetable import cron_timetable, shortest_interval
from chalicelib.services.datasets import find_dataset
from chalicelib.services.drafts import draft_resources
from chalicelib.store.catalog import SCHEDULE, ScheduleItem, conflicts_as_edit_conflict, dataset_pk

MAX_SCHEDULES = 100
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
    """Add a schedule."""
    find_dataset(dataset_uid)
    cron_schedule = _checked(dataset_uid, body, offer)
    if len(draft_schedules(dataset_uid)) >= MAX_SCHEDULES:
        raise ValidationFailed({"schedules": [f"there are {MAX_SCHEDULES} schedules already: delete some"]})
    uid = new_uid("sc")
    item = ScheduleItem(
        dataset_pk(dataset_uid),
        SCHEDULE + uid,
        uid=uid,
        cron_schedule=cron_schedule,
        created_at=now.isoformat(timespec="milliseconds"),
    )
    item.save()
    return shown(item)


def edit_schedule(dataset_uid: str, schedule_uid: str, body: Any, offer: Offer) -> dict[str, Any]:
    """Change a schedule's cron expression."""
    item = _load(dataset_uid, schedule_uid)
    item.cron_schedule = _checked(dataset_uid, body, offer, known=item)
    with conflicts_as_edit_conflict():
        item.save()
    return shown(item)


def delete_schedule(dataset_uid: str, schedule_uid: str) -> None:
    """Delete a schedule."""
    with conflicts_as_edit_conflict():
        _load(dataset_uid, schedule_uid).delete()


def shown(item: ScheduleItem) -> dict[str, Any]:
    """The schedule as the API shows it."""
    return {"uid": item.uid, "cron_schedule": item.cron_schedule}


def _load(dataset_uid: str, schedule_uid: str) -> ScheduleItem:
    find_dataset(dataset_uid)
    if is_uid(schedule_uid):
        with suppress(DoesNotExist):
            return ScheduleItem.get(dataset_pk(dataset_uid), SCHEDULE + schedule_uid, consistent_read=True)
    raise NotFound(f"This dataset has no schedule '{schedule_uid[:40]}': list them with GET schedules/.")


def _checked(dataset_uid: str, body: Any, offer: Offer, known: ScheduleItem | None = None) -> str:
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
    try:
        minutes = shortest_interval(cron_timetable(values["cron_schedule"]))
    except NoCron as problem:
        raise ValidationFailed({"cron_schedule": [str(problem)]}) from None
    if minutes < offer.minimum_minutes:
        raise ValidationFailed(
            {
                "cron_schedule": [
                    f"it would run every {minutes} minutes, this deployment allows every {offer.minimum_minutes}: "
                    "make it rarer, or ask the people who run it for minute schedules"
                ]
            }
        )
    return " ".join(str(values["cron_schedule"]).split())


_KEYS = {"cron_schedule": Key(problem=shape.text(least=9, most=200), required=True)}
