"""The tick: once a minute, what is due is looked at."""

from datetime import UTC, datetime
from typing import Any

from chalicelib import wiring
from chalicelib.services.tick import ring_again
from chalicelib.store.dynamodb import Deadline
from chalicelib.telemetry import count, logger

MAX_SECONDS = 45.0


def on_tick(context: Any) -> None:
    """Ring for what has waited for more than a minute: its ring was lost, or its worker died."""
    left = context.get_remaining_time_in_millis() / 1000 - 6
    rung = ring_again(wiring.stores(), datetime.now(UTC), Deadline(min(MAX_SECONDS, left)))
    if rung:
        logger.info("rang again", extra={"action": "tick", "rung": rung})
        count({"BellsRungAgain": rung})
