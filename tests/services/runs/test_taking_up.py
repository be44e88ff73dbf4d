"""What the tick does for runs, and what becomes of them when AWS does not let it."""

from contextlib import nullcontext, suppress
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from chalicelib.domain.errors import TemporarilyUnavailable
from chalicelib.services.runs.occurrences import take_up_runs
from chalicelib.services.runs.runs import list_runs
from chalicelib.store.catalog.drafts import DatasetItem
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.runs import WORKER_DEAD_AFTER
from chalicelib.store.stores import Stores
from chalicelib.triggers.clock import do_duties
from chalicelib.triggers.schedule import handle
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
        assert (taken_up.runs, isinstance(taken_up.failure, ClientError)) == (0, True)
        do_duties(place.stores, place.now, PatientDeadline(45))
        assert caplog.messages.count("the function that refreshes cannot be called") == 1
        place.now = start + timedelta(minutes=61)
        assert (take_up_runs(place.stores, place.now, Deadline(5)).runs, place.history()) == (0, [])
        place.now += timedelta(minutes=1)
        taken_up = take_up_runs(place.stores, place.now, Deadline(5))
    (run,) = place.history()
    assert (taken_up.runs, taken_up.failure) == (1, None)
    assert (run.run_id, run.state, run.code, run.attempts) == (asked, "failed", "not_begun", 0)


def test_a_run_whose_worker_died_and_that_nobody_can_begin_again_fails_after_an_hour(world: World) -> None:
    def die() -> None:
        raise Crash

    world.meanwhile.append(die)
    world.dying(99, world.fire)
    place = world.place
    place.now += timedelta(seconds=WORKER_DEAD_AFTER + 60)
    with refusing(place.stores.refresh_function._client, "Invoke"):
        assert take_up_runs(place.stores, place.now, Deadline(5)).runs == 0
        place.now += timedelta(hours=1)
        take_up_runs(place.stores, place.now, Deadline(5))
    (run,) = place.history()
    assert (run.state, run.code, run.attempts) == ("failed", "not_begun", 1)
    world.settle()


@pytest.mark.parametrize("seconds", [14.2, 44.0])
def test_a_function_that_cannot_be_called_is_called_once_a_tick(
    world: World, seconds: float, caplog: pytest.LogCaptureFixture
) -> None:
    place, tried, passed = world.place, list[float](), [0.0]
    asked = [world.ask() for _ in range(6)]
    place.calls.clear()
    place.now += SOON
    deadline = Deadline(45, clock=lambda: passed[0])

    def hang(**_: object) -> None:
        tried.append(passed[0])
        passed[0] += seconds
        raise ReadTimeoutError(endpoint_url="https://lambda")

    events = place.stores.refresh_function._client.meta.events
    events.register("before-call.lambda.Invoke", hang)
    try:
        with suppress(TemporarilyUnavailable):  # of the duties after it, when it takes all of the time
            do_duties(place.stores, place.now, deadline)
    finally:
        events.unregister("before-call.lambda.Invoke", hang)
    assert len(tried) == caplog.messages.count("the function that refreshes cannot be called") == 1
    place.tick()
    assert sorted(call["run_id"] for call in place.calls) == sorted(asked)


def test_a_run_that_failed_and_meets_another_run_when_it_is_tried_again_has_failed(world: World) -> None:
    world.outcome("transient")
    world.fire(0)
    world.tick(1)
    world.meanwhile.append(world.called)
    world.fire(1)
    by_schedule = {run.schedule_uid: run for run in world.place.history()}
    failed, other = (by_schedule[uid] for uid in world.schedules)
    assert (failed.state, failed.code, failed.attempts, other.state) == ("failed", "unreachable", 1, "succeeded")
    assert failed.message == "No answer."


def test_a_run_whose_worker_died_and_that_meets_another_run_has_failed(world: World) -> None:
    def die() -> None:
        raise Crash

    world.meanwhile.append(die)
    world.dying(99, world.fire)
    world.tick(WORKER_DEAD_AFTER // 60 + 1)
    world.meanwhile.append(world.called)
    world.fire(1)
    (failed,) = [run for run in world.place.history() if run.schedule_uid == world.schedules[0]]
    assert (failed.state, failed.code, failed.attempts) == ("failed", "unfinished", 1)


def test_a_run_that_failed_and_is_not_to_be_tried_again_has_failed(world: World) -> None:
    world.outcome("transient")
    world.fire(0)
    world.outcome("asks_to_wait")
    world.fire(1)
    world.tick(1)
    world.called()
    (failed,) = world.place.history()
    assert (failed.schedule_uid, failed.state, failed.code) == (world.schedules[0], "failed", "unreachable")


@pytest.mark.parametrize(("outage", "left"), [(30, "succeeded"), (200, "waiting"), (1000, None)])
def test_an_occurrence_is_registered_as_soon_as_dynamodb_answers_again(
    world: World, outage: float, left: str | None
) -> None:
    """With what is left of the function's time it is attempted, or left to the tick; else Lambda delivers it again."""
    place, passed = world.place, [0.0]

    def sleep(seconds: float) -> None:
        passed[0] += seconds

    def fail(**_: object) -> None:
        if passed[0] < outage:
            raise EndpointConnectionError(endpoint_url="https://dynamodb")

    events = DatasetItem._get_connection().connection.client.meta.events
    events.register("before-call.dynamodb.GetItem", fail)
    deadline = Deadline(270, clock=lambda: passed[0], sleep=sleep)
    try:
        with nullcontext() if left else pytest.raises(TemporarilyUnavailable):
            handle(place.stores, world.event(0), world.refresh, lambda: place.now, deadline)
    finally:
        events.unregister("before-call.dynamodb.GetItem", fail)
    assert min(outage, 260) <= passed[0] <= 270
    runs = list_runs(place.stores, place.dataset_uid, Deadline(5))
    assert [run.state for run in runs] == ([left] if left else [])
    world.settle()
    assert [run.state for run in place.history()] == (["succeeded"] if left else [])
