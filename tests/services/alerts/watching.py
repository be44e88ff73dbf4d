"""Datasets whose silence is watched, who watches, and what they were sent."""

from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.ses.models import ses_backends

from chalicelib.services.alerts.checks import look_for_silence
from chalicelib.services.alerts.outbox import Delivery, deliver
from chalicelib.services.alerts.settings import Requester, shown_alert
from chalicelib.services.resources import resource_drafts, resources
from chalicelib.store.stores import Stores
from tests.builders import at
from tests.deployment import REGION, PatientDeadline
from tests.services.devices import Device, a_device

ANN, BOB, EVE = "ann@example.org", "bob@example.org", "eve@example.org"
OWNER = Requester(email=ANN, base_url="https://data.example.org/api")


def backend() -> Any:
    """What has been sent."""
    return ses_backends[DEFAULT_ACCOUNT_ID][REGION]


def mails() -> list[tuple[str, str]]:
    """Who was sent what, by its subject."""
    return [(m.destinations["ToAddresses"][0], m.subject.partition(":")[0]) for m in backend().sent_messages]


def watched(stores: Stores, *, requester: Requester = OWNER, **params: Any) -> Device:
    """A published dataset that alerts after a minute."""
    device = a_device(stores, bootstrap={"key": 1})
    edit(device, requester=requester, alerting=True, inactivity_minutes=1, **params)
    return device


def edit(device: Device, seconds: float = 0, *, requester: Requester = OWNER, **params: Any) -> resource_drafts.Draft:
    """Change the settings of its resource."""
    body = {"type": "realtime", "params": {"bootstrap": {"key": 1}, **params}}
    uids = device.dataset_uid, device.resource_uid
    return resources.edit_resource(device.stores, *uids, body, at(seconds), requester=requester)


def look(stores: Stores, seconds: float) -> Delivery:
    """Check for silence, and send what there is to tell."""
    checked = look_for_silence(stores, at(seconds), PatientDeadline(60))
    assert not checked.failed
    return deliver(stores, checked.notices, at(seconds), PatientDeadline(60))


def state(device: Device) -> dict[str, Any]:
    """How its alert stands."""
    return shown_alert(device.stores, device.dataset_uid, device.resource_uid)


def states_of_recipients(device: Device) -> dict[str, str]:
    """How each of its recipients stands, by address."""
    return {recipient["address"]: recipient["state"] for recipient in state(device)["recipients"]}
