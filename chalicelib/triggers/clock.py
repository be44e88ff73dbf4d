"""The tick: once a minute, what is due is looked at. Whatever fails in one of its duties, the others are done."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from chalicelib import wiring
from chalicelib.services.alerts.checks import look_for_silence
from chalicelib.services.alerts.daily_report import make_report, report_due
from chalicelib.services.alerts.outbox import deliver
from chalicelib.services.runs.occurrences import take_up_runs
from chalicelib.services.schedules.scheduling import settle_due
from chalicelib.services.tick import ring_again
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.stores import Stores
from chalicelib.telemetry import count, count_tick, logger

MAX_SECONDS = 45.0
Duty = Callable[[Stores, datetime, Deadline], None]


def on_tick(context: Any) -> None:
    """Do what is due."""
    count_tick(wiring.settings().stage)
    left = context.get_remaining_time_in_millis() / 1000 - 6
    do_duties(wiring.stores(), datetime.now(UTC), Deadline(min(MAX_SECONDS, left)))


def do_duties(stores: Stores, now: datetime, deadline: Deadline, duties: Mapping[Duty, float] | None = None) -> None:
    """Do the duties of the tick in their order. Each has the time that is left but for what is kept for those after
    it. Raises the first failure, at the end."""
    failures, kept, whole = [], dict(duties or DUTIES), deadline.remaining()
    for duty in list(kept):
        del kept[duty]
        try:
            duty(stores, now, deadline.within(deadline.remaining() - whole * sum(kept.values())))
        except Exception as failure:
            logger.exception("a duty of the tick failed", extra={"action": "tick", "duty": duty.__name__.lstrip("_")})
            failures.append(failure)
    if failures:
        raise failures[0]


def _mark_and_report(stores: Stores, now: datetime, deadline: Deadline) -> None:
    """Leave the mark that the tick runs, and make the report of the day when it is due."""
    last: date | None = stores.tick_mark.note(now, deadline)
    day = report_due(now, last)
    if day is not None and stores.mailer is not None:
        made = make_report(stores, day, now, deadline)
        logger.info("daily report made", extra={"action": "report", "recipients": made})


def _ring_again(stores: Stores, now: datetime, deadline: Deadline) -> None:
    """Ring for what has waited for more than a minute: its ring was lost, or its worker died."""
    _tell("BellsRungAgain", ring_again(stores, now, deadline))


def _take_up_runs(stores: Stores, now: datetime, deadline: Deadline) -> None:
    """See to runs that are due again, or were left half-way."""
    taken_up = take_up_runs(stores, now, deadline)
    if taken_up.failure is not None:
        said = "the function that refreshes cannot be called"
        logger.error(said, extra={"action": "tick"}, exc_info=taken_up.failure)
        count({"RunCallsFailed": 1})
    _tell("RunsTakenUp", taken_up.runs)


def _settle_schedules(stores: Stores, now: datetime, deadline: Deadline) -> None:
    """Tell Scheduler what it was not told."""
    settled = settle_due(stores, now, deadline)
    for schedule_uid, failure in settled.failed.items():
        fields = {"action": "tick", "schedule_uid": schedule_uid}
        logger.error("Scheduler does not take a schedule", extra=fields, exc_info=failure)
    _tell("SchedulesSettled", settled.schedules)
    _tell("SchedulesNotSettled", len(settled.failed))


def _tell(metric: str, done: int) -> None:
    if done:
        logger.info("something was due", extra={"action": "tick", "metric": metric, "done": done})
        count({metric: done})


def _tell_of_silence(stores: Stores, now: datetime, deadline: Deadline) -> None:
    """Look for silence, and send what is in the outbox."""
    checked = look_for_silence(stores, now, deadline)
    for key, failure in checked.failed.items():
        logger.error("a check for silence failed", extra={"action": "alert", "watch": key}, exc_info=failure)
    delivery = deliver(stores, checked.notices, now, deadline)
    for reason in delivery.refused:
        logger.error("a mail was refused", extra={"action": "mail", "reason": reason})
    counts = {
        "SilenceNotices": len(checked.notices),
        "SilenceChecksFailed": len(checked.failed),
        "MailsSent": delivery.sent,
        "MailsRefused": len(delivery.refused),
        "NoticesGivenUp": delivery.given_up,
    }
    if counted := {name: value for name, value in counts.items() if value}:
        logger.info("looked for silence", extra={"action": "alert", "watches": checked.looked_at, "counts": counted})
        count(counted)


# How much of the time is kept for each while those before it are done. Those that call other services come last.
DUTIES: Mapping[Duty, float] = {
    _mark_and_report: 0.1,
    _tell_of_silence: 0.4,
    _ring_again: 0.1,
    _take_up_runs: 0.1,
    _settle_schedules: 0.1,
}
