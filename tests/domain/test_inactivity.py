"""The rules of inactivity alerts, to the millisecond."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.inactivity import (
    ALERT,
    DAILY,
    HOURLY,
    RECOVERY,
    REMINDER,
    SILENT,
    WATCHING,
    Watch,
    armed,
    due_at,
    heard,
    is_silent,
    life_noted_every,
    next_step,
    paused,
)

MINUTE = 60_000
MOMENTS = st.integers(1_600_000_000_000, 1_900_000_000_000)
THRESHOLDS = st.integers(1, 525_600).map(lambda minutes: minutes * MINUTE)
Rule = Callable[[Watch, int], bool]


def a_watch(**values: int) -> Watch:
    return Watch(**{"threshold": 5 * MINUTE, "since": 10**12, **values})


def a_silent_watch(reminder: str = "none") -> Watch:
    watch = replace(a_watch(), reminder=reminder)
    return next_step(watch, watch.since + 6 * MINUTE).watch


def keeps_to_the_threshold(rule: Rule) -> bool:
    """Silence begins after the threshold: not with its last millisecond, and right after it."""
    watch = a_watch()
    end = watch.since + watch.threshold
    return [rule(watch, end + ms) for ms in (-1, 0, 1)] == [False, False, True]


def test_silence_is_strictly_longer_than_the_threshold() -> None:
    assert keeps_to_the_threshold(is_silent)
    assert not keeps_to_the_threshold(lambda watch, now: now - watch.clock_start >= watch.threshold)


@given(MOMENTS, THRESHOLDS)
def test_a_watch_falls_due_in_the_first_second_in_which_it_is_silent(since: int, threshold: int) -> None:
    watch = Watch(threshold=threshold, since=since)
    due = due_at(watch)
    assert due is not None
    assert is_silent(watch, due * 1000)
    assert not is_silent(watch, (due - 1) * 1000)


@given(MOMENTS, THRESHOLDS, st.integers(-(10**9), 10**9))
def test_the_clock_starts_at_the_latest_of_what_was_received_and_of_being_armed(
    since: int, threshold: int, later: int
) -> None:
    watch = Watch(threshold=threshold, since=since)
    assert heard(watch, since + later).clock_start == max(since, since + later)
    assert armed(watch, since + later).clock_start == max(since, since + later)


def test_what_is_older_than_what_was_noted_changes_nothing() -> None:
    watch = heard(a_watch(), 10**12 + 50)
    assert heard(watch, 10**12 + 50) == heard(watch, 10**12 + 49) == watch


def test_an_outage_has_one_alert_and_one_recovery() -> None:
    watch = a_watch()
    alert = next_step(watch, watch.since + 5 * MINUTE + 1)
    assert (alert.notice, alert.watch.state, alert.watch.outage_since) == (ALERT, SILENT, watch.since)
    assert next_step(alert.watch, watch.since + 6 * MINUTE).notice is None
    again = heard(heard(alert.watch, watch.since + 7 * MINUTE), watch.since + 8 * MINUTE)
    assert again.heard_at == watch.since + 7 * MINUTE, "the outage ends with the first sign of life"
    assert due_at(again) == (watch.since + 8 * MINUTE) // 1000, "it is due at once"
    recovery = next_step(again, watch.since + 9 * MINUTE)
    assert (recovery.notice, recovery.watch.state, recovery.watch.outage_since) == (RECOVERY, WATCHING, None)
    assert next_step(recovery.watch, watch.since + 9 * MINUTE).notice is None


@pytest.mark.parametrize(("reminder", "minutes"), [(HOURLY, 60), (DAILY, 1440)])
def test_reminders_follow_the_alert_by_elapsed_time(reminder: str, minutes: int) -> None:
    watch = a_silent_watch(reminder)
    assert watch.silent_at is not None
    first = watch.silent_at + minutes * MINUTE
    assert next_step(watch, first - 1).notice is None
    reminded = next_step(watch, first)
    assert reminded.notice == REMINDER
    assert next_step(reminded.watch, first + minutes * MINUTE - 1).notice is None
    assert next_step(reminded.watch, first + minutes * MINUTE).notice == REMINDER
    assert next_step(a_silent_watch(), first).notice is None, "none unless asked for"


def test_while_it_is_snoozed_there_is_neither_alert_nor_reminder_and_then_there_is() -> None:
    until = 10**12 + 90 * MINUTE
    watch = a_watch(snoozed_until=until)
    assert next_step(watch, until - 1).notice is None
    assert due_at(watch) == until // 1000
    assert next_step(watch, until).notice == ALERT
    silent = replace(a_silent_watch(HOURLY), snoozed_until=until)
    assert next_step(silent, until - 1).notice is None
    assert next_step(silent, until).notice == REMINDER
    assert next_step(heard(silent, until - 5), until - 4).notice == RECOVERY, "a recovery ends what was told before"


def test_a_watch_at_rest_is_never_due_and_begins_anew_when_armed() -> None:
    resting = paused(a_silent_watch())
    assert (due_at(resting), resting.state, resting.outage_since) == (None, WATCHING, None)
    assert next_step(resting, 2 * 10**12).notice is None
    woken = armed(resting, 2 * 10**12)
    assert not is_silent(woken, 2 * 10**12 + woken.threshold)


def test_a_silent_resource_is_looked_at_ever_less_often_but_hourly() -> None:
    watch, pauses = a_silent_watch(), []
    for _ in range(10):
        due = due_at(watch)
        assert due is not None
        assert watch.looked_at is not None
        pauses.append(due - watch.looked_at // 1000)
        watch = next_step(watch, due * 1000).watch
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (60, 3600)


@given(THRESHOLDS)
def test_a_sign_of_life_is_noted_six_times_within_a_threshold_and_at_least_every_30_seconds(threshold: int) -> None:
    assert 6 * life_noted_every(threshold) <= threshold
    assert life_noted_every(threshold) <= 30_000


@pytest.mark.parametrize("night", [datetime(2027, 3, 28, 0, 30, tzinfo=UTC), datetime(2027, 10, 31, 0, 30, tzinfo=UTC)])
def test_the_changes_of_the_clocks_alter_no_threshold(night: datetime) -> None:
    watch = Watch(threshold=120 * MINUTE, since=int(night.timestamp() * 1000))
    assert due_at(watch) == int(night.timestamp()) + 7201
