"""Transactions of the catalog wait for others, and never for a lost race."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.domain.errors import EditConflict
from chalicelib.services.publication.publication import unpublish
from chalicelib.store.catalog import transactions
from chalicelib.store.catalog.drafts import DatasetItem
from chalicelib.store.stores import Stores
from tests.builders import NOW
from tests.services.devices import a_device

MEETS_OTHERS, LOST = "TransactionConflict", "ConditionalCheckFailed"


@contextmanager
def cancelled(code: str, times: int) -> Iterator[list[int]]:
    """The next transactions of the catalog are cancelled for that reason; how many are still to be."""
    events, left = DatasetItem._get_connection().connection.client.meta.events, [times]
    told = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{code}, None]"
    answer: Any = {
        "Error": {"Code": "TransactionCanceledException", "Message": told},
        "CancellationReasons": [{"Code": code}, {"Code": "None"}],
    }

    def cancel(**_: Any) -> None:
        if left[0]:
            left[0] -= 1
            raise ClientError(answer, "TransactWriteItems")

    events.register("before-call.dynamodb.TransactWriteItems", cancel)
    try:
        yield left
    finally:
        events.unregister("before-call.dynamodb.TransactWriteItems", cancel)


def test_one_that_meets_others_is_repeated_and_goes_through(stores: Stores) -> None:
    device = a_device(stores, bootstrap={"key": "1"}, unique_key=["key"])
    with cancelled(MEETS_OTHERS, 3) as left:
        unpublish(stores, device.dataset_uid, NOW)
    assert left == [0]
    assert not device.live().is_published


@pytest.mark.parametrize(("code", "tries"), [(MEETS_OTHERS, 1 + len(transactions._PAUSES)), (LOST, 1)])
def test_one_that_cannot_win_is_an_edit_conflict(stores: Stores, code: str, tries: int) -> None:
    device = a_device(stores, bootstrap={"key": "1"}, unique_key=["key"])
    with cancelled(code, 100) as left, pytest.raises(EditConflict):
        unpublish(stores, device.dataset_uid, NOW)
    assert left == [100 - tries]
    assert device.live().is_published
