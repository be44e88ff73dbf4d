"""Expressions for EventBridge Scheduler fire exactly when the unix cron runs, minute by minute."""

import datetime as dt

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chalicelib.domain.cron import parse_cron
from chalicelib.domain.scheduler_expression import translate
from chalicelib.domain.timetable import Timetable, cron_timetable
from tests.domain.paris_minutes import change_days, crons, due_on, fired_on, scheduler_cron, unix, utc

CRONS = [
    "* * * * *",
    "*/15 * * * *",
    "4-59/12 * * * *",
    "17 * * * *",
    "*/7 * * * *",
    "0 */2 * * *",
    "30 2 * * *",
    "0 2,3 * * SUN",
    "*/20 0-5 25-31 3,10 *",
    "15 2 25-31 * 1",
    "59 1 * * 7",
    "* 2 * * *",
]
# Ends of months with and without a leap day, and of years.
DAYS = [
    dt.date(2027, 1, 31),
    dt.date(2027, 2, 1),
    dt.date(2027, 2, 28),
    dt.date(2027, 3, 1),
    dt.date(2028, 2, 28),
    dt.date(2028, 2, 29),
    dt.date(2028, 3, 1),
    dt.date(2028, 4, 30),
    dt.date(2028, 5, 15),
    dt.date(2028, 6, 9),
    dt.date(2028, 12, 31),
    dt.date(2029, 1, 1),
]


def fired(cron: str, day: dt.date) -> list[dt.datetime]:
    """When one of the translated expressions fires, in order."""
    expressions = translate(cron_timetable(cron))
    assert 1 <= len(expressions) <= 2
    return sorted({wall.astimezone(dt.UTC) for expression in expressions for wall in fired_on(expression, day)})


def due(cron: str, day: dt.date) -> list[dt.datetime]:
    return [wall.astimezone(dt.UTC) for wall in due_on(cron, day)]


@pytest.mark.parametrize("cron", CRONS)
def test_every_minute_of_every_day_on_which_the_clocks_change_until_2037(cron: str) -> None:
    for day in change_days():
        assert fired(cron, day) == due(cron, day)


@given(cron=crons(), day=st.sampled_from(change_days()))
@settings(max_examples=60, deadline=None)
def test_every_minute_of_a_day_on_which_the_clocks_change_for_any_cron(cron: str, day: dt.date) -> None:
    assert fired(cron, day) == due(cron, day)


@given(cron=crons())
@example(cron="0 0 30,31 2 1")
@example(cron="0 12 */2 * */3")
@settings(max_examples=150, deadline=None)
def test_ends_of_months_and_leap_days_for_any_cron(cron: str) -> None:
    """All 1,440 minutes of each day, but without looking at one after the other."""
    expressions, expected = translate(cron_timetable(cron)), unix(cron)
    if expressions[0].kind == "rate":
        assert all(fired(cron, day) == due(cron, day) for day in DAYS[:2])
        return
    translated = [scheduler_cron(each.expression) for each in expressions]
    assert {(each.minutes, each.hours) for each in translated} == {(expected.minutes, expected.hours)}
    for day in DAYS:
        assert any(each.matches_day(day) for each in translated) == expected.matches_day(day), day


@pytest.mark.parametrize(
    ("cron", "expressions"),
    [
        ("0 2 * * *", ["cron(0 2 * * ? *)"]),
        ("30 7 * * 1,3", ["cron(30 7 ? * MON,WED *)"]),
        ("0 0 * * 7", ["cron(0 0 ? * SUN *)"]),
        ("0 0 * * 5-7", ["cron(0 0 ? * SUN,FRI,SAT *)"]),
        ("0 0 1 * 1", ["cron(0 0 1 * ? *)", "cron(0 0 ? * MON *)"]),
        ("0 0 1-31 * 1", ["cron(0 0 * * ? *)"]),
        ("0 0 30 2 MON-FRI", ["cron(0 0 ? 2 MON-FRI *)"]),
        ("*/5 8-18 * JAN-MAR *", ["cron(0/5 8-18 * 1-3 ? *)"]),
        ("*/15 * * * *", ["rate(15 minutes)"]),
        ("* * * * *", ["rate(1 minute)"]),
        ("45 * * * *", ["rate(1 hour)"]),
        ("*/45 * * * *", ["cron(0,45 * * * ? *)"]),
    ],
)
def test_how_expressions_read(cron: str, expressions: list[str]) -> None:
    assert [each.expression for each in translate(cron_timetable(cron))] == expressions


def test_the_crons_of_one_timetable_are_not_translated_twice() -> None:
    crons = (parse_cron("0 2 * * 1"), parse_cron("0 2 * * MON"), parse_cron("0 14 * * 3"))
    expressions = [each.expression for each in translate(Timetable(crons=crons))]
    assert expressions == ["cron(0 2 ? * MON *)", "cron(0 14 ? * WED *)"]


@pytest.mark.parametrize(
    ("cron", "now", "start"),
    [
        ("*/15 * * * *", "2027-03-28 00:59:59", "2027-03-28 01:00:00"),
        ("*/15 * * * *", "2027-03-28 01:00:00", "2027-03-28 01:15:00"),
        ("5-59/15 * * * *", "2027-03-28 01:00:00.5", "2027-03-28 01:05:00"),
        ("17 * * * *", "2027-12-31 23:17:00", "2028-01-01 00:17:00"),
        ("* * * * *", "2027-12-31 23:59:01", "2028-01-01 00:00:00"),
    ],
)
def test_a_rate_starts_on_its_next_matching_minute(cron: str, now: str, start: str) -> None:
    (expression,) = translate(cron_timetable(cron))
    assert expression.start_date(utc(now)) == utc(start)


def test_the_longest_lists_fit_what_scheduler_takes() -> None:
    """Two of every three values make the longest text: neither a range nor a step is shorter."""
    minutes, hours, days, months = (
        ",".join(str(value) for value in values if value % 3) for values in (range(60), range(24), range(32), range(13))
    )
    for expression in translate(cron_timetable(f"{minutes} {hours} {days} {months} 0,2,4,6")):
        assert 150 < len(expression.expression) <= 256
