"""Whether the watcher itself is awake."""

from datetime import datetime, timedelta
from typing import Any

from chalicelib.domain.errors import TemporarilyUnavailable
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.stores import Stores

TICK_IS_LATE_AFTER = timedelta(minutes=3)


def health_of(stores: Stores, now: datetime, deadline: Deadline) -> dict[str, Any]:
    """What the health page says: `degraded` when the tick has not run for three minutes, or storage does not tell.
    Pushes and reads work all the same, but alerts and what is queued do not. A tick that has never run is not late: the
    deployment is about to begin."""
    try:
        last = stores.tick_mark.last(deadline)
        is_late = last is not None and now - last > TICK_IS_LATE_AFTER
    except TemporarilyUnavailable:
        last, is_late = None, True
    shown = None if last is None else last.isoformat(timespec="seconds")
    return {"status": "degraded" if is_late else "OK", "tick": {"last_at": shown, "is_late": is_late}}
