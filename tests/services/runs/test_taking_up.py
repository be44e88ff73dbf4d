"""What the tick does for runs, and what becomes of them when AWS does not let it."""

from datetime import timedelta

import pytest

from chalicelib.services.runs.occurrences import take_up_runs
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.runs import WORKER_DEAD_AFTER
from chalicelib.store.stores import Stores
from chalicelib.triggers.clock import do_duties
from tests.deployment import PatientDeadline
from tests.faults import Crash
from tests.services.runs.place import SOON, refusing
from tests.services.runs.world import World


@pytest.fixture
def world(shared_stores: Stores) -> World:
    return World(shared_stores)


def test_a_run_that_nobody_can_begin_is_called_for_again_and_fails_after_an_hour(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    place = world.place
    asked = world.ask()
    place.calls.clear()
    start = place.now
    with refusing(place.stores.refresh_function._client, "Invoke"):
        place.now += SOON
        taken_up = take_up_runs(place.stores, place.now, Deadline(5))
        assert (taken_up.runs, list(taken_up.failed)) == (0, [asked])
        do_duties(place.stores, place.now, PatientDeadline(45))
        assert caplog.messages.count("the function that refreshes cannot be called") == 1
        place.now = start + timedelta(minutes=61)
        assert (len(take_up_runs(place.stores, place.now, Deadline(5)).failed), place.history()) == (1, [])
        place.now += timedelta(minutes=1)
        taken_up = take_up_runs(place.stores, place.now, Deadline(5))
    (run,) = place.history()
    assert (taken_up.runs, taken_up.failed) == (1, {})
    assert (run.run_id, run.state, run.code, run.attempts) == (asked, "failed", "not_begun", 0)


def test_a_run_whose_worker_died_and_that_nobody_can_begin_again_fails_after_an_hour(world: World) -> None:
    def die() -> None:
        raise Crash

    world.meanwhile.append(die)
    world.dying(99, world.fire)
    place = world.place
    place.now += timedelta(seconds=WORKER_DEAD_AFTER + 60)
    with refusing(place.stores.refresh_function._client, "Invoke"):
        assert len(take_up_runs(place.stores, place.now, Deadline(5)).failed) == 1
        place.now += timedelta(hours=1)
        take_up_runs(place.stores, place.now, Deadline(5))
    (run,) = place.history()
    assert (run.state, run.code, run.attempts) == ("failed", "not_begun", 1)
    world.settle()
