"""What is noted and mailed of runs: once for all of them, until one succeeds."""

import pytest

from chalicelib.domain.run_state import PAUSE_AFTER, WARN_AFTER
from chalicelib.services.alerts.settings import Requester
from chalicelib.services.schedules import schedules
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.outbox import DUE_OUTBOX
from chalicelib.store.runs import Refreshing
from chalicelib.store.stores import Stores
from tests.services.runs.place import OFFER, SOON
from tests.services.runs.world import World

ANN = Requester(email="ann@example.org", base_url="https://data.example.org/api")
OWNED = 2  # the schedule whose runs Ann is told of


def an_owned_world(stores: Stores) -> World:
    world = World(stores)
    place, body = world.place, {"cron_schedule": "0 * * * *"}
    shown = schedules.create_schedule(stores, place.dataset_uid, body, OFFER, place.now, requester=ANN)
    world.schedules.append(shown["uid"])
    return world


@pytest.fixture
def world(shared_stores: Stores) -> World:
    return an_owned_world(shared_stores)


def mails(world: World) -> list[str]:
    """The kinds of the mails that are to be sent, oldest first."""
    stores = world.place.stores
    due = int((world.place.now + SOON).timestamp())
    keys = sorted(stores.due.keys(DUE_OUTBOX, due, Deadline(5)), key=lambda key: key[0][-28:])
    return [pk.removeprefix("outbox#").partition("-")[0] for pk, _ in keys]


def hold_back(world: World, hour: int, number: int = OWNED) -> None:
    world.outcome("held_back")
    world.fire(number, hour)


def test_files_that_are_held_back_are_told_of_once_until_a_run_succeeds(world: World) -> None:
    for hour in range(5):
        hold_back(world, hour)
    assert (world.place.notices(), mails(world)) == (["held_back"], ["held_back"])
    world.fire(OWNED, 5)
    hold_back(world, 6)
    assert (world.place.notices(), mails(world)) == (["held_back"] * 2, ["held_back"] * 2)


def test_failures_are_told_of_once_and_so_is_the_pause(world: World) -> None:
    for hour in range(PAUSE_AFTER):
        world.outcome("permanent")
        world.fire(OWNED, hour)
        assert len(mails(world)) == (hour + 1 >= WARN_AFTER) + (hour + 1 >= PAUSE_AFTER)
    assert (world.place.notices(), mails(world)) == (["warned", "paused_because"], ["failing", "paused"])


def test_a_file_that_is_held_back_ends_a_row_of_failures_and_no_pause(world: World) -> None:
    def refreshing() -> Refreshing:
        return world.place.stores.runs.refreshing(world.place.dataset_uid, Deadline(5))

    for hour in range(2 * WARN_AFTER):
        world.outcome("permanent" if hour % 2 else "held_back")
        world.fire(OWNED, hour)
    assert (world.place.notices(), refreshing().failures) == (["held_back"], 1)
    for hour in range(2 * WARN_AFTER, 2 * WARN_AFTER + PAUSE_AFTER - 1):
        world.outcome("permanent")
        world.fire(OWNED, hour)
    assert world.place.notices() == ["held_back", "warned", "paused_because"]
    world.outcome("held_back")
    world.ask()
    world.called()
    assert (refreshing().failures, refreshing().warned, world.place.is_paused) == (0, False, True)


def test_what_a_run_leads_to_that_somebody_asked_for_is_told_the_owner_of_a_schedule(world: World) -> None:
    world.outcome("held_back")
    world.ask()
    world.called()
    hold_back(world, 1)
    assert (world.place.notices(), mails(world)) == (["held_back"], ["held_back"])


def test_whoever_dies_between_two_calls_tells_nothing_twice_and_it_is_told_in_the_end(shared_stores: Stores) -> None:
    for fatal in range(5):
        world = an_owned_world(shared_stores)
        world.outcome("held_back")
        world.dying(fatal, lambda world=world: world.fire(OWNED))  # type: ignore[misc]
        world.outcomes.clear()
        hold_back(world, 1)
        hold_back(world, 2)
        assert (world.place.notices(), mails(world)) == (["held_back"], ["held_back"]), f"dead before call {fatal}"
