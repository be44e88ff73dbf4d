"""Recurrences: the forms, the crons they are, and how timetables read in English."""

import datetime as dt
from typing import Any

import pytest
from hypothesis import given, settings

from chalicelib.domain.errors import ValidationFailed
from chalicelib.domain.recurrence import checked_recurrence, timetable_of
from chalicelib.domain.schedule_sentence import describe
from chalicelib.domain.timetable import cron_timetable
from tests.domain.paris_minutes import crons, utc

NOW = utc("2026-11-24 08:30")


@pytest.mark.parametrize(
    ("recurrence", "expected", "sentence"),
    [
        ({"every": 1, "unit": "minutes"}, ["* * * * *"], "every minute"),
        ({"every": 15, "unit": "minutes"}, ["*/15 * * * *"], "every 15 minutes"),
        ({"every": 1, "unit": "hours"}, ["0 * * * *"], "every hour at minute 0"),
        (
            {"every": 6, "unit": "hours", "minute": 30},
            ["30 */6 * * *"],
            "every day at 00:30, 06:30, 12:30 and 18:30",
        ),
        ({"every": 2, "unit": "hours"}, ["0 */2 * * *"], "every 2 hours from 00:00"),
        ({"every": 1, "unit": "days", "at": "02:00"}, ["0 2 * * *"], "every day at 02:00"),
        (
            {"weekdays": [{"day": "wednesday", "at": "14:00"}, {"day": "monday", "at": "07:30"}]},
            ["30 7 * * 1", "0 14 * * 3"],
            "every Monday at 07:30 and every Wednesday at 14:00",
        ),
        (
            {"weekdays": [{"day": day, "at": "07:30"} for day in ("sunday", "friday", "friday")]},
            ["30 7 * * 0,5"],
            "every Sunday and Friday at 07:30",
        ),
        ({"month_days": [{"day": 15, "at": "02:00"}]}, ["0 2 15 * *"], "on day 15 of every month at 02:00"),
        (
            {"month_days": [{"day": 31, "at": "02:00"}]},
            ["0 2 31 * *"],
            "on day 31, where it exists, of every month at 02:00",
        ),
    ],
)
def test_a_recurrence_is_exactly_its_crons(recurrence: dict[str, Any], expected: list[str], sentence: str) -> None:
    checked = checked_recurrence(recurrence, NOW)
    assert checked == recurrence
    timetable = timetable_of(checked)
    assert ([cron.text for cron in timetable.crons], timetable.starting) == (expected, None)
    assert describe(timetable) == f"{sentence}, Paris time"


@pytest.mark.parametrize(
    ("at", "now", "starting"),
    [
        ("09:31", "2026-11-24 08:30", "2026-11-24"),
        ("09:30", "2026-11-24 08:30", "2026-11-25"),
        ("00:15", "2026-11-24 23:10", "2026-11-25"),
        ("00:15", "2026-11-24 23:20", "2026-11-26"),
    ],
)
def test_days_are_counted_from_the_next_time_it_is_that_late(at: str, now: str, starting: str) -> None:
    checked = checked_recurrence({"every": 3, "unit": "days", "at": at}, utc(now))
    assert checked == {"every": 3, "unit": "days", "at": at, "starting": starting}
    assert checked_recurrence(checked, utc("2027-02-01 00:00")) == checked
    timetable = timetable_of(checked)
    assert (timetable.every_days, timetable.starting) == (3, dt.date.fromisoformat(starting))
    assert describe(timetable) == f"every 3 days at {at}, starting on {starting}, Paris time"


@pytest.mark.parametrize(
    ("recurrence", "name", "says"),
    [
        ({}, "unit", "minutes, hours, days"),
        ({"every": 3, "unit": ["days"]}, "unit", "minutes, hours, days"),
        ({"every": 7, "unit": "minutes"}, "every", "expected one of 1, 2, 3, 4, 5, 6, 10"),
        ({"every": 5, "unit": "hours"}, "every", "expected one of 1, 2, 3, 4, 6, 8, 12"),
        ({"every": 2, "unit": "hours", "minute": 60}, "minute", "0 to 59"),
        ({"every": 0, "unit": "days", "at": "02:00"}, "every", "1 to 366"),
        ({"every": True, "unit": "days", "at": "02:00"}, "every", "whole number"),
        ({"every": 3, "unit": "days"}, "at", "required"),
        ({"every": 3, "unit": "days", "at": "24:00"}, "at", "such as 07:30"),
        ({"every": 3, "unit": "days", "at": "2:00"}, "at", "such as 07:30"),
        ({"every": 3, "unit": "days", "at": "02:00\n"}, "at", "such as 07:30"),
        ({"every": 3, "unit": "days", "at": "02:00", "starting": "2027-02-29"}, "starting", "such as 2027-01-04"),
        ({"every": 3, "unit": "days", "at": "02:00", "starting": "9999-12-31"}, "starting", "2099-12-31"),
        ({"every": 3, "unit": "days", "at": "02:00", "starting": 5}, "starting", "such as 2027-01-04"),
        ({"every": 3, "unit": "weeks", "at": "02:00"}, "unit", "weekdays"),
        ({"weekdays": []}, "weekdays", "1 to 20"),
        ({"weekdays": [{"day": "monday", "at": "07:30"}] * 21}, "weekdays", "1 to 20"),
        ({"weekdays": ["monday"]}, "weekdays", "entry 1"),
        ({"weekdays": [{"day": "someday", "at": "07:30"}]}, "weekdays", "expected one of sunday, monday"),
        ({"weekdays": [{"day": "monday", "at": "07:30"}], "unit": "days"}, "unit", "unknown field"),
        ({"month_days": [{"day": 1, "at": "02:00"}, {"day": 32, "at": "02:00"}]}, "month_days", "entry 2"),
    ],
)
def test_a_recurrence_that_cannot_be_says_why(recurrence: dict[str, Any], name: str, says: str) -> None:
    with pytest.raises(ValidationFailed) as failed:
        checked_recurrence(recurrence, NOW)
    assert next(iter(failed.value.detail)) == name
    assert says in failed.value.detail[name][0]


@pytest.mark.parametrize(
    ("cron", "sentence"),
    [
        ("5-59/15 * * * *", "every 15 minutes at minute 5, 20, 35 and 50"),
        ("17 * * * *", "every hour at minute 17"),
        ("0 0 1 * 1", "on day 1 of every month and every Monday at 00:00"),
        ("0 0 1,15 * *", "on days 1 and 15 of every month at 00:00"),
        ("0 0 1-31 * 1", "every day at 00:00"),
        ("30 7 * * 1-5", "every Monday to Friday at 07:30"),
        ("0 0 29 2 *", "on day 29 of February at 00:00"),
        ("0 8 * JAN,MAR *", "every day in January and March at 08:00"),
        ("0 8 * 1 0", "every Sunday in January at 08:00"),
        ("15 */2 * * 1-5", "every 2 hours from 00:15, every Monday to Friday"),
        ("20 * 1 * *", "every hour at minute 20, on day 1 of every month"),
        ("0 4-20/4 * * *", "every day at 04:00, 08:00, 12:00, 16:00 and 20:00"),
        ("0 0 */2 * 1", "at 00:00 on every second day of month and on Monday"),
        ("*/10 8-18 * * 1-5", "every 10th minute from 08:00 through 18:59 on Monday through Friday"),
    ],
)
def test_a_cron_reads_in_english(cron: str, sentence: str) -> None:
    assert describe(cron_timetable(cron)) == f"{sentence}, Paris time"


@given(cron=crons())
@settings(max_examples=200, deadline=None)
def test_every_cron_can_be_described(cron: str) -> None:
    assert describe(cron_timetable(cron)).endswith(", Paris time")
