"""What is done to a dataset whose records have a `key` (the number of a letter) and a `value`, and is recovered."""

from datetime import datetime
from typing import Any

from chalicelib.services.publication.publication import publish, unpublish
from chalicelib.services.recovery.recovery import show_recovery, start_recovery
from chalicelib.services.resources import resources
from chalicelib.store.dynamodb import Deadline
from tests.builders import at
from tests.deployment import work
from tests.services.devices import Device


def put(device: Device, seconds: float, **values: int) -> None:
    """Push some records at a moment: `put(device, 5, a=1)` sets the value of key a (as a number) to 1."""
    device.now = at(seconds)
    device.push([{"key": ord(name), "value": value} for name, value in values.items()])


def drop(device: Device, seconds: float, *names: str) -> None:
    device.now = at(seconds)
    device.delete([{"key": ord(name)} for name in names])


def values(device: Device) -> dict[str, int]:
    return {chr(r["key"]): r["value"] for r in device.stored().values()}


def empty(device: Device, seconds: float) -> None:
    """Unpublish and publish again: how a dataset is emptied in the field."""
    unpublish(device.stores, device.dataset_uid, at(seconds))
    publish(device.stores, device.dataset_uid, at(seconds), Deadline(5))
    work(device.stores, lambda: at(seconds))
    assert device.stored() == {}


def recover(device: Device, seconds: float, **body: Any) -> dict[str, Any]:
    """Recover at a moment, and what came of it."""
    ask(device, seconds, **body)
    work(device.stores, lambda: at(seconds))
    return last(device, seconds)


def ask(device: Device, seconds: float, **body: Any) -> None:
    start_recovery(device.stores, device.dataset_uid, device.resource_uid, body, now=at(seconds), deadline=Deadline(5))


def shown(device: Device, seconds: float) -> dict[str, Any]:
    return show_recovery(device.stores, device.dataset_uid, device.resource_uid, at(seconds), Deadline(5))


def last(device: Device, seconds: float) -> dict[str, Any]:
    outcome: dict[str, Any] = shown(device, seconds)["outcomes"][0]
    return outcome


def iso(seconds: float) -> str:
    moment: datetime = at(seconds)
    return moment.isoformat()


def switch(device: Device, *, on: bool) -> None:
    body = {"type": "realtime", "params": {"bootstrap": {"key": 1, "value": 1}, "recovery": on}}
    resources.edit_resource(device.stores, device.dataset_uid, device.resource_uid, body, at(0))
