"""When schedules fall due, over both clock changes of Paris."""

import datetime as dt
from collections.abc import Callable
from zoneinfo import ZoneInfo

import pytest

from infra.local.schedule_rules import at_instant, filled, find_zone, next_cron, next_rate

PARIS = ZoneInfo("Europe/Paris")


def utc(text: str) -> float:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC).timestamp()


def daily_at(hour: int, minute: int) -> Callable[[dt.datetime], dt.datetime]:
    def next_wall(wall: dt.datetime) -> dt.datetime:
        later = wall.replace(second=0, microsecond=0) + dt.timedelta(minutes=1)
        candidate = later.replace(hour=hour, minute=minute)
        return candidate if candidate >= later else candidate + dt.timedelta(days=1)

    return next_wall


def every_minutes(count: int) -> Callable[[dt.datetime], dt.datetime]:
    def next_wall(wall: dt.datetime) -> dt.datetime:
        later = wall.replace(second=0, microsecond=0) + dt.timedelta(minutes=1)
        return later + dt.timedelta(minutes=-later.minute % count)

    return next_wall


def test_a_daily_schedule_keeps_its_wall_time_when_summer_time_begins():
    assert next_cron(daily_at(3, 30), PARIS, utc("2027-03-27T02:29:59")) == utc("2027-03-27T02:30:00")
    assert next_cron(daily_at(3, 30), PARIS, utc("2027-03-27T12:00:00")) == utc("2027-03-28T01:30:00")


def test_a_wall_time_that_does_not_exist_is_skipped():
    assert next_cron(daily_at(2, 30), PARIS, utc("2027-03-27T12:00:00")) == utc("2027-03-29T00:30:00")


def test_a_wall_time_that_happens_twice_is_taken_once_the_first_time():
    first = next_cron(daily_at(2, 30), PARIS, utc("2027-10-30T12:00:00"))
    assert first == utc("2027-10-31T00:30:00")
    assert next_cron(daily_at(2, 30), PARIS, first) == utc("2027-11-01T01:30:00")


def test_every_ten_minutes_passes_the_hour_that_is_missing_without_a_gap():
    assert next_cron(every_minutes(10), PARIS, utc("2027-03-28T00:50:00")) == utc("2027-03-28T01:00:00")


def test_a_cron_every_ten_minutes_is_silent_in_the_repeated_hour():
    assert next_cron(every_minutes(10), PARIS, utc("2027-10-31T00:50:00")) == utc("2027-10-31T02:00:00")


def test_a_schedule_that_never_matches_again_is_never_due():
    assert next_cron(lambda _: None, PARIS, utc("2027-01-01T00:00:00")) is None


@pytest.mark.parametrize(
    ("after", "due"), [(0, 1000), (999, 1000), (1000, 1300), (1001, 1300), (1299.9, 1300), (1e6, 1_000_300)]
)
def test_a_rate_falls_due_at_its_start_and_at_whole_steps_from_it(after: float, due: float):
    assert next_rate(300, 1000, after) == due


def test_a_rate_does_not_catch_up_what_it_missed():
    assert next_rate(60, 0, 1_000_030) == 1_000_080


def test_at_names_an_instant_of_the_schedules_zone():
    assert at_instant("at(2027-07-14T08:00:00)", PARIS) == utc("2027-07-14T06:00:00")
    assert at_instant("at(2027-13-14T08:00:00)", PARIS) is None
    assert at_instant("rate(1 hour)", PARIS) is None


def test_a_zone_is_found_by_its_name_and_utc_without_one():
    assert find_zone("Europe/Paris") == PARIS
    assert find_zone(None) == ZoneInfo("UTC")
    assert find_zone("Europe/Atlantis") is None
    assert find_zone("../secrets") is None


def test_the_input_carries_the_time_it_was_scheduled_for():
    text = filled(
        '{"at": "<aws.scheduler.scheduled-time>", "by": "<aws.scheduler.schedule-arn>"}',
        due=utc("2027-03-28T01:00:00"),
        arn="arn:x",
        execution_id="e",
    )  # fmt: skip - reads as a call
    assert text == '{"at": "2027-03-28T01:00:00Z", "by": "arn:x"}'
