"""What a schedule would do, before it is saved: its sentence, its next runs, and whether the deployment allows it."""

from datetime import datetime, timedelta
from typing import Any

from chalicelib.domain.errors import InvalidJson, InvalidPayload, ValidationFailed
from chalicelib.domain.paris_time import TIMEZONE
from chalicelib.domain.payload import parse_json
from chalicelib.domain.schedule_sentence import describe
from chalicelib.domain.timetable import shortest_interval
from chalicelib.domain.upcoming import Run, next_runs, skipped_runs
from chalicelib.services.datasets.datasets import find_dataset
from chalicelib.services.schedules.plan import Plan, cron_plan, recurrence_plan
from chalicelib.services.schedules.schedules import MAX_CRON, Offer

RUNS = 10
_AHEAD = timedelta(days=366)  # the next change of the clocks is within it


def preview_schedule(
    dataset_uid: str, cron: str | None, recurrence: str | None, offer: Offer, now: datetime
) -> dict[str, Any]:
    """The preview of a unix cron, or of a recurrence as JSON text. `skipped` are wall times of Paris that the clocks
    will skip: until the last run shown, and for a year at least."""
    find_dataset(dataset_uid)
    offer.check()
    plan = _plan(cron, recurrence, now)
    runs = next_runs(plan.timetable, now, RUNS)
    shortest = shortest_interval(plan.timetable)
    skipped = skipped_runs(plan.timetable, now, max(now + _AHEAD, runs[-1].utc))
    return {
        "sentence": describe(plan.timetable),
        "timezone": TIMEZONE,
        "cron_schedule": plan.cron_schedule,
        "crons": plan.crons,
        "recurrence": plan.recurrence,
        "runs": [_shown(run) for run in runs],
        "skipped": [wall.isoformat(timespec="minutes") for wall in skipped],
        "shortest_interval_minutes": shortest,
        "minimum_interval_minutes": offer.minimum_minutes,
        "is_allowed": shortest >= offer.minimum_minutes,
    }


def _plan(cron: str | None, recurrence: str | None, now: datetime) -> Plan:
    if (cron is None) == (recurrence is None):
        raise ValidationFailed({"cron": ["give either cron, such as 0 2 * * *, or recurrence, a JSON object"]})
    if recurrence is not None:
        return recurrence_plan(_parsed(recurrence), now)
    if cron is None or len(cron) > MAX_CRON:
        raise ValidationFailed({"cron": [f"expected text of at most {MAX_CRON} characters"]})
    return cron_plan(cron, key="cron")


def _parsed(recurrence: str) -> dict[str, Any]:
    try:
        value = parse_json(recurrence.encode(errors="replace"), name="The parameter recurrence")
    except (InvalidJson, InvalidPayload) as problem:
        raise ValidationFailed({"recurrence": [problem.message]}) from None
    if not isinstance(value, dict):
        raise ValidationFailed({"recurrence": ["expected a JSON object"]})
    return value


def _shown(run: Run) -> dict[str, Any]:
    return {"paris": run.paris.isoformat(), "utc": run.utc.isoformat(), "note": run.note}
