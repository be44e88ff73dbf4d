"""Backing up: what is accepted while recovery is on is kept, as it came in, before anybody is told OK.

The number is taken before anything is written, so that of two operations that follow one another the later one has the
greater number, whichever path each of them takes. Of two that overlap, as when a device sends again what takes long,
the one that began first may have the greater one; so it is kept when the number was taken. The configuration it was
prepared with is kept beside it: it tells under which ids records were stored then.
"""

import zlib
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from math import ceil
from typing import NamedTuple

from chalicelib.domain.backup import Entry
from chalicelib.domain.errors import TemporarilyUnavailable
from chalicelib.domain.live import LiveDataset
from chalicelib.store.backups import entries_key, upload_copy_key
from chalicelib.store.dynamodb import Deadline, with_retries
from chalicelib.store.stores import Stores

_SPREAD = 4 * 3600  # seconds of the night over which the sweeps of all datasets are spread


def back_up(stores: Stores, live: LiveDataset, entry: Entry, deadline: Deadline) -> list[str]:
    """Keep an entry of what was prepared for `live`, accepted when the deadline began to run; the keys of what was
    kept. Raises TemporarilyUnavailable when it cannot be: the operation is not to be acknowledged then."""
    numbered = _numbered(stores, live, entry, deadline)
    return [stores.backups.keep(live.dataset_uid, numbered, deadline)]


class Uploaded(NamedTuple):
    """A large file among the jobs: its key, and the ETag that tells it from another one that may come there."""

    key: str
    etag: str | None


def back_up_upload(stores: Stores, live: LiveDataset, entry: Entry, file: Uploaded, deadline: Deadline) -> list[str]:
    """Keep the entry of a large file with a copy of it. What may have been kept half-way is taken back: whoever pushed
    the file is told that nothing of it was accepted."""
    numbered = _numbered(stores, live, entry, deadline)
    copy = upload_copy_key(live.dataset_uid, numbered)
    numbered = replace(numbered, upload={**(numbered.upload or {}), "key": copy})
    try:
        bucket, lane = stores.backups.bucket, stores.names.lane_bucket
        with_retries(
            lambda: bucket.copy_from(lane, file.key, copy, etag=file.etag, seconds=deadline.remaining()), deadline
        )
        return [stores.backups.keep(live.dataset_uid, numbered, deadline), copy]
    except TemporarilyUnavailable:
        stores.backups.withdraw([entries_key(live.dataset_uid, numbered.resource_uid, [numbered]), copy])
        raise


def sweep_at(dataset_uid: str, now: datetime) -> int:
    """When the log of a dataset is swept next, in epoch seconds: in the first hours of the next day (UTC), when
    everything that was accepted on the day before has been kept for an hour."""
    midnight = datetime.combine(now.astimezone(UTC).date() + timedelta(days=1), time(1), UTC)
    return int(midnight.timestamp()) + zlib.crc32(dataset_uid.encode()) % _SPREAD


def _numbered(stores: Stores, live: LiveDataset, entry: Entry, deadline: Deadline) -> Entry:
    stores.backups.keep_configuration(live.dataset_uid, live.intake, deadline)
    at = sweep_at(live.dataset_uid, datetime.fromtimestamp(entry.accepted_at / 1000, UTC))
    number = stores.backups.next_number(live.dataset_uid, at, deadline)
    numbered_at = entry.accepted_at + ceil(1000 * deadline.elapsed())
    return replace(entry, configuration=live.intake.kept_as, number=number, numbered_at=numbered_at)
