"""Fetching a remote source into the sources bucket, in constant memory: whole, or not at all."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.services.resources.remote_sources import fetchable
from chalicelib.sources.address_guard import AddressGuard
from chalicelib.sources.fetching import fetch
from chalicelib.sources.transfer import Fetched, Validators
from chalicelib.store.catalog.incoming import CopyItem
from chalicelib.store.dynamodb import Deadline, aws_faults_as_unavailable
from chalicelib.store.objects import MultipartUpload
from chalicelib.store.stores import Stores

PART_BYTES = 8 * 1024 * 1024
ASKED_AGAIN_AFTER = 1.0  # seconds


class StopCheck:
    """Asks whether somebody wants it to end, at most once a second, and raises `stop` then."""

    def __init__(self, is_stopping: Callable[[], bool], stop: type[Exception], deadline: Deadline) -> None:
        self._is_stopping, self._stop, self._deadline = is_stopping, stop, deadline
        self._next = 0.0

    def __call__(self) -> None:
        """Raise when it is to end."""
        if self._deadline.elapsed() >= self._next:
            self._next = self._deadline.elapsed() + ASKED_AGAIN_AFTER
            if self._is_stopping():
                raise self._stop


def fetch_copy(
    stores: Stores,
    remote: Mapping[str, Any],
    key: str,
    deadline: Deadline,
    *,
    guard: AddressGuard,
    check: Callable[[], None],
    known: CopyItem | None = None,
) -> Fetched:
    """Fetch a source to this key, unless it is what `known` is a copy of: by its validators, or byte by byte.

    The answer tells by `is_unchanged` whether there is a new object. `check` is called again and again meanwhile, and
    what it raises ends the transfer. Raises FetchFailed and TemporarilyUnavailable; no object is left by a failure.
    """
    source = fetchable(stores, remote)
    validators = Validators(**known.validators) if known is not None and known.validators else Validators()
    with _receiving(stores, key, check) as receiver:
        fetched = fetch(source, receiver.take, remaining=deadline.remaining, validators=validators, guard=guard)
        check()
        if not fetched.is_unchanged and (known is None or fetched.sha256 != known.sha256):
            receiver.keep()
    return fetched


class _Receiver:
    """Where the content goes: into memory while it is small, then part by part into the bucket. There is no object
    before `keep`."""

    def __init__(self, stores: Stores, key: str, check: Callable[[], None]) -> None:
        self._bucket, self._key, self._check = stores.sources, key, check
        self._buffer = bytearray()
        self._upload: MultipartUpload | None = None

    def take(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self._check()
        self._buffer += chunk
        if len(self._buffer) >= PART_BYTES:
            self._send_part()

    def keep(self) -> None:
        """Make the object."""
        with aws_faults_as_unavailable():
            if self._upload is None:
                self._bucket.put(self._key, bytes(self._buffer), "application/octet-stream")
                return
            if self._buffer:
                self._send_part()
            self._upload.finish()
            self._upload = None

    def drop(self) -> None:
        """Drop the parts of what was not kept. Those that cannot be dropped now are dropped by the bucket's own rule
        after a day."""
        if self._upload is not None:
            with suppress(ClientError, BotoCoreError):
                self._upload.abort()

    def _send_part(self) -> None:
        with aws_faults_as_unavailable():
            if self._upload is None:
                self._upload = self._bucket.start_upload(self._key, "application/octet-stream")
            self._upload.add(bytes(self._buffer))
        self._buffer.clear()


@contextmanager
def _receiving(stores: Stores, key: str, check: Callable[[], None]) -> Iterator[_Receiver]:
    receiver = _Receiver(stores, key, check)
    try:
        yield receiver
    finally:
        receiver.drop()
