"""Refreshing a dataset: what a run does."""
# ruff: noqa: ARG001 - it takes what the refresh will need, which is being built

from collections.abc import Callable, Sequence
from datetime import datetime

from chalicelib.domain.errors import RunSkipped
from chalicelib.domain.run import SourceOutcome
from chalicelib.sources.address_guard import AddressGuard
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.stores import Stores


def refresh_dataset(
    stores: Stores,
    dataset_uid: str,
    run_id: str,
    clock: Callable[[], datetime],
    deadline: Deadline,
    *,
    guard: AddressGuard,
    is_aborting: Callable[[], bool],
) -> Sequence[SourceOutcome]:
    """Refresh the published remote resources of a dataset: there are none yet."""
    raise RunSkipped("no_remote_resource")
