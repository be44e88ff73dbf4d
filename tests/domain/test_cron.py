"""Cron expressions: which are accepted, and what is said of those that are none."""

from datetime import date

import pytest

from chalicelib.domain.cron import NoCron, parse_cron


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("", "five fields"),
        ("daily", "five fields"),
        ("@daily", "five fields"),
        ("* * * *", "five fields"),
        ("* * * * * *", "five fields"),
        ("0 0 L * *", "five fields"),
        ("0 0 ? * 1#2", "five fields"),
        ("9" * 300, "five fields"),
        ("61 * * * *", 'bad minute "61": use 0 to 59'),
        ("* 24 * * *", "bad hour"),
        ("0 0 0 * *", "bad day-of-month"),
        ("0 0 * 13 *", "JAN to DEC"),
        ("0 0 * * 8", "0 and 7 are Sunday"),
        ("0 0 * * FRI-MON", "ranges from low to high"),
        ("0 0 W * *", "five fields"),
        ("a b c d e", "five fields"),
        ("MON * * * *", "bad minute"),
        ("0/0 * * * *", "bad minute"),
        ("٥ * * * *", "five fields"),
        ("0 0 30 2 *", "never runs"),
        ("0 0 31 4,6,9,11 *", "never runs"),
    ],
)
def test_what_is_no_cron_is_refused_and_told_how_to_mend_it(expression: str, says: str) -> None:
    with pytest.raises(NoCron, match="such as"):
        parse_cron(expression)
    with pytest.raises(NoCron) as refused:
        parse_cron(expression)
    assert says in str(refused.value)


@pytest.mark.parametrize("expression", ["0 0 29 2 *", "0 0 30 2 1", "0 0 31 1,2 *", "  0  0 * *   sun-tue "])
def test_what_runs_at_some_time_is_accepted_with_its_blanks_set_right(expression: str) -> None:
    assert parse_cron(expression).text == " ".join(expression.split())


@pytest.mark.parametrize(
    ("minutes", "runs"),
    [("5/20", (5, 25, 45)), ("5-45/20", (5, 25, 45)), ("*/25,5", (0, 5, 25, 50)), ("5-5/20", (5,)), ("*/99", (0,))],
)
def test_steps_go_on_to_the_end_of_their_range_or_of_the_field(minutes: str, runs: tuple[int, ...]) -> None:
    assert parse_cron(f"{minutes} * * * *").minutes == runs


@pytest.mark.parametrize(
    ("days", "weekdays", "runs"),
    [
        ("1", "1", {1, 4, 11, 18, 25}),
        ("1", "*", {1}),
        ("1", "*/1", {1}),
        ("*", "1", {4, 11, 18, 25}),
        ("*/10", "1", {1, 4, 11, 18, 21, 25, 31}),
        ("1-31", "1", set(range(1, 32))),
        ("1", "0-6", set(range(1, 32))),
        ("*", "0,7", {3, 10, 17, 24, 31}),
        ("*", "5-7", {1, 2, 3, 8, 9, 10, 15, 16, 17, 22, 23, 24, 29, 30, 31}),
    ],
)
def test_a_day_of_month_and_a_day_of_week_mean_either(days: str, weekdays: str, runs: set[int]) -> None:
    cron = parse_cron(f"0 0 {days} * {weekdays}")
    assert {day for day in range(1, 32) if cron.runs_on(date(2027, 1, day))} == runs
