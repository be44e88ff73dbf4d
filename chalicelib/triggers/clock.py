"""The tick: once a minute, what is due is looked at."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from chalicelib import wiring
from chalicelib.services.occurrences import take_up_runs
from chalicelib.services.scheduling import settle_due
from chalicelib.services.tick import ring_again
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.stores import Stores
from chalicelib.telemetry import count, logger

MAX_SECONDS = 45.0

Duty = Callable[[Stores, datetime, Deadline], int]


def on_tick(context: Any) -> None:
    """Do each duty of the tick."""
    left = context.get_remaining_time_in_millis() / 1000 - 6
    do_duties(wiring.stores(), datetime.now(UTC), Deadline(min(MAX_SECONDS, left)))


def do_duties(stores: Stores, now: datetime, deadline: Deadline) -> None:
    """Ring for what has waited for more than a minute (its ring was lost, or its worker died), and see to schedules
    and runs that were left half-way. A duty that fails does not stop the others; it is due again in a minute."""
    for metric, duty in _DUTIES.items():
        try:
            done = duty(stores, now, deadline)
        except Exception:
            logger.exception("a duty of the tick failed", extra={"action": "tick", "duty": duty.__name__})
            continue
        if done:
            logger.info("something was due", extra={"action": "tick", "duty": duty.__name__, "done": done})
            count({metric: done})


_DUTIES: Mapping[str, Duty] = {
    "BellsRungAgain": ring_again,
    "RunsTakenUp": take_up_runs,
    "SchedulesSettled": settle_due,
}
