"""The rules of inactivity alerts: when a watched resource is silent, and what its recipients are told when.

A watch runs a clock, which starts at the latest of the last record received and of the moment it was armed: switched
on, edited, push enabled, published. Moments are epoch milliseconds, `due_at` epoch seconds: all of it elapsed time, so
that the changes of the clocks in spring and autumn alter nothing.

    watching ──silent for longer than the threshold: alert──▶ silent ──something received: recovery──▶ watching

Only what is received ends an outage, or what ends the watch: alerting switched off, push disabled, unpublished.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

WATCHING, SILENT = "watching", "silent"
ALERT, REMINDER, RECOVERY = "alert", "reminder", "recovery"
NONE, HOURLY, DAILY = "none", "hourly", "daily"
DEFAULT_MINUTES, MAX_MINUTES = 5, 525_600
_MINUTE = 60_000
_REMINDED_EVERY: Mapping[str, int] = {HOURLY: 60 * _MINUTE, DAILY: 24 * 60 * _MINUTE}
_LOOKED_AT_EVERY = (_MINUTE, 60 * _MINUTE)  # at a silent resource: soon in the beginning, then hourly
_LIFE_NOTED_EVERY = 30_000  # at the most; a sixth of a short threshold


@dataclass(frozen=True, kw_only=True)
class Watch:
    """One watched resource.

    `since` is when it was armed, `received` the latest sign of life that was noted. An outage has the moment that
    nothing was received since, the one at which that was found out (`silent_at`), the one of the last look, and that of
    the first sign of life after it. `searched_to`: up to here the batches have been looked through for one that nobody
    noted. `revision` counts edits and notices.
    """

    threshold: int
    since: int
    received: int | None = None
    state: str = WATCHING
    outage_since: int | None = None
    silent_at: int | None = None
    looked_at: int | None = None
    heard_at: int | None = None
    reminder: str = NONE
    reminded_at: int | None = None
    snoozed_until: int | None = None
    is_paused: bool = False
    searched_to: int | None = None
    revision: int = 1

    @property
    def clock_start(self) -> int:
        """The moment that silence is measured from."""
        return max(self.since, self.received or 0)

    @property
    def has_been_heard(self) -> bool:
        """Whether something was received since the outage began."""
        return self.outage_since is not None and self.received is not None and self.received > self.outage_since


@dataclass(frozen=True, kw_only=True)
class Step:
    """What a look at a watch comes to: the watch afterwards, and the notice to give, if any."""

    watch: Watch
    notice: str | None = None


def is_silent(watch: Watch, now: int) -> bool:
    """Whether nothing has been received for strictly longer than the threshold."""
    return now - watch.clock_start > watch.threshold


def next_step(watch: Watch, now: int) -> Step:
    """What a watch becomes when it is looked at, and which notice that gives."""
    if watch.is_paused:
        return Step(watch=watch)
    if watch.state == WATCHING:
        if not is_silent(watch, now) or _is_quiet(watch, now):
            return Step(watch=watch)
        return Step(
            watch=replace(
                watch, state=SILENT, outage_since=watch.clock_start, silent_at=now, looked_at=now, heard_at=None
            ),
            notice=ALERT,
        )
    if watch.has_been_heard:
        return Step(watch=without_outage(watch), notice=RECOVERY)
    looked = replace(watch, looked_at=now)
    reminder_at = _reminder_at(watch)
    if reminder_at is not None and now >= reminder_at:
        return Step(watch=replace(looked, reminded_at=now), notice=REMINDER)
    return Step(watch=looked)


def heard(watch: Watch, at: int) -> Watch:
    """The watch after a sign of life; one that is older than what was noted before changes nothing."""
    if watch.received is not None and watch.received >= at:
        return watch
    is_first = watch.state == SILENT and not watch.has_been_heard
    return replace(watch, received=at, heard_at=at if is_first else watch.heard_at)


def armed(watch: Watch, now: int) -> Watch:
    """The watch with its clock started anew."""
    return replace(watch, since=max(now, watch.since), is_paused=False)


def paused(watch: Watch) -> Watch:
    """The watch at rest: an outage ends without a notice, since nobody can push."""
    return replace(without_outage(watch), is_paused=True)


def without_outage(watch: Watch) -> Watch:
    """The watch without the outage it was in."""
    return replace(
        watch, state=WATCHING, outage_since=None, silent_at=None, looked_at=None, heard_at=None, reminded_at=None
    )


def due_at(watch: Watch) -> int | None:
    """When to look at it next, in whole seconds: the first at which what is waited for is true. None while at rest."""
    if watch.is_paused:
        return None
    if watch.state == WATCHING:
        return max(watch.clock_start + watch.threshold, (watch.snoozed_until or 0) - 1) // 1000 + 1
    if watch.has_been_heard:
        return (watch.received or 0) // 1000
    reminder_at = _reminder_at(watch)
    moments = [_next_look(watch)] if reminder_at is None else [_next_look(watch), reminder_at]
    return -(-min(moments) // 1000)


def life_noted_every(threshold: int) -> int:
    """How long a container need not note a further sign of life after one, in milliseconds."""
    return min(_LIFE_NOTED_EVERY, threshold // 6)


def _is_quiet(watch: Watch, now: int) -> bool:
    return watch.snoozed_until is not None and now < watch.snoozed_until


def _reminder_at(watch: Watch) -> int | None:
    if watch.reminder not in _REMINDED_EVERY or watch.silent_at is None:
        return None
    return max((watch.reminded_at or watch.silent_at) + _REMINDED_EVERY[watch.reminder], watch.snoozed_until or 0)


def _next_look(watch: Watch) -> int:
    looked, silent = watch.looked_at or 0, watch.silent_at or 0
    soonest, latest = _LOOKED_AT_EVERY
    return looked + min(max(looked - silent, soonest), latest)
