"""A publisher whose dataset has a file to load: what they do, and what is to be seen of it."""

from collections.abc import Callable
from datetime import datetime

from chalicelib.services.bells import LANE, PUBLISH
from chalicelib.services.datasets import stacks
from chalicelib.services.datasets.status import status_of
from chalicelib.services.publication.plan import Limits
from chalicelib.services.publication.publication import publish
from chalicelib.services.resources import resources
from chalicelib.services.resources.source_files import upload_file
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.stores import Stores
from tests.builders import NOW, at
from tests.services.devices import Device, a_device
from tests.services.lane.queues import keys_in

BOOK = {"isbn": "1", "title": "Emma"}
FILE = b"isbn;title;shelf\n0;T;S\n1;T;S\n2;T;S\n"
BY_WORKER, AT_ONCE = Limits(bytes_at_once=0), Limits()


def add_file(device: Device, name: str, content: bytes, kind: str = "csvfile") -> str:
    """Add a file as a resource of the draft; its uid."""
    file = upload_file(device.stores, device.dataset_uid, name, content, NOW)
    source = {"type": "uploaded_file", "file": {"uid": file["uid"]}}
    draft = resources.create_resource(
        device.stores, device.dataset_uid, {"type": kind, "title": name, "datasource": source}, NOW
    )
    return str(draft.resource.uid)


def a_library(stores: Stores) -> Device:
    """Pushes to a published dataset with one record, whose draft has a file of three and a field more. Its worker comes
    only when it is called."""
    made = a_device(stores, bootstrap=BOOK, unique_key=["isbn"])
    made.push({"isbn": "pushed"})
    add_file(made, "books.csv", FILE)
    stacks.fields.add(made.dataset_uid, {"type": "type", "field": "isbn", "type_param": "text"})
    made.is_followed = False
    return made


def ask(device: Device, limits: Limits = BY_WORKER, now: datetime = NOW) -> None:
    """Publish the draft, and leave to the worker what is left to it."""
    publish(device.stores, device.dataset_uid, now, Deadline(60), limits=limits)


def status(device: Device, now: datetime = NOW) -> str:
    return str(status_of(device.dataset_uid, now)["status"])


def isbns(device: Device) -> set[str]:
    return {record["isbn"] for record in device.stored().values()}


def while_it_is(device: Device, wanted: str, act: Callable[[], None]) -> None:
    """Act at the first AWS call of the worker at which the dataset has this status."""
    client = device.stores.client

    def watch(_operation: str) -> None:
        client.before = lambda _operation: None
        if status(device) == wanted:
            act()
        else:
            client.before = watch

    client.before = watch


def assert_nothing_changed(device: Device) -> None:
    assert isbns(device) == {"pushed"}
    assert device.live().configuration.schema.get("shelf") is None
    assert not device.live().has_jobs
    assert device.live().coming is None
    assert keys_in(device.stores.jobs, device.dataset_uid) == [], "the staged parts are removed"
    assert due(device) == set()


def due(device: Device) -> set[str]:
    """What of this dataset the tick would ring for, some day."""
    later = int(at(10**6).timestamp())
    found = {pk for task in (LANE, PUBLISH) for pk, _ in device.stores.due.keys(task, later, Deadline(60))}
    return {pk for pk in found if pk.endswith((f"#{device.dataset_uid}", f"#{device.target.dataset_id}"))}
