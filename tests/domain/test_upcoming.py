"""The next runs, as Scheduler will make them: what is skipped, what comes once, and what is said of it."""

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.domain.cron import parse_cron
from chalicelib.domain.timetable import Timetable, cron_timetable
from chalicelib.domain.upcoming import Run, next_runs, runs_at, skipped_runs
from tests.domain.paris_minutes import MINUTE, PARIS, change_days, crons, due_on, minutes_of, ordinary_times, unix, utc
from tests.domain.test_scheduler_expression import CRONS

YEAR = dt.timedelta(days=366)


def shown(runs: list[Run]) -> list[str]:
    return [f"{run.paris:%m-%d %H:%M}" for run in runs]


def in_utc(walls: list[dt.datetime]) -> list[dt.datetime]:
    return [wall.astimezone(dt.UTC) for wall in walls]


def previewed(cron: str, day: dt.date) -> list[dt.datetime]:
    """The runs of one day that the preview tells, from the minute before it."""
    before = minutes_of(day)[0] - MINUTE
    runs = next_runs(cron_timetable(cron), before, len(due_on(cron, day)) + 1)
    assert all(run.paris.astimezone(dt.UTC) == run.utc for run in runs)
    return [run.utc for run in runs if run.paris.date() == day]


def skipped_on(cron: str, day: dt.date) -> list[dt.datetime]:
    minutes = minutes_of(day)
    return skipped_runs(cron_timetable(cron), minutes[0] - MINUTE, minutes[-1])


def lacking_on(cron: str, day: dt.date) -> list[dt.datetime]:
    """The times at which a cron would run if the day had them."""
    there = {wall.replace(tzinfo=None) for wall in minutes_of(day)}
    cron_runs, evenly = unix(cron), cron_timetable(cron).interval
    return [wall for wall in ordinary_times(day) if not evenly and cron_runs.matches(wall) and wall not in there]


@pytest.mark.parametrize("cron", CRONS)
def test_every_minute_of_every_day_on_which_the_clocks_change_until_2037(cron: str) -> None:
    for day in change_days():
        assert previewed(cron, day) == in_utc(due_on(cron, day))
        assert skipped_on(cron, day) == lacking_on(cron, day)


@given(cron=crons(), day=st.sampled_from(change_days()) | st.dates(dt.date(2026, 1, 1), dt.date(2037, 12, 31)))
@settings(max_examples=60, deadline=None)
def test_every_minute_of_a_day_for_any_cron(cron: str, day: dt.date) -> None:
    due, timetable = in_utc(due_on(cron, day)), cron_timetable(cron)
    assert previewed(cron, day) == due
    assert skipped_on(cron, day) == lacking_on(cron, day)
    called = [instant for instant in in_utc(minutes_of(day)) if runs_at(timetable, instant)]
    if timetable.interval is None:
        called = [instant for instant in called if not instant.astimezone(PARIS).fold]
    assert called == due


def test_a_time_that_does_not_exist_in_spring_is_skipped_and_the_preview_says_so() -> None:
    timetable, now = cron_timetable("30 2 * * *"), utc("2027-03-26 12:00")
    runs = next_runs(timetable, now, 3)
    assert shown(runs) == ["03-27 02:30", "03-29 02:30", "03-30 02:30"]
    assert runs[1].note == (
        "The run of 02:30 on 2027-03-28 is skipped: the clocks go forward and never show that time."
    )
    assert (runs[0].note, runs[2].note) == (None, None)
    assert skipped_runs(timetable, now, now + YEAR) == [
        dt.datetime(2027, 3, 28, 2, 30),
        dt.datetime(2028, 3, 26, 2, 30),
    ]
    assert skipped_runs(timetable, utc("2027-03-28 01:00"), utc("2028-03-26 00:59")) == []


def test_many_skipped_runs_are_told_in_one_sentence() -> None:
    (run,) = next_runs(cron_timetable("*/7 2,5 * * *"), utc("2027-03-28 00:59"), 1)
    assert run.paris.isoformat() == "2027-03-28T05:00:00+02:00"
    assert run.note is not None
    assert run.note.startswith("9 runs from 02:00 to 02:56 on 2027-03-28 are skipped")
    assert run.note.endswith("The clocks go forward on this day.")


def test_a_time_that_comes_twice_in_autumn_runs_once_and_the_preview_says_so() -> None:
    runs = next_runs(cron_timetable("30 2 * * *"), utc("2027-10-30 12:00"), 2)
    assert [run.utc for run in runs] == [utc("2027-10-31 00:30"), utc("2027-11-01 01:30")]
    assert runs[0].note == ("The clocks go back on this day: they show 02:30 twice, and it runs the first time only.")
    assert runs[1].note is None


def test_a_call_at_either_of_two_times_alike_is_a_run() -> None:
    timetable = cron_timetable("30 2 * * *")
    assert runs_at(timetable, utc("2027-10-31 00:30"))
    assert runs_at(timetable, utc("2027-10-31 01:30"))


def test_intervals_go_on_by_elapsed_time_when_the_clocks_go_back() -> None:
    runs = next_runs(cron_timetable("*/30 * * * *"), utc("2027-10-30 23:31"), 5)
    assert [run.utc for run in runs] == [utc("2027-10-31 00:00") + MINUTE * 30 * number for number in range(5)]
    assert shown(runs) == ["10-31 02:00", "10-31 02:30", "10-31 02:00", "10-31 02:30", "10-31 03:00"]
    times = [(run.note or "").rpartition(", and this is the ")[2] for run in runs[:4]]
    assert times == ["first time.", "first time.", "second time.", "second time."]
    assert runs[4].note == "The clocks go back on this day."


def test_intervals_skip_nothing_when_the_clocks_go_forward() -> None:
    timetable, now = cron_timetable("*/30 * * * *"), utc("2027-03-28 00:29")
    assert shown(next_runs(timetable, now, 3)) == ["03-28 01:30", "03-28 03:00", "03-28 03:30"]
    assert skipped_runs(timetable, now, now + YEAR) == []


def test_a_run_at_the_very_minute_is_not_a_next_one() -> None:
    for cron in ("0 * * * *", "0 12 * * *"):
        assert next_runs(cron_timetable(cron), utc("2027-06-01 10:00"), 1)[0].utc > utc("2027-06-01 10:00")


def test_ten_runs_may_take_forty_years() -> None:
    runs = next_runs(cron_timetable("30 2 29 2 *"), utc("2027-01-01 00:00"))
    assert [run.paris.year for run in runs] == list(range(2028, 2068, 4))


def test_every_third_day_is_counted_over_ends_of_months_from_its_first_day_on() -> None:
    timetable = Timetable(crons=(parse_cron("0 2 * * *"),), every_days=3, starting=dt.date(2027, 1, 28))
    runs = next_runs(timetable, utc("2026-11-24 08:30"), 4)
    assert shown(runs) == ["01-28 02:00", "01-31 02:00", "02-03 02:00", "02-06 02:00"]
    assert runs_at(timetable, runs[1].utc + dt.timedelta(seconds=59))
    assert not runs_at(timetable, runs[1].utc + dt.timedelta(days=1))
    assert not runs_at(timetable, runs[0].utc - dt.timedelta(days=3))
