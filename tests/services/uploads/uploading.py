"""What devices and the worker do with an upload, in one call each."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from chalicelib.services.uploads.check import check_upload
from chalicelib.services.uploads.uploads import UploadRequest, commit_upload, open_upload
from chalicelib.store.catalog.incoming import UploadItem
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.objects import upload_key
from chalicelib.store.stores import Stores
from tests.builders import NOW
from tests.services.devices import Device, a_device


def a_library(stores: Stores) -> Device:
    return a_device(stores, bootstrap={"isbn": "1", "loans": 1}, unique_key=["isbn"])


def lines(books: Sequence[dict[str, Any]]) -> bytes:
    return "\n".join(json.dumps(book) for book in books).encode()


def uploaded(device: Device, content: bytes | None, body: Any = None) -> str:
    """The id of an upload whose file has arrived."""
    common = {"offers_push": True, "now": NOW, "deadline": Deadline(5)}
    upload_id: str = open_upload(device.stores, UploadRequest(target=device.target, body=body), **common)["upload_id"]
    if content is not None:
        device.stores.jobs.put(upload_key(device.dataset_uid, upload_id), content, "application/octet-stream")
    return upload_id


def commit(device: Device, upload_id: str, **options: Any) -> UploadItem:
    """What a device is answered that commits its upload and waits for nothing."""
    request = UploadRequest(target=device.target, upload_id=upload_id, **{"wait": 0, **options})
    return commit_upload(device.stores, request, offers_push=True, now=NOW, deadline=Deadline(5))


def loans(device: Device) -> dict[str, int]:
    return {record["isbn"]: record["loans"] for record in device.stored().values()}


class Watch:
    """The clock of a worker, which stands still until it is told to go on. What happens `meanwhile` happens whenever
    the worker waits."""

    def __init__(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        self.seconds, self._meanwhile = 0.0, meanwhile

    def deadline(self, seconds: float) -> Deadline:
        return Deadline(seconds, clock=lambda: self.seconds, sleep=self._wait)

    def pass_by(self, seconds: float = 1000) -> None:
        self.seconds += seconds

    def _wait(self, seconds: float) -> None:
        self._meanwhile()
        self.pass_by(seconds)


def check(device: Device, upload_id: str, watch: Watch, seconds: float = 270) -> None:
    """Let the worker check a committed upload, in so much time."""
    check_upload(device.stores, f"{device.dataset_uid}.{upload_id}", lambda: NOW, watch.deadline(seconds))
