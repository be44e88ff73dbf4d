"""When alerts are on, whose clock they start, and for whom."""

from dataclasses import replace

import pytest

from chalicelib.domain.errors import FeatureNotAvailable, PushDisabled, ValidationFailed
from chalicelib.services.alerts.settings import NOBODY, watch_items
from chalicelib.services.datasets import datasets
from chalicelib.services.publication.publication import publish
from chalicelib.services.resources import push_switches, resources
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.stores import Stores
from tests.builders import at
from tests.services.alerts.watching import edit, look, mails, state, watched
from tests.services.devices import a_device


def test_settings_act_at_once_and_start_the_clock_anew(stores: Stores) -> None:
    device = watched(stores)
    edit(device, 30, inactivity_minutes=2)
    look(stores, 61)
    look(stores, 150)
    assert mails() == []
    look(stores, 151)
    assert len(mails()) == 1


def test_an_edit_of_something_else_leaves_the_clock_and_an_unnamed_alert_stays_on(stores: Stores) -> None:
    device = watched(stores)
    draft = edit(device, 30)
    assert resources.shown(stores, draft)["params"]["alerting"] is True
    look(stores, 61)
    assert len(mails()) == 1


@pytest.mark.parametrize("rest", ["disable", "unpublish", "off"])
def test_what_can_receive_nothing_is_not_silent(stores: Stores, rest: str) -> None:
    device = watched(stores)
    if rest == "disable":
        push_switches.set_push_enabled(device.dataset_uid, device.resource_uid, False, at(5))
        with pytest.raises(PushDisabled):
            device.push([])
    elif rest == "unpublish":
        from chalicelib.services.publication.publication import unpublish  # noqa: PLC0415

        unpublish(stores, device.dataset_uid, at(5))
    else:
        edit(device, 5, alerting=False)
    look(stores, 500)
    assert mails() == []
    assert state(device)["state"] == ("off" if rest == "off" else "paused")
    if rest == "disable":
        push_switches.set_push_enabled(device.dataset_uid, device.resource_uid, True, at(600))
    elif rest == "unpublish":
        publish(stores, device.dataset_uid, at(600), Deadline(5))
    else:
        edit(device, 600, alerting=True)
    look(stores, 660)
    assert mails() == [], "the clock has started anew"
    look(stores, 661)
    assert len(mails()) == 1


def test_an_alert_before_the_first_publication_waits_for_it(stores: Stores) -> None:
    device = a_device(stores, bootstrap={"key": 1}, published=False)
    edit(device, alerting=True, inactivity_minutes=1)
    look(stores, 500)
    assert (mails(), state(device)["state"]) == ([], "paused")
    publish(stores, device.dataset_uid, at(600), Deadline(5))
    look(stores, 661)
    assert len(mails()) == 1


def test_a_resource_or_a_dataset_takes_its_watch_along(stores: Stores) -> None:
    first, second = watched(stores), watched(stores)
    resources.delete_resource(stores, first.dataset_uid, first.resource_uid, at(400))
    datasets.delete_dataset(stores, second.dataset_uid, at(400))
    assert watch_items(first.dataset_uid) == watch_items(second.dataset_uid) == []
    look(stores, 500)
    assert mails() == []


def test_alerts_that_nobody_would_get_are_refused(stores: Stores) -> None:
    with pytest.raises(ValidationFailed, match="at least one address"):
        watched(stores, requester=NOBODY)
    mute = Stores(replace(stores.names, mail_from=None), stores.client)
    with pytest.raises(FeatureNotAvailable, match="FRESHWIRE_MAIL_FROM"):
        watched(mute)
