"""Catching up, before a recovery is applied: what was accepted while the log was being read, or was under way then, is
read when the last direct writer has ended, and goes before what was read earlier.

That may be much. What it touches is kept every now and then with how far it got, and the next worker goes on there.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from chalicelib.domain.errors import TemporarilyUnavailable
from chalicelib.domain.job import Job
from chalicelib.domain.receipt import Tally
from chalicelib.domain.record import PreparedRecord
from chalicelib.domain.replayed import Replayed
from chalicelib.services.former_ids import KEY_BYTES
from chalicelib.services.recovery_writing import replayed_of, write_replayed
from chalicelib.services.replay import Replay, Scope
from chalicelib.store.backups import GREATEST
from chalicelib.store.dynamodb import Deadline, aws_faults_as_unavailable
from chalicelib.store.objects import job_key
from chalicelib.store.stores import Stores

CLOCKS_APART = 60_000  # milliseconds that the clocks of two functions may differ by, and a request last
"""A request is stopped after 28 seconds; S3 and DynamoDB refuse clocks that are wrong by more than minutes."""

WRITTEN_AT_ONCE = 2000  # records
NOTED_EVERY = 15.0  # seconds
RESERVE = 9.0  # seconds that a visit keeps for noting how far it got
NUMBER_BYTES = 8


@dataclass(kw_only=True)
class CatchUp:
    """The catching up of one job. `newer` tells the number of the last entry that touches a key: an id, or the mark of
    one that was deleted; `tally` what all that was written by the job has come to."""

    stores: Stores
    job: Job
    clock: Callable[[], datetime]
    deadline: Deadline
    newer: dict[bytes, int] = field(default_factory=dict)
    tally: Tally = field(init=False)
    has_moved: bool = False
    _fresh: dict[bytes, int] = field(default_factory=dict)
    _waiting: list[Replayed] = field(default_factory=list)
    _records: int = 0
    _chunks: int = 0
    _noted_at: float = 0.0

    def __post_init__(self) -> None:
        """Begin with what the workers before have come to."""
        self.tally = Tally(**self.job.counts)

    def run(self) -> Mapping[bytes, int]:
        """Go on where the last worker stopped, to the end. Raises TemporarilyUnavailable at the deadline, and
        ProcessingTooSlow when an entry takes longer than there is; `has_moved` tells whether it got any further."""
        before = self._load()
        live = self.stores.live.read(self.job.dataset_id, self.deadline)
        if before.get("is_over") or live is None or live.generation != self.job.generation:
            return self.newer  # of another generation: the lane drops the job
        replay = Replay(
            stores=self.stores,
            dataset_uid=self.job.dataset_uid,
            configuration=live.configuration,
            scope=Scope(**self.job.options["scope"]),
            is_late=self.deadline.has_passed,
            settled=set(self.newer),
            deleting=before.get("deleting", []),
        )
        self._read(replay, before.get("cursor", GREATEST))
        self._note(replay, cursor=0, is_over=True)
        return self.newer

    def chunk_keys(self) -> list[str]:
        """Where the keys that it touches are kept."""
        return [self._chunk_key(chunk) for chunk in range(self._chunks)]

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
                    self._wait(replayed_of(entry, records, job.partition, job.batch_id, stores=self.stores), records)
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
        self._write()
        if self._fresh:
            content = b"".join(key + number.to_bytes(NUMBER_BYTES) for key, number in self._fresh.items())
            with aws_faults_as_unavailable():
                self.stores.jobs.put(self._chunk_key(self._chunks), content, "application/octet-stream")
            self._chunks += 1
            self._fresh = {}
        position = {"cursor": cursor, "chunks": self._chunks, "deleting": replay.deleting, "is_over": is_over}
        text = orjson.dumps(position).decode()
        self.stores.lane.advance(self.job, self.job.done, self.tally._asdict(), self.deadline, position=text)
        self.stores.lane.forget_attempts(self.job.dataset_id, self.deadline)
        self._noted_at, self.has_moved = self.deadline.elapsed(), True

    def _load(self) -> dict[str, Any]:
        """How far the workers before have got, with what that touches."""
        position: dict[str, Any] = orjson.loads(self.job.position or "{}")
        self._chunks = position.get("chunks", 0)
        size = KEY_BYTES + NUMBER_BYTES
        for key in self.chunk_keys():
            with aws_faults_as_unavailable():
                content = self.stores.jobs.get(key) or b""
            pieces = (content[i : i + size] for i in range(0, len(content), size))
            self.newer.update((piece[:KEY_BYTES], int.from_bytes(piece[KEY_BYTES:])) for piece in pieces)
        return position

    def _chunk_key(self, chunk: int) -> str:
        return job_key(self.job.partition, f"{self.job.batch_id}.newer", chunk)
