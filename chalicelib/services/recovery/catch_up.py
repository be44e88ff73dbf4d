"""Catching up, before a recovery is applied: what was accepted while the log was being read, or was under way then, is
read when the last direct writer has ended, and goes before what was read earlier.

That may be much. What it touches is kept every now and then with how far it got, and the next worker goes on there;
visits that get no further are counted.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from chalicelib.domain.errors import TemporarilyUnavailable
from chalicelib.domain.job import Job
from chalicelib.domain.prepared_record import PreparedRecord
from chalicelib.domain.receipt import Tally
from chalicelib.domain.replayed import Replayed
from chalicelib.services.recovery.former_ids import KEY_BYTES
from chalicelib.services.recovery.replay import Replay, Scope
from chalicelib.services.recovery.writing import replayed_of, write_replayed
from chalicelib.services.writing.job_payload import load_keys
from chalicelib.store.backups import GREATEST
from chalicelib.store.dynamodb import Deadline, aws_faults_as_unavailable
from chalicelib.store.objects import job_key
from chalicelib.store.stores import Stores

CLOCKS_APART = 60_000  # milliseconds that the clocks of two functions may differ by, and a request last
"""A request is stopped after 28 seconds; S3 and DynamoDB refuse clocks that are wrong by more than minutes."""

WRITTEN_AT_ONCE = 2000  # records
NOTED_EVERY = 15.0  # seconds
RESERVE = 9.0  # seconds that a visit keeps for noting how far it got
MAX_VISITS = 5  # without any progress
NUMBER_BYTES = 8


class Stopped(Exception):  # noqa: N818 - internal signal
    """Somebody has asked the recovery to stop."""


class Stuck(Exception):  # noqa: N818 - internal signal
    """An entry takes longer than a worker has time."""


@dataclass(kw_only=True)
class CatchUp:
    """The catching up of one job. `newer` tells the number of the last entry that touches a key: an id, or the mark of
    one that was deleted; `tally` what all that was written by the job has come to."""

    stores: Stores
    job: Job
    clock: Callable[[], datetime]
    deadline: Deadline
    is_aborting: Callable[[], bool]
    newer: dict[bytes, int] = field(default_factory=dict)
    tally: Tally = field(init=False)
    _position: dict[str, Any] = field(init=False)
    _fresh: dict[bytes, int] = field(default_factory=dict)
    _waiting: list[Replayed] = field(default_factory=list)
    _records: int = 0
    _noted_at: float = 0.0

    def __post_init__(self) -> None:
        """Begin with what the workers before have come to."""
        begun = {"cursor": GREATEST, "chunks": 0, "deleting": [], "visits": 0, "is_over": False}
        self.tally = Tally(**self.job.counts)
        self._position = begun | orjson.loads(self.job.position or "{}")

    def run(self) -> Mapping[bytes, int]:
        """Go on where the last worker stopped, to the end. Raises TemporarilyUnavailable, or ProcessingTooSlow, at the
        deadline, Stopped and Stuck when it is not to be gone on with."""
        self._load()
        stores, position = self.stores, self._position
        live = stores.live.read(self.job.dataset_id, self.deadline)
        if position["is_over"] or live is None or live.generation != self.job.generation:
            return self.newer  # of another generation: the lane drops the job
        if stores.backups.is_being_swept(self.job.dataset_uid, self.deadline):
            raise TemporarilyUnavailable
        self._check()
        if position["visits"] >= MAX_VISITS:
            raise Stuck
        self._keep(visits=position["visits"] + 1)
        self._noted_at = self.deadline.elapsed()
        replay = Replay(
            stores=self.stores,
            dataset_uid=self.job.dataset_uid,
            configuration=live.configuration,
            scope=Scope(**self.job.options["scope"]),
            is_late=self.deadline.has_passed,
            settled=set(self.newer),
            deleting=position["deleting"],
        )
        self._read(replay, position["cursor"])
        self._note(replay, cursor=0, is_over=True)
        return self.newer

    def chunk_keys(self) -> list[str]:
        """Where the keys that it touches are kept."""
        return [self._chunk_key(chunk) for chunk in range(self._position["chunks"])]

    def _read(self, replay: Replay, cursor: int) -> None:
        job = self.job
        log = self.stores.backup_reader.newest_first(
            job.dataset_uid, below=cursor, since=job.options["since"], until=job.accepted_at + CLOCKS_APART
        )
        for entry in log:
            is_late = self.deadline.remaining() < RESERVE
            if is_late or self.deadline.elapsed() - self._noted_at > NOTED_EVERY:
                self._note(replay, cursor)
            if is_late:
                raise TemporarilyUnavailable
            for records in replay.take(entry):
                if records:
                    replayed = replayed_of(
                        entry, records, job.partition, job.batch_id, self.deadline, stores=self.stores
                    )
                    self._wait(replayed, records)
            for key in (*replay.fresh, *map(bytes.fromhex, replay.deleted)):
                if key not in self.newer:
                    self.newer[key] = self._fresh[key] = entry.number
            replay.fresh.clear()
            cursor = entry.number

    def _wait(self, replayed: Replayed, records: Mapping[str, PreparedRecord]) -> None:
        self._waiting.append(replayed)
        self._records += len(records)
        if self._records >= WRITTEN_AT_ONCE:
            self._write()

    def _write(self) -> None:
        written = write_replayed(self.stores, self.job, self._waiting, self.clock, self.deadline)
        self.tally = self.tally.plus(written)
        self._waiting, self._records = [], 0

    def _note(self, replay: Replay, cursor: int, *, is_over: bool = False) -> None:
        """Write what waits, then keep how far it got."""
        self._check()
        self._write()
        chunks = self._position["chunks"]
        if self._fresh:
            content = b"".join(key + number.to_bytes(NUMBER_BYTES) for key, number in self._fresh.items())
            with aws_faults_as_unavailable():
                self.stores.jobs.put(self._chunk_key(chunks), content, "application/octet-stream")
            chunks += 1
            self._fresh = {}
        visits = 0 if cursor < self._position["cursor"] else self._position["visits"]
        self._keep(cursor=cursor, chunks=chunks, deleting=replay.deleting, visits=visits, is_over=is_over)
        self.stores.lane.forget_attempts(self.job.dataset_id, self.deadline)
        self._noted_at = self.deadline.elapsed()

    def _keep(self, **position: Any) -> None:
        self._position |= position
        text = orjson.dumps(self._position).decode()
        self.stores.lane.advance(self.job, self.job.done, self.tally._asdict(), self.deadline, position=text)

    def _check(self) -> None:
        if self.is_aborting():
            raise Stopped

    def _load(self) -> None:
        """Read what the workers before have found touched."""
        for key in self.chunk_keys():
            pieces = load_keys(self.stores, key, KEY_BYTES + NUMBER_BYTES)
            self.newer.update((piece[:KEY_BYTES], int.from_bytes(piece[KEY_BYTES:])) for piece in pieces)

    def _chunk_key(self, chunk: int) -> str:
        return job_key(self.job.partition, f"{self.job.batch_id}.newer", chunk)
