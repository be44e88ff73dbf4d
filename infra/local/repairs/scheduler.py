"""EventBridge Scheduler: time zones, validation, context attributes, and no burst after a restart."""

import functools
import time
from collections.abc import Mapping
from typing import Any

from ministack.services import eventbridge, scheduler

from infra.local import schedule_rules

_HOW_OFTEN = 1.0


class Ticker:
    """Fires the emulator's schedules when they fall due; remembers in memory alone what it fired last."""

    def __init__(self, started_at: float) -> None:
        self._started_at = started_at
        self._last_fired: dict[Any, float] = {}

    def tick(self) -> None:
        """Fire every schedule that has fallen due since it last fired, each of them once."""
        now = time.time()
        account, region = scheduler.get_account_id(), scheduler.get_region()
        try:
            for key, schedule in list(scheduler._schedules._data.items()):
                due = self._due(key, schedule, now)
                if due is not None:
                    self._last_fired[key] = now
                    fire(key, schedule, due)
        finally:
            scheduler.set_request_account_id(account)
            scheduler.set_request_region(region)

    def _due(self, key: Any, schedule: Mapping[str, Any], now: float) -> float | None:
        if schedule.get("State") != "ENABLED":
            return None
        # Occurrences missed while the local cloud was down, or before the schedule was last changed, stay missed.
        since = max(self._last_fired.get(key, 0.0), self._started_at, schedule["LastModificationDate"])
        due = next_due(schedule, since)
        start, end = (scheduler._to_epoch(schedule.get(name)) for name in ("StartDate", "EndDate"))
        if due is None or due > now or (start and due < start) or (end and due > end):
            return None
        return due


def next_due(schedule: Mapping[str, Any], after: float) -> float | None:
    """The first instant later than `after` (seconds since the epoch) at which the schedule falls due, or None."""
    expression = schedule["ScheduleExpression"].strip()
    zone = schedule_rules.find_zone(schedule.get("ScheduleExpressionTimezone"))
    if zone is None:
        return None
    seconds = eventbridge._parse_rate_seconds(expression)
    if seconds is not None:
        start = scheduler._to_epoch(schedule.get("StartDate"))
        return schedule_rules.next_rate(seconds, start or schedule["CreationDate"] + seconds, after)
    fields = eventbridge._parse_cron_fields(expression)
    if fields is None:
        instant = schedule_rules.at_instant(expression, zone)
        return instant if instant is not None and instant > after else None

    def next_wall(wall: Any) -> Any:
        found = eventbridge._cron_next_fire(fields, wall.replace(tzinfo=schedule_rules.find_zone("UTC")))
        return found and found.replace(tzinfo=None)

    return schedule_rules.next_cron(next_wall, zone, after)


def fire(key: tuple[str, str, str], schedule: Mapping[str, Any], due: float) -> None:
    """Send the schedule's input to its target, as the occurrence of `due`."""
    account, region, _ = key
    scheduler.set_request_account_id(account)
    scheduler.set_request_region(region)
    target = dict(schedule["Target"])
    if "Input" in target:
        target["Input"] = schedule_rules.filled(
            target["Input"], due=due, arn=schedule["Arn"], execution_id=scheduler.new_uuid()
        )
    event = {
        "EventId": scheduler.new_uuid(),
        "Source": "aws.scheduler",
        "DetailType": "Scheduled Event",
        "Detail": "{}",
        "Time": due,
        "Resources": [schedule["Arn"]],
        "Account": account,
        "Region": region,
    }
    eventbridge._invoke_target(target, event, schedule)
    done = schedule["ScheduleExpression"].startswith("at(") and schedule.get("ActionAfterCompletion") == "DELETE"
    if done:
        scheduler._schedules._data.pop(key, None)


def problem_of(body: Mapping[str, Any]) -> str | None:
    """What Scheduler would say against the schedule in a request's `body`, or None when it is right."""
    expression = (body.get("ScheduleExpression") or "").strip()
    zone = schedule_rules.find_zone(body.get("ScheduleExpressionTimezone"))
    if zone is None:
        return "Invalid Schedule Timezone."
    if (
        eventbridge._parse_rate_seconds(expression) is None
        and eventbridge._parse_cron_fields(expression) is None
        and schedule_rules.at_instant(expression, zone) is None
    ):
        return f"Invalid Schedule Expression {expression}."
    return None


def _validated(store: Any) -> Any:
    @functools.wraps(store)
    def validated(name: str, body: Mapping[str, Any]) -> Any:
        problem = problem_of(body)
        return scheduler._error(400, "ValidationException", problem) if problem else store(name, body)

    return validated


def apply(started_at: float) -> None:
    """Replace the emulator's firing loop and validate schedules when they are written."""
    scheduler._tick_schedules = Ticker(started_at).tick
    scheduler._SCHEDULE_TICK_INTERVAL = _HOW_OFTEN
    scheduler._create_schedule = _validated(scheduler._create_schedule)
    scheduler._update_schedule = _validated(scheduler._update_schedule)
