"""How many records a dataset has: exact up to 50,000, beyond that at most a minute old.

Counting reads every record, so a count is kept and used for a minute. A kept count of 50,000 or less must still be
exact: it is used only while the mark of the last change is the one that stood when it was taken, and only when that
change was over by then. A mark says when a request began, and no request writes for longer than SETTLED.
"""

from contextlib import suppress
from datetime import datetime, timedelta

from chalicelib.domain.errors import TemporarilyUnavailable
from chalicelib.domain.live import LiveDataset
from chalicelib.store.counts import LastSeen, StoredCount
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.stores import Stores

EXACT = 50_000  # records
SETTLED = FRESH = timedelta(seconds=60)


def is_settled(mark: str | None, now: datetime) -> bool:
    """Whether the last change of data is over, so that even eventually consistent reads show it."""
    return mark is None or now - datetime.fromisoformat(mark) >= SETTLED


def count_records(stores: Stores, live: LiveDataset, seen: LastSeen, now: datetime, deadline: Deadline) -> int:
    """How many records the dataset has. `seen` must have been read for this request, at `now` or later."""
    kept = usable_count(live, seen, now)
    if kept is not None:
        return kept
    settled = is_settled(seen.mark, now)
    try:
        counted = stores.reader.count(live.partition, deadline, consistent=not settled)
    except TemporarilyUnavailable:
        # Too many to count in one request: an older count tells more than no answer.
        if seen.stored is not None and seen.stored.partition == live.partition:
            return seen.stored.records
        raise
    if counted > EXACT or settled:
        moment = int(now.timestamp() * 1000)
        with suppress(TemporarilyUnavailable):  # the count is known; keeping it only spares the next reader
            stores.counts.keep(live.dataset_uid, StoredCount(counted, live.partition, seen.mark, moment), deadline)
    return counted


def usable_count(live: LiveDataset, seen: LastSeen, now: datetime) -> int | None:
    """The kept count, when it still may be told."""
    kept = seen.stored
    if kept is None or kept.partition != live.partition:
        return None
    counted_at = datetime.fromtimestamp(kept.counted_at / 1000, now.tzinfo)
    if not timedelta() <= now - counted_at <= FRESH:
        return None
    exact = kept.mark == seen.mark and is_settled(kept.mark, counted_at)
    return kept.records if exact or kept.records > EXACT else None
