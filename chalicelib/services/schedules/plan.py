"""Plans: when a schedule runs, read from what a client gives (a unix cron or a recurrence) or from what is stored."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chalicelib.domain.cron import NoCron
from chalicelib.domain.errors import ValidationFailed
from chalicelib.domain.recurrence import Recurrence, checked_recurrence, timetable_of
from chalicelib.domain.timetable import Timetable, cron_timetable
from chalicelib.store.catalog.drafts import ScheduleItem


@dataclass(frozen=True, kw_only=True)
class Plan:
    """When a schedule runs, and the recurrence that it was given as, if any."""

    timetable: Timetable
    recurrence: Recurrence | None = None

    @property
    def crons(self) -> list[str]:
        """The unix crons of which any runs it, on the days that the timetable counts."""
        return [cron.text for cron in self.timetable.crons]

    @property
    def cron_schedule(self) -> str | None:
        """The one unix cron that says it all, None when it takes more than that."""
        return self.crons[0] if len(self.crons) == 1 and self.timetable.starting is None else None


def cron_plan(expression: str, key: str = "cron_schedule") -> Plan:
    """The plan of a unix cron; ValidationFailed, under this key, when it is none."""
    try:
        return Plan(timetable=cron_timetable(expression))
    except NoCron as problem:
        raise ValidationFailed({key: [str(problem)]}) from None


def recurrence_plan(recurrence: Mapping[str, Any], now: datetime) -> Plan:
    """The plan of a recurrence; ValidationFailed when it is none."""
    try:
        checked = checked_recurrence(recurrence, now)
    except ValidationFailed as failed:
        raise ValidationFailed({f"recurrence.{name}": said for name, said in failed.detail.items()}) from None
    return Plan(timetable=timetable_of(checked), recurrence=checked)


def stored_plan(item: ScheduleItem) -> Plan:
    """The plan of a stored schedule."""
    if item.recurrence is None:
        return Plan(timetable=cron_timetable(item.cron_schedule))
    return Plan(timetable=timetable_of(item.recurrence), recurrence=item.recurrence)
