"""Whatever happens between any two AWS calls, each run has one outcome in the end, and no two of a dataset overlap; and
runs that are kept wrong in one of the known ways are found out."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.domain.run_state import RUNNING, Run
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.runs import STARTED, RunStore
from chalicelib.store.stores import Stores
from tests.histories import Step, happen, is_found_out
from tests.services.runs.world import OUTCOMES, World

FIRES = st.tuples(st.just("fire"), st.integers(0, 1), st.sampled_from([0, 0, 2]))
ACTS = FIRES | st.sampled_from([("ask",), ("called",), ("abort",), ("tick", 1), ("tick", 7)])
CALLS = st.integers(0, 5)
STEPS = st.one_of(
    ACTS,
    st.tuples(st.just("outcome"), st.sampled_from([*OUTCOMES, "skipped", "bug", "transient"])),
    st.tuples(st.just("during"), ACTS),
    st.tuples(st.just("dying"), CALLS, ACTS),
    st.tuples(st.just("overtaken"), CALLS, ACTS, ACTS),
)


@settings(max_examples=settings.default.max_examples // 10)
@given(st.lists(STEPS, min_size=1, max_size=8))
def test_each_run_has_one_outcome_in_the_end(shared_stores: Stores, history: list[Step]) -> None:
    happen(World(shared_stores), history)


FIRE, OTHER = ("fire", 0, 0), ("fire", 1, 0)
TELLING: dict[str, list[list[Step]]] = {
    "a dataset that two runs hold": [
        [("during", OTHER), FIRE],
        *([("overtaken", call, FIRE, OTHER)] for call in range(5)),
    ],
    "a run that is delivered after it is over": [[FIRE, FIRE]],
    "a worker that died and is not missed": [[("dying", call, FIRE)] for call in range(5)],
}


@pytest.mark.parametrize("history", [history for histories in TELLING.values() for history in histories], ids=str)
def test_the_histories_that_tell_runs_kept_wrong_are_fine_with_ours(shared_stores: Stores, history: list[Step]) -> None:
    happen(World(shared_stores), history)


class Unheld(RunStore):
    """Lets runs of a dataset overlap."""

    def begin(self, run: Run, now: datetime, deadline: Deadline) -> tuple[str, Run]:
        begun = replace(run, state=RUNNING, attempts=run.attempts + 1, started_at=now)
        self._refused([self._change(run, begun, due_at=0)], deadline)
        return STARTED, begun


class Forgetful(RunStore):
    """Does not ask whether a run is over."""

    def register(self, run: Run, now: datetime, _deadline: Deadline) -> bool:
        self._client.put_item(TableName=self._table, Item={**self._key(run), **self._waiting(run, now)})
        return True


class Untold(RunStore):
    """Keeps no run where the tick finds it."""

    def _due(self, _run: Run, _due_at: int) -> dict[str, Any]:
        return {}


@pytest.mark.parametrize(("name", "wrong"), list(zip(TELLING, (Unheld, Forgetful, Untold), strict=True)))
def test_runs_that_are_kept_wrong_are_found_out(shared_stores: Stores, name: str, wrong: type[RunStore]) -> None:
    def wrong_world() -> World:
        stores = Stores(shared_stores.names, shared_stores.client)
        vars(stores).update(
            bell=shared_stores.bell,
            scheduler=shared_stores.scheduler,
            refresh_function=shared_stores.refresh_function,
            runs=wrong(stores.client, stores.names.catalog_table, stores.activity),
        )
        return World(stores)

    assert any(is_found_out(wrong_world(), history) for history in TELLING[name])
