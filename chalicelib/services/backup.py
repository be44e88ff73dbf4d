"""Backing up: what is accepted while recovery is on is kept, as it came in, before anybody is told OK.

The number is taken before anything is written, so that of two operations that follow one another the later one has the
greater number, whichever path each of them takes.
"""

import zlib
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

from chalicelib.domain.backup import Entry
from chalicelib.store.backups import upload_copy_key
from chalicelib.store.dynamodb import Deadline, with_retries
from chalicelib.store.stores import Stores

_SPREAD = 4 * 3600  # seconds of the night over which the sweeps of all datasets are spread


def back_up(stores: Stores, dataset_uid: str, entry: Entry, deadline: Deadline) -> list[str]:
    """Keep an entry; the keys of what was kept. Raises TemporarilyUnavailable when it cannot be: the operation is not
    to be acknowledged then."""
    numbered = _numbered(stores, dataset_uid, entry, deadline)
    return [stores.backups.keep(dataset_uid, numbered, deadline)]


def back_up_upload(stores: Stores, dataset_uid: str, entry: Entry, key: str, deadline: Deadline) -> list[str]:
    """Keep the entry of a large file, which lies under `key` among the jobs, with a copy of it."""
    numbered = _numbered(stores, dataset_uid, entry, deadline)
    copy = upload_copy_key(dataset_uid, numbered)
    with_retries(lambda: stores.backups.bucket.copy_from(stores.names.lane_bucket, key, copy), deadline)
    numbered = replace(numbered, upload={**(numbered.upload or {}), "key": copy})
    return [stores.backups.keep(dataset_uid, numbered, deadline), copy]


def sweep_at(dataset_uid: str, now: datetime) -> int:
    """When the log of a dataset is swept next, in epoch seconds: in the first hours of the next day (UTC), when
    everything that was accepted on the day before has been kept for an hour."""
    midnight = datetime.combine(now.astimezone(UTC).date() + timedelta(days=1), time(1), UTC)
    return int(midnight.timestamp()) + zlib.crc32(dataset_uid.encode()) % _SPREAD


def _numbered(stores: Stores, dataset_uid: str, entry: Entry, deadline: Deadline) -> Entry:
    at = sweep_at(dataset_uid, datetime.fromtimestamp(entry.accepted_at / 1000, UTC))
    return replace(entry, number=stores.backups.next_number(dataset_uid, at, deadline))
