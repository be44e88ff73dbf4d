"""How close two runs can come, over every month's end, leap day and change of the clocks."""

import datetime as dt
from itertools import pairwise

import pytest
from hypothesis import given, settings

from chalicelib.domain.cron import parse_cron
from chalicelib.domain.timetable import Timetable, cron_timetable, shortest_interval
from tests.domain.paris_minutes import MINUTE, PARIS, crons, due_on, runs_evenly, unix

HOUR, DAY = 60, 24 * 60


@pytest.mark.parametrize(
    ("expression", "minutes"),
    [
        ("* * * * *", 1),
        ("*/15 * * * *", 15),
        ("*/7 * * * *", 4),
        ("0 * * * *", HOUR),
        ("0 2 * * *", DAY),  # never 23 hours: where the clocks skip 02:00 the run is skipped
        ("0 4 * * *", 23 * HOUR),
        ("0 2,14 * * *", 12 * HOUR),
        ("30 1,3 * * *", HOUR),
        ("59 1,3 * * *", HOUR),
        ("30 1,4 * * *", 2 * HOUR),
        ("0 0-6 * * *", HOUR),
        ("30 7 * * MON", 7 * DAY - HOUR),
        ("30 7 * * 1,3", 2 * DAY),
        ("0 0 1 * 1", DAY),
        ("0 0 1,31 * *", 23 * HOUR),  # the clocks go forward on 31 March 2030
        ("0 0 1,30 * *", DAY),
        ("59,0 0 * * *", 59),
        ("0,59 0,23 * * *", 1),
        ("0,59 23,0 1 1 *", 59),
        ("0 0 29 2 *", 1461 * DAY),
        ("0 1,3 29 3 *", HOUR),  # a Sunday in 2026
    ],
)
def test_the_shortest_time_between_two_runs(expression: str, minutes: int) -> None:
    assert shortest_interval(cron_timetable(expression)) == minutes


def test_several_crons_are_measured_together() -> None:
    timetable = Timetable(crons=(parse_cron("45 23 * * 1"), parse_cron("0 0 * * 2")))
    assert shortest_interval(timetable) == 15


def test_every_so_many_days_are_shorter_by_an_hour_in_spring() -> None:
    timetable = Timetable(crons=(parse_cron("0 4 * * *"),), every_days=3, starting=dt.date(2027, 1, 4))
    assert shortest_interval(timetable) == 3 * DAY - HOUR


@given(cron=crons(longest=2).filter(lambda text: len(unix(text).minutes) * len(unix(text).hours) < 7))
@settings(max_examples=12, deadline=None)
def test_it_is_the_shortest_of_thirty_three_years(cron: str) -> None:
    runs = every_run(cron, dt.date(2026, 1, 1), 33 * 366)
    gaps = (int((after - before).total_seconds()) // 60 for before, after in pairwise(runs))
    assert shortest_interval(cron_timetable(cron)) == min(gaps)


def every_run(cron: str, first: dt.date, days: int) -> list[dt.datetime]:
    matcher = unix(cron)
    times = [dt.time(hour, minute) for hour in sorted(matcher.hours) for minute in sorted(matcher.minutes)]
    runs = []
    for day in (first + dt.timedelta(days=number) for number in range(days)):
        if matcher.matches_day(day):
            walls = [dt.datetime.combine(day, time, PARIS) for time in times]
            runs += [at for wall in walls if (at := wall.astimezone(dt.UTC)).astimezone(PARIS).time() == wall.time()]
    return runs


@given(cron=crons())
@settings(max_examples=40, deadline=None)
def test_no_two_runs_of_a_day_are_closer(cron: str) -> None:
    shortest = shortest_interval(cron_timetable(cron))
    for day in (dt.date(2027, 3, 28), dt.date(2027, 5, 1), dt.date(2027, 10, 31)):
        runs = [wall.astimezone(dt.UTC) for wall in due_on(cron, day)]
        assert all(after - before >= MINUTE * shortest for before, after in pairwise(runs))


@given(cron=crons(longest=2))
@settings(max_examples=200, deadline=None)
def test_what_runs_evenly_within_the_hour_is_recognised(cron: str) -> None:
    assert (cron_timetable(cron).interval is not None) == runs_evenly(cron)
