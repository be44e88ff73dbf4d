"""Records are written anew under another unique key: none twice, none forgotten, the latest of those that meet."""

import json
from contextlib import suppress

import pytest

from chalicelib.domain.rekeying import Rekeyer
from chalicelib.services.publication.rekeying import AT_ONCE, Loss, Rekeying, foreseen_loss
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.stores import Stores
from tests.builders import a_schema, at
from tests.faults import CallCounter, Crash, counted
from tests.services.devices import Device, a_device

PHOTO = {"content": "R0lGODlhAQABAAAAACw=", "content-type": "image/gif"}
TYPES = {"isbn": "text", "shelf": "text", "photo": "file"}
OLD, NEW = a_schema(unique_key=["isbn"], **TYPES), a_schema(unique_key=["shelf"], **TYPES)
TARGET = "da_target.2"


@pytest.fixture
def device(stores: Stores) -> Device:
    """Four books on two shelves, pushed one after the other, and one that lies about."""
    made = a_device(stores, bootstrap={"isbn": "1", "shelf": "A"}, unique_key=["isbn"], types={"photo": "file"})
    for number, shelf in enumerate("ABAB"):
        made.now = at(10 - number)
        made.push({"isbn": str(number), "shelf": shelf, "photo": PHOTO})
    made.push({"isbn": "about"})
    return made


def run(device: Device, after: str = "") -> list[str]:
    walk = Rekeying(stores=device.stores, source=device.live().partition, target=TARGET, batch_id="batch")
    return list(walk.from_id(after, Rekeyer(OLD, NEW), Deadline(60)))


def shelves(device: Device) -> dict[str, str]:
    found = device.stores.reader.scan(TARGET, Deadline(60))
    records = [json.loads(record.text) for record in found]
    return {record["shelf"]: record["isbn"] for record in records}


def test_of_records_that_meet_the_one_that_was_accepted_last_stays(device: Device) -> None:
    run(device)
    assert shelves(device) == {"A": "0", "B": "1"}
    moved = list(device.stores.reader.walk(TARGET, "", Deadline(60)))
    assert {found.record.accepted_at for found in moved} == {int(at(s).timestamp() * 1000) for s in (10, 9)}
    assert {found.resource_uid for found in moved} == {device.resource_uid}
    for found in moved:
        (key,) = found.record.files.values()
        assert device.stores.files.get(key), "the content came along"
        assert key.startswith(f"{TARGET}/{found.record.id}/")


def test_a_worker_that_dies_between_any_two_calls_goes_on_where_it_was(device: Device) -> None:
    with counted(device.stores, CallCounter()) as whole:
        run(device)
    for fatal in range(whole.calls):
        with suppress(Crash), counted(device.stores, CallCounter(fatal)):
            run(device)
        done = run(device)
        assert shelves(device) == {"A": "0", "B": "1"}, fatal
        assert run(device, after=done[-1]) == []


def test_it_tells_beforehand_what_would_be_lost(device: Device) -> None:
    loss = foreseen_loss(device.stores, device.live(), NEW, Deadline(60))
    assert loss == Loss(records=5, collisions=2, unidentified=1)
    assert loss.is_any
    late = foreseen_loss(device.stores, device.live(), NEW, Deadline(0))
    assert not late.is_complete


def test_long_runs_are_written_some_at_a_time(stores: Stores) -> None:
    device = a_device(stores, bootstrap={"isbn": "1", "shelf": "A"}, unique_key=["isbn"], types={"photo": "file"})
    device.push([{"isbn": str(number), "shelf": str(number)} for number in range(AT_ONCE + 200)])
    done = run(device)
    assert len(done) == 2
    assert done == sorted(done)
    assert run(device, after=done[0]) == done[1:]
    assert len(shelves(device)) == AT_ONCE + 200
