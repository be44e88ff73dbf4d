"""`Prefer: wait=N` over HTTP: who waits for what a batch comes to is told, also when it comes to nothing."""

from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib import wiring
from chalicelib.services.publication.publication import unpublish
from tests.api.conftest import Http
from tests.api.management import a_dataset, a_resource, push_path
from tests.deployment import work

MANY = [{"title": "T", "isbn": str(number)} for number in range(1001)]  # more than a request writes itself


@pytest.mark.parametrize("prefer", ["wait=10", "wait=10, return=representation"])
def test_a_batch_that_is_dropped_while_its_push_waits_is_not_answered_with_ok(http: Http, prefer: str) -> None:
    key = http.api_key("browse", "edit", "publish")
    dataset = a_dataset(http, key)
    path = push_path(a_resource(http, key, dataset))
    assert http.post(f"{dataset}/publish/", key=key).status == 200
    stores = wiring.stores()

    def unpublish_once(operation: str) -> None:
        if operation == "get_item":  # the push looks whether its batch has been applied
            stores.client.before = lambda _operation: None
            unpublish(stores, dataset.rpartition("/")[2], datetime.now(UTC))
            work(stores)

    stores.client.before = unpublish_once
    answer = http.post(path, json=MANY, headers={"prefer": prefer})
    assert (answer.status, answer.json["error_code"]) == (409, "batch_failed")
    assert "unpublished" in answer.json["message"]
    receipt: Any = http.get(path.replace("/push/?", f"/batches/{answer.headers['x-batch-id']}?")).json
    assert (receipt["state"], receipt["message"]) == ("failed", answer.json["message"])
