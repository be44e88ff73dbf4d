"""What is a sign of life, what is none, and what one costs."""

from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.store.dynamodb import Deadline
from chalicelib.store.stores import Stores
from tests.builders import NOW, at
from tests.services.alerts.watching import ANN, look, mails, state, watched
from tests.services.devices import a_device


def test_a_dataset_that_never_received_anything_alerts_once_after_the_threshold(stores: Stores) -> None:
    device = watched(stores)
    look(stores, 60)
    assert mails() == []
    look(stores, 61)
    look(stores, 62)
    look(stores, 200)
    assert mails() == [(ANN, "No data received since 2026-03-29T10")]
    assert state(device)["state"] == "silent"
    assert state(device)["no_data_received_since"] == NOW.isoformat(timespec="milliseconds")


@pytest.mark.parametrize("body", [{"key": 1}, []])
def test_a_push_and_a_heartbeat_are_signs_of_life(stores: Stores, body: Any) -> None:
    device = watched(stores)
    replace(device, now=at(50)).push(body)
    look(stores, 61)
    assert mails() == []
    look(stores, 111)
    assert len(mails()) == 1
    replace(device, now=at(130)).push(body)
    look(stores, 131)
    assert [subject for _, subject in mails()][1:] == ["Receiving data again"]


def test_a_delete_is_a_sign_of_life_too(stores: Stores) -> None:
    device = watched(stores)
    replace(device, now=at(50)).delete({"key": 1})
    look(stores, 61)
    assert mails() == []


def test_what_is_refused_is_no_sign_of_life(stores: Stores) -> None:
    device = watched(stores)
    with pytest.raises(Exception, match="not JSON"):
        replace(device, now=at(50)).push(b"{")
    with pytest.raises(Exception, match="push key"):
        replace(device, now=at(50), target=replace(device.target, push_key="0" * 56)).push([])
    look(stores, 61)
    assert len(mails()) == 1


def test_what_is_not_pushed_is_no_sign_of_life(stores: Stores) -> None:
    device = watched(stores)
    stores.activity.put_receipt(
        device.dataset_uid,
        f"{int(at(30).timestamp() * 1000):012x}{'0' * 16}",
        {"resource_uid": device.resource_uid, "operation": "recover", "state": "applied"},
        at(30),
        Deadline(5),
    )
    look(stores, 61)
    assert len(mails()) == 1


def test_pushes_of_a_container_cost_one_write_in_ten_seconds_of_a_minute(stores: Stores) -> None:
    device = watched(stores)
    stores.client.calls.clear()
    for second in range(30):
        replace(device, now=at(second)).push([])
    assert stores.client.calls["update_item"] == 3


def test_pushes_of_a_resource_that_is_not_watched_cost_nothing_more(stores: Stores) -> None:
    device = a_device(stores, bootstrap={"key": 1})
    stores.client.calls.clear()
    device.push([])
    assert stores.client.calls == {"query": 1, "batch_write_item": 1}


def test_a_sign_of_life_that_cannot_be_noted_fails_no_push(stores: Stores) -> None:
    device = watched(stores)

    def refuse(operation: str) -> None:
        if operation == "update_item":
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": ""}}, "UpdateItem")

    stores.client.before = refuse
    try:
        assert replace(device, now=at(30)).push([]).state == "applied"
    finally:
        stores.client.before = lambda _: None
    look(stores, 61)
    assert mails() == [], "the check has found the batch"
