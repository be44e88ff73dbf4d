"""After any sequence of pushes, deletes and switches the store equals a plain dict."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.domain.errors import DatasetNotPublished, PushDisabled
from chalicelib.domain.payload import Payload
from chalicelib.services.publication.publication import unpublish
from chalicelib.services.resources.push_switches import set_push_enabled
from chalicelib.store.stores import Stores
from tests.builders import NOW
from tests.deployment import Tables
from tests.services.devices import Device, a_device

KEYS = st.integers(0, 5)
RECORDS = st.fixed_dictionaries(
    {"key": KEYS}, optional={"value": st.none() | st.integers(-3, 3), "text": st.text("ab")}
)
OPERATIONS = st.one_of(
    st.tuples(st.just("push"), st.lists(RECORDS, max_size=8)),
    st.tuples(st.just("push"), RECORDS),
    st.tuples(st.just("delete"), st.lists(st.fixed_dictionaries({"key": KEYS}), min_size=1, max_size=4)),
    st.tuples(st.just("delete_by_id"), KEYS),
    st.tuples(st.sampled_from(["disable", "enable", "publish", "unpublish"]), st.none()),
)


class Model:
    """What the dataset must hold: a dict, and two switches."""

    def __init__(self) -> None:
        self.records: dict[int, dict[str, Any]] = {}
        self.enabled = self.published = True

    def accepts(self) -> bool:
        return self.enabled and self.published

    def push(self, records: list[dict[str, Any]]) -> None:
        for record in records:
            self.records[record["key"]] = {name: value for name, value in record.items() if value is not None}

    def delete(self, keys: list[int]) -> None:
        for key in keys:
            self.records.pop(key, None)


def id_of(device: Device, key: int) -> str:
    preparer = device.live().configuration.preparer(device.resource_uid)
    return preparer.identify(Payload(objects=[{"key": key}])).ids[0]


def step(device: Device, model: Model, name: str, argument: Any) -> None:
    if name in ("disable", "enable"):
        model.enabled = name == "enable"
        set_push_enabled(device.dataset_uid, device.resource_uid, model.enabled, NOW)
    elif name == "publish":
        model.published = True
        device.publish()
    elif name == "unpublish":
        model.published = False
        model.records.clear()
        unpublish(device.stores, device.dataset_uid, NOW)
    else:
        _send(device, model, name, argument)


def _send(device: Device, model: Model, name: str, argument: Any) -> None:
    try:
        if name == "push":
            device.push(argument)
        elif name == "delete":
            device.delete(argument)
        else:
            device.delete_by_id(id_of(device, argument))
    except (PushDisabled, DatasetNotPublished):
        assert not model.accepts()
        return
    assert model.accepts()
    if name == "push":
        model.push(argument if isinstance(argument, list) else [argument])
    else:
        model.delete([argument] if name == "delete_by_id" else [record["key"] for record in argument])


@pytest.fixture(scope="module")
def empty(shared_stores: Stores) -> Tables:
    """The tables with nothing in them."""
    return Tables()


@settings(max_examples=settings().max_examples // 4)
@given(st.lists(OPERATIONS, max_size=12))
def test_the_store_equals_a_dict_after_any_history(
    shared_stores: Stores, empty: Tables, history: list[tuple[str, Any]]
) -> None:
    empty.put_back()
    device, model = a_device(shared_stores, bootstrap={"key": 1, "value": 1, "text": "a"}, unique_key=["key"]), Model()
    for name, argument in history:
        step(device, model, name, argument)
        stored = list(device.stored().values())
        assert sorted(stored, key=lambda r: r["key"]) == [model.records[key] for key in sorted(model.records)]
