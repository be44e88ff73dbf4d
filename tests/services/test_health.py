"""Whether the watcher is awake, as far as it is known."""

from datetime import timedelta

import pytest

from chalicelib.services.health import health_of
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.stores import Stores
from tests.builders import NOW


@pytest.mark.parametrize(("age", "status"), [(None, "OK"), (3 * 60, "OK"), (3 * 60 + 1, "degraded")])
def test_a_tick_is_late_when_it_has_not_run_for_three_minutes_and_not_before_the_first(
    stores: Stores, age: int | None, status: str
) -> None:
    if age is not None:
        stores.tick_mark.note(NOW - timedelta(seconds=age), Deadline(5))
    assert health_of(stores, NOW, Deadline(5))["status"] == status


def test_storage_that_does_not_tell_is_degraded(stores: Stores) -> None:
    told = health_of(stores, NOW, Deadline(0))
    assert told == {"status": "degraded", "tick": {"last_at": None, "is_late": True}}
