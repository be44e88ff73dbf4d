"""Runs: one refresh of a dataset, from when it falls due until it is over.

    waiting ──begin──▶ running ──▶ succeeded | held_back | failed | skipped | aborted
       ▲                  │
       └── another attempt┘

A run that is asked for twice is the same run: the id of an occurrence is made of its schedule and its time.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from chalicelib.domain import run
from chalicelib.domain.run import SourceOutcome

WAITING, RUNNING = "waiting", "running"
SUCCEEDED, HELD_BACK, FAILED, SKIPPED, ABORTED = "succeeded", "held_back", "failed", "skipped", "aborted"
STATES = (WAITING, RUNNING, SUCCEEDED, HELD_BACK, FAILED, SKIPPED, ABORTED)

MAX_ATTEMPTS = 5
FIRST_DELAY = timedelta(minutes=1)  # until the second attempt; twice as long each time
LONGEST_DELAY = timedelta(days=1)  # that a server's Retry-After is heeded
WARN_AFTER, PAUSE_AFTER = 20, 30  # failed runs in a row

NOT_OFFERED, PAUSED, ANOTHER_RUN, UNFINISHED = "not_offered", "schedules_paused", "another_run", "unfinished"
ASKED_TO_WAIT, NOT_BEGUN = "asked_to_wait", "not_begun"
_MOMENTS = ("scheduled_time", "not_before", "started_at", "ended_at")


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run. `schedule_uid` is None when somebody asked for it. `until` (epoch seconds) is when the worker of a running
    one is dead. `code` and `message` say why it failed or was skipped, or why its last attempt failed."""

    run_id: str
    dataset_uid: str
    scheduled_time: datetime
    schedule_uid: str | None = None
    state: str = WAITING
    attempts: int = 0
    not_before: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    until: int | None = None
    is_aborting: bool = False
    code: str | None = None
    message: str | None = None
    sources: Sequence[SourceOutcome] = ()

    def may_begin(self, now: datetime) -> bool:
        """Whether an attempt may begin: it waits and its time has come, or the worker it had is dead."""
        if self.state == RUNNING:
            return self.until is not None and self.until < now.timestamp()
        return self.not_before is None or self.not_before <= now

    def as_json(self) -> dict[str, Any]:
        """What is kept of it; `from_json` reads it back."""
        moments = {name: _text(getattr(self, name)) for name in _MOMENTS}
        return {**vars(self), **moments, "sources": [asdict(source) for source in self.sources]}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Run":
        """The run that `as_json` stored."""
        moments = {name: stored[name] and datetime.fromisoformat(stored[name]) for name in _MOMENTS}
        return cls(**{**stored, **moments, "sources": [SourceOutcome(**source) for source in stored["sources"]]})


def occurrence_id(schedule_uid: str, scheduled_time: datetime) -> str:
    """The id of the run of a schedule at a time: 28 hex characters that sort by that time, always the same."""
    digest = hashlib.sha256(f"{schedule_uid} {scheduled_time.timestamp():.0f}".encode()).hexdigest()
    return f"{int(scheduled_time.timestamp() * 1000):012x}{digest[:16]}"


def with_outcome(attempted: Run, sources: Sequence[SourceOutcome]) -> Run:
    """The run as the outcomes of its resources leave it: it comes to the worst of them."""
    states = {source.state for source in sources}
    worst = next((state for source, state in _WORST_FIRST if source in states), SUCCEEDED)
    said = next((source for source in sources if source.state == worst), None)
    return replace(
        attempted,
        state=worst,
        sources=tuple(sources),
        code=said.code if said else None,
        message=said.message if said else None,
    )


def next_attempt(attempted: Run, now: datetime, following: datetime | None) -> datetime | None:
    """When a failed run is to be tried again; None when trying again would not help, or has been done often enough, or
    the schedule's `following` run comes first."""
    transient = [source for source in attempted.sources if source.state == FAILED and source.may_succeed_later]
    if attempted.attempts >= MAX_ATTEMPTS or (attempted.sources and not transient):
        return None
    delay = max(FIRST_DELAY * 2 ** (attempted.attempts - 1), asked_delay(attempted))
    return None if following is not None and following <= now + delay else now + delay


def asked_delay(attempted: Run) -> timedelta:
    """How long the servers have asked to be left alone from now on, by Retry-After; no time when none has."""
    failed = [source for source in attempted.sources if source.state == FAILED and source.may_succeed_later]
    seconds = max((source.retry_after or 0 for source in failed), default=0)
    return min(timedelta(seconds=seconds), LONGEST_DELAY)


_WORST_FIRST = (
    (run.ABORTED, ABORTED),
    (run.FAILED, FAILED),
    (run.HELD_BACK, HELD_BACK),
)


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="milliseconds")
