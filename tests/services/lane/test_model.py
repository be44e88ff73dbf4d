"""Whatever happens between any two AWS calls, what was acknowledged is there in the end, and in order (invariants 1 to
4); and a lane that is built wrong in one of the known ways is found out."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib.domain.live import LiveDataset
from chalicelib.store.due import DueIndex
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.lane import Lane, LaneStore
from chalicelib.store.live import LiveStore
from chalicelib.store.stores import Stores
from tests.histories import Step, happen, is_found_out
from tests.services.lane.world import World

KEYS = st.lists(st.integers(0, 2), min_size=1, max_size=2, unique=True)
SENDS = st.one_of(
    st.tuples(st.just("push"), KEYS, st.just(False)),
    st.tuples(st.just("push"), KEYS, st.just(True)),
    st.tuples(st.just("delete"), KEYS),
)
OTHERS = st.sampled_from(
    [("visit",), ("visit",), ("visit",), ("tick",), ("lose_rings",), ("ring_twice",), ("publish",), ("unpublish",)]
)
CALLS = st.integers(0, 12)
ACTS = SENDS | OTHERS
STEPS = st.one_of(
    SENDS,
    ACTS,
    st.tuples(st.just("dying"), CALLS, ACTS),
    st.tuples(st.just("overtaken"), CALLS, ACTS, ACTS),
    st.tuples(st.just("throttle"), st.sampled_from([0.0, 0.3])),
)
HISTORIES = st.lists(STEPS, min_size=1, max_size=10)
# For each known way to build a lane wrong, histories of which at least one shows it.
BIG, SMALL = ("push", [0], True), ("push", [0], False)
TELLING: dict[str, list[list[Step]]] = {
    "no gate": [[BIG, SMALL, ("visit",)]],
    "deletes outside the lane": [[BIG, ("delete", [0]), ("visit",)]],
    "job deleted before the writes": [[BIG, ("dying", call, ("visit",))] for call in range(10)],
    "a job of an old generation applied": [[BIG, ("unpublish",), ("publish",), ("visit",)]],
    "a swept acknowledged job": [[BIG, ("lose_rings",), ("tick",)]],
    "unprocessed items dropped": [[("throttle", 0.8), *[SMALL, ("push", [1, 2], False)] * 4]],
}


@given(HISTORIES)
@example([SMALL, ("dying", 11, ("unpublish",))])
@example([("overtaken", 1, SMALL, ("unpublish",))])
def test_what_was_acknowledged_stands_in_the_end(shared_stores: Stores, history: list[Step]) -> None:
    happen(World(shared_stores), history)


@pytest.mark.parametrize("history", [history for histories in TELLING.values() for history in histories], ids=str)
def test_the_histories_that_tell_a_wrong_lane_are_fine_with_ours(shared_stores: Stores, history: list[Step]) -> None:
    happen(World(shared_stores), history)


@pytest.mark.parametrize("first", ["publish", "unpublish"])
@pytest.mark.parametrize("second", ["publish", "unpublish"])
def test_publishers_may_overtake_each_other_at_every_call(shared_stores: Stores, first: str, second: str) -> None:
    for call in range(13):
        happen(World(shared_stores), [BIG, ("overtaken", call, (first,), (second,)), SMALL, BIG])


class NoGate(LiveStore):
    """Lets pushes overtake pending jobs."""

    def read(self, dataset_id: str, deadline: Deadline) -> LiveDataset | None:
        live = super().read(dataset_id, deadline)
        return live and replace(live, has_jobs=False)


class NoGateForDeletes(LiveStore):
    """Lets deletes overtake pending jobs."""

    world: World

    def read(self, dataset_id: str, deadline: Deadline) -> LiveDataset | None:
        live = super().read(dataset_id, deadline)
        return live and replace(live, has_jobs=live.has_jobs and not self.world.is_deleting)


class FinishedFirst(LaneStore):
    """Takes jobs off the lane before they are written."""

    def read(self, dataset_id: str, deadline: Deadline) -> Lane:
        lane = super().read(dataset_id, deadline)
        self.finish(lane.jobs, deadline)
        return lane


class AnyGeneration(LaneStore):
    """Applies the jobs of a former generation to the present one."""

    def read(self, dataset_id: str, deadline: Deadline) -> Lane:
        lane = super().read(dataset_id, deadline)
        return replace(lane, jobs=[replace(job, generation=lane.generation) for job in lane.jobs])


class Swept(DueIndex):
    """Removes jobs that have waited for a minute."""

    def keys(self, kind: str, now: int, deadline: Deadline) -> Iterator[tuple[str, str]]:
        for pk, sk in super().keys(kind, now, deadline):
            self._client.delete_item(TableName=self._table, Key={"pk": {"S": pk}, "sk": {"S": sk}})
            yield pk, sk


class Dropping:
    """Passes over what comes back unprocessed."""

    def __init__(self, client: Any) -> None:
        vars(self)["strict"] = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self.strict, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.strict, name, value)

    def batch_write_item(self, **request: Any) -> Any:
        self.strict.batch_write_item(**request)
        return {}


def mutate(stores: Stores, mutant: str, world: World) -> None:
    """Build one part of the product wrong."""
    client, table = stores.client, stores.names.catalog_table
    parts: dict[str, Any] = {
        "no gate": ("live", NoGate(client, table)),
        "deletes outside the lane": ("live", NoGateForDeletes(client, table)),
        "job deleted before the writes": ("lane", FinishedFirst(client, table)),
        "a job of an old generation applied": ("lane", AnyGeneration(client, table)),
        "a swept acknowledged job": ("due", Swept(client, table)),
        "unprocessed items dropped": ("client", Dropping(client)),
    }
    name, part = parts[mutant]
    if isinstance(part, NoGateForDeletes):
        part.world = world
    if name == "client":
        for dependent in ("records", "live", "lane", "activity", "reader", "due"):
            vars(stores).pop(dependent, None)
    vars(stores)[name] = part


@pytest.mark.parametrize("mutant", TELLING)
def test_a_lane_that_is_built_wrong_is_found_out(shared_stores: Stores, mutant: str) -> None:
    def wrong_world() -> World:
        wrong = Stores(shared_stores.names, shared_stores.client)
        world = World(wrong)
        mutate(wrong, mutant, world)
        return world

    assert any(is_found_out(wrong_world(), history) for history in TELLING[mutant])
