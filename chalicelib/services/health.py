"""Whether the watcher itself is awake."""

from datetime import datetime, timedelta
from typing import Any

from chalicelib.domain.errors import TemporarilyUnavailable
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.stores import Stores

TICK_IS_LATE_AFTER = timedelta(minutes=3)


def health_of(stores: Stores, now: datetime, deadline: Deadline) -> dict[str, Any]:
    """What the health page says: `degraded` when the tick has not run for three minutes, or storage does not tell.
    Pushes and reads work all the same, but alerts and what is queued do not."""
    try:
        last = stores.tick_mark.last(deadline)
    except TemporarilyUnavailable:
        last = None
    is_late = last is None or now - last > TICK_IS_LATE_AFTER
    shown = None if last is None else last.isoformat(timespec="seconds")
    return {"status": "degraded" if is_late else "OK", "tick": {"last_at": shown, "is_late": is_late}}
