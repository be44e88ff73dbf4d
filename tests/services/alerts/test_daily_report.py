"""The report of nine in the morning, Paris time."""

from datetime import UTC, date, datetime, timedelta

import pytest

from chalicelib.services.alerts.daily_report import make_report, note_failed_run, report_due
from chalicelib.services.alerts.outbox import deliver
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.stores import Stores
from tests.deployment import PatientDeadline
from tests.services.alerts.watching import ANN, BOB, OWNER, backend, look, watched


def nine_in_paris(day: date, offset: int) -> datetime:
    return datetime(day.year, day.month, day.day, 9 - offset, tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "offset"),
    [
        (date(2027, 3, 27), 1),
        (date(2027, 3, 28), 2),
        (date(2027, 3, 29), 2),
        (date(2027, 10, 30), 2),
        (date(2027, 10, 31), 1),
        (date(2027, 11, 1), 1),
    ],
)
def test_the_report_is_due_at_nine_in_paris_on_days_of_23_24_and_25_hours(day: date, offset: int) -> None:
    nine, before = nine_in_paris(day, offset), day - timedelta(days=1)
    assert report_due(nine - timedelta(seconds=1), before) is None
    assert report_due(nine, before) == report_due(nine + timedelta(hours=10), before) == day
    assert report_due(nine, day) is None
    assert report_due(nine, day + timedelta(days=1)) is None, "a clock that went back sends none twice"


def test_the_report_lists_open_alerts_and_failed_runs_once_a_day(stores: Stores) -> None:
    watched(stores)
    look(stores, 61)
    backend().sent_messages.clear()
    day = date(2026, 3, 30)
    nine = nine_in_paris(day, 2)
    run = {"dataset_uid": "da_aaaaaa", "dataset_id": "cheeses", "owner": BOB, "base_url": OWNER.base_url}
    for moment, reason in ((nine - timedelta(hours=24, seconds=1), "old"), (nine - timedelta(hours=24), "404")):
        note_failed_run(stores, **run, reason=reason, now=moment, deadline=Deadline(5))
    for _ in range(2):
        assert make_report(stores, day, nine, Deadline(5)) == 2
        deliver(stores, [], nine, PatientDeadline(60))
    told = {m.destinations["ToAddresses"][0]: m for m in backend().sent_messages}
    assert {to: mail.subject for to, mail in told.items()} == {
        ANN: "Daily report of 2026-03-30: 1 silent, 0 failed",
        BOB: "Daily report of 2026-03-30: 0 silent, 1 failed",
    }
    assert len(backend().sent_messages) == 2
    assert "404" in told[BOB].body
    assert "old" not in told[BOB].body.partition("<ul>")[2]
    assert stores.tick_mark.note(nine, Deadline(5)) == day
