"""A dataset whose books come from a file on a web server, and from a device; what its publisher, its runs and its
worker do, in one call each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any
from weakref import WeakKeyDictionary

from chalicelib.domain.run import SourceOutcome
from chalicelib.services.datasets import datasets, stacks
from chalicelib.services.datasets.source_copies import find_copy
from chalicelib.services.publication.publication import publish
from chalicelib.services.push.admission import PushTarget
from chalicelib.services.refresh.refresh import refresh_dataset
from chalicelib.services.resources import push_switches, resources
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.objects import ObjectStore
from chalicelib.store.stores import Stores
from tests.builders import NOW, at
from tests.deployment import LOOPBACK_ONLY, PatientDeadline, Tables, lose_rings, work
from tests.services.devices import Device
from tests.sources.web import Request, Site, head

_numbers = count()
FIELDS = [["isbn", "text"], ["title", "text"]]


@dataclass
class WebFile:
    """A CSV file on a web server, which tells by its ETag whether it has changed. `answer` takes its place while the
    server misbehaves; `meanwhile` happens when it has been asked for and before it answers."""

    content: bytes = b""
    has_etag: bool = True
    answer: Callable[[Request], None] | None = None
    meanwhile: Callable[[], None] = lambda: None
    statuses: list[int] = field(default_factory=list)
    books: Mapping[str, str] = field(default_factory=dict)

    @property
    def etag(self) -> str:
        return f'"{hash(self.content)}"'

    def hold(self, books: Mapping[str, str]) -> None:
        """Have these titles by isbn."""
        self.books = books
        self.content = b"isbn,title\n" + "".join(f"{isbn},{title}\n" for isbn, title in books.items()).encode()

    def __call__(self, request: Request) -> None:
        self.meanwhile()
        if self.answer is not None:
            self.answer(request)
            return
        headers = {"Content-Length": str(len(self.content)), "Connection": "close"}
        if self.has_etag:
            headers["ETag"] = self.etag
        is_known = self.has_etag and request.headers.get("If-None-Match") == self.etag
        self.statuses.append(304 if is_known else 200)
        if is_known:
            request.write(head("304 Not Modified", {"ETag": self.etag, "Connection": "close"}))
        else:
            request.write(head("200 OK", headers), self.content)
        request.close_connection = True


@dataclass
class Newsroom:
    """The dataset, its file, its device, and the uid of its remote resource."""

    stores: Stores
    file: WebFile
    device: Device
    resource_uid: str
    first: Mapping[str, str]
    seconds: float = 0.0
    runs: int = 0

    @property
    def dataset_uid(self) -> str:
        return self.device.dataset_uid

    @property
    def now(self) -> datetime:
        return at(self.seconds)

    def publish(self) -> None:
        """Publish the draft, and let the worker do what that leaves to it."""
        publish(self.stores, self.dataset_uid, self.now, Deadline(60))
        self.work()

    def run(self, run_id: str | None = None, *, deadline: Deadline | None = None, **options: Any) -> SourceOutcome:
        """A run, an hour later; what became of its one resource."""
        self.seconds += 3600
        self.runs += 1
        (outcome,) = refresh_dataset(
            self.stores,
            self.dataset_uid,
            run_id or f"run-{self.runs}",
            lambda: self.now,
            deadline or PatientDeadline(60),
            **{"guard": LOOPBACK_ONLY, **options},
        )
        return outcome

    def work(self, **options: Any) -> None:
        """Let the worker do what it was rung for."""
        work(self.stores, lambda: self.now, **options)

    def refresh(self) -> SourceOutcome:
        """A run, and the worker after it."""
        outcome = self.run()
        self.work()
        return outcome

    def receipt(self, outcome: SourceOutcome) -> dict[str, Any]:
        stored = self.stores.activity.batch(self.dataset_uid, outcome.batch_id or "", Deadline(5))
        assert stored is not None
        return stored

    def tally(self, outcome: SourceOutcome) -> tuple[int, int, int, int]:
        """Created, updated, unchanged, deleted."""
        stored = self.receipt(outcome)
        assert stored["state"] == "applied"
        return stored["created"], stored["updated"], stored["unchanged"], stored["deleted"]

    def push(self, **books: str) -> None:
        """Push titles by isbn, a second later."""
        self.seconds += 1
        self.device.now = self.now
        self.device.push([{"isbn": isbn.lstrip("_"), "title": title} for isbn, title in books.items()])

    def books(self) -> dict[str, str]:
        """The titles that readers see, by isbn."""
        return {record["isbn"]: record.get("title") for record in self.device.stored().values()}

    def set_params(self, **params: Any) -> None:
        """Change params of the remote resource in the draft."""
        draft = resources.find_resource(self.dataset_uid, self.resource_uid)
        shown = resources.shown(self.stores, draft)
        body = {name: shown[name] for name in ("type", "title", "datasource")} | {"params": params}
        resources.edit_resource(self.stores, self.dataset_uid, self.resource_uid, body, NOW)

    def kept_objects(self) -> list[str]:
        """The keys of all that is kept in S3 for this dataset: of copies, and of jobs."""
        names = self.stores.names
        listed = [
            self.stores.sources._client.list_objects_v2(Bucket=names.sources_bucket, Prefix=self.dataset_uid),
            self.stores.jobs._client.list_objects_v2(Bucket=names.lane_bucket, Prefix=f"jobs/{self.dataset_uid}"),
        ]
        return [entry["Key"] for answer in listed for entry in answer.get("Contents", ())]

    def copy_objects(self) -> list[str]:
        """The keys that should be kept: those of the present copy."""
        copy = find_copy(self.dataset_uid, self.resource_uid)
        return sorted([copy.content_key, copy.manifest_key]) if copy else []


def a_newsroom(
    stores: Stores,
    site: Site,
    books: Mapping[str, str],
    *,
    published: bool = True,
    has_device: bool = True,
    file: WebFile | None = None,
    **params: Any,
) -> Newsroom:
    """A dataset with a remote file of these books, and a device."""
    number = next(_numbers)
    file = file or WebFile()
    file.hold(books)
    path = f"/{number}/books.csv"
    site.routes[path] = file
    dataset = datasets.create_dataset({"metadata": {}, "dataset_id": f"newsroom-{number}"}, NOW)
    key = ""
    resource_uid = ""
    if has_device:
        body = {"type": "realtime", "params": {"bootstrap": {"isbn": "1", "title": "Emma"}}}
        draft = resources.create_resource(stores, dataset.uid, body, NOW)
        key, resource_uid = push_switches.push_key(stores, draft.resource), draft.resource.uid
    source = {"type": "http", "connection": {"type": "http", "url": site.base}, "relative_url": path}
    remote = resources.create_resource(
        stores,
        dataset.uid,
        {"type": "csvfile", "datasource": source, "params": params},
        NOW,
        source_fields=FIELDS,
    )
    stacks.fields.add(dataset.uid, {"type": "type", "field": "isbn", "type_param": "text"})
    stacks.fields.add(dataset.uid, {"type": "annotate", "annotation": "id", "field": "isbn"})
    target = PushTarget(dataset_id=dataset.dataset_id, resource_id="realtime", push_key=key)
    device = Device(stores, target, dataset.uid, resource_uid, seconds=60)
    made = Newsroom(stores, file, device, remote.resource.uid, books)
    if published:
        made.publish()
    return made


def the_newsroom(stores: Stores, site: Site, books: Mapping[str, str], **params: Any) -> Newsroom:
    """A newsroom that is made once for these stores, and put back as it was in the beginning each time."""
    if stores not in _made:
        room = a_newsroom(stores, site, books, **params)
        _made[stores] = (room, Saved(room))
    room, saved = _made[stores]
    assert room.first == books
    stores.client.before = lambda _operation: None
    saved.put_back()
    vars(stores).pop("live", None)  # it remembers configurations by versions, which now begin anew
    lose_rings(stores)
    vars(room.file).update(vars(WebFile()))
    room.file.hold(books)
    room.runs = 0
    return room


class Saved:
    """The tables, the objects of a newsroom and its time as they are now, to be put back later."""

    def __init__(self, room: Newsroom) -> None:
        self._room, self._tables, self._seconds = room, Tables(), room.seconds
        self._objects = {key: self._bucket(key).get(key) for key in room.kept_objects()}

    def put_back(self) -> None:
        """Make them as they were."""
        self._tables.put_back()
        for key in self._room.kept_objects():
            self._bucket(key).delete([key])
        for key, content in self._objects.items():
            self._bucket(key).put(key, content or b"", "application/octet-stream")
        self._room.seconds = self._seconds

    def _bucket(self, key: str) -> ObjectStore:
        return self._room.stores.jobs if key.startswith("jobs/") else self._room.stores.sources


_made: WeakKeyDictionary[Stores, tuple[Newsroom, Saved]] = WeakKeyDictionary()
