"""Cron expressions: which are accepted, and how often they fire."""

import pytest

from chalicelib.domain.cron import NoCron, shortest_interval


@pytest.mark.parametrize(
    ("expression", "minutes"),
    [
        ("* * * * *", 1),
        ("*/15 * * * *", 15),
        ("0 * * * *", 60),
        ("0 2 * * *", 24 * 60),
        ("0 2,14 * * *", 12 * 60),
        ("30 7 * * MON", 7 * 24 * 60),
        ("30 7 * * 1,3", 2 * 24 * 60),
        ("0 0 1 * 1", 24 * 60),
        ("59,0 0 * * *", 59),
        ("0 0 29 2 *", 1461 * 24 * 60),
    ],
)
def test_the_shortest_time_between_two_runs(expression: str, minutes: int) -> None:
    assert shortest_interval(expression) == minutes


@pytest.mark.parametrize(
    "expression",
    ["", "daily", "@daily", "* * * *", "61 * * * *", "0 0 30 2 *", "0 0 W * *", "a b c d e", "0/0 * * * *", "9" * 300],
)
def test_what_is_no_cron_is_refused(expression: str) -> None:
    with pytest.raises(NoCron):
        shortest_interval(expression)
