"""Exports: all records that answer a question, as one file. A small one is answered, a large one built in S3.

Memory is bounded whatever the size of the dataset: records are read a page ahead, and sent on in parts.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.domain.errors import TemporarilyUnavailable
from chalicelib.domain.identifiers import new_batch_id
from chalicelib.domain.live import LiveDataset
from chalicelib.services.reading.catalog import Visit
from chalicelib.services.reading.export_formats import Format
from chalicelib.services.reading.question import Found, Matching, Question, in_order, reading_all
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.objects import MultipartUpload, ObjectStore
from chalicelib.store.stores import Stores

MAX_DIRECT = 4_500_000  # bytes of a file that goes straight back
MAX_ESCAPED = 5_800_000  # bytes of it as a JSON string, which is how Lambda answers: its limit is 6,291,556
PART_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class ExportFile:
    """A finished export: either its `text`, or the signed URL it is to be fetched from."""

    filename: str
    mimetype: str
    text: str | None = None
    url: str | None = None


def export_records(
    stores: Stores, live: LiveDataset, question: Question, written: Format, visit: Visit, *, limit: int | None
) -> ExportFile:
    """Export the records that answer the question, at most `limit` of them. Either the whole of them is in the file,
    or a refusal says why not and nothing of it is left."""
    name, key = f"{live.dataset_id}.{written.extension}", new_batch_id(visit.now)
    outlet = Outlet(stores.exports, f"{live.partition}/{key}.{written.extension}", written.mimetype, visit.deadline)
    with outlet.dropped_on_failure():
        with _found(stores, live, question, visit, limit) as found:
            _write(found, written, outlet)
        text = outlet.close()
    if text is not None:
        return ExportFile(filename=name, mimetype=written.mimetype, text=text)
    return ExportFile(filename=name, mimetype=written.mimetype, url=outlet.link(name))


@contextmanager
def _found(
    stores: Stores, live: LiveDataset, question: Question, visit: Visit, limit: int | None
) -> Iterator[Iterator[Found]]:
    seen = stores.counts.last_seen(live.dataset_uid, visit.deadline)
    bounded = question.order is not None
    with reading_all(stores, live, seen, visit.now, visit.deadline, bounded=bounded) as records:
        matching = Matching(records, question)
        yield in_order(matching, question.order, limit) if question.order else islice(matching, limit)


def _write(found: Iterator[Found], written: Format, outlet: "Outlet") -> None:
    outlet.add(written.head)
    before = b""
    for entry in found:
        outlet.add(before + written.record(entry))
        before = written.separator
    outlet.add(written.tail)


class Outlet:
    """Where an export goes: into memory while it is small, then part by part into the bucket."""

    def __init__(self, store: ObjectStore, key: str, mimetype: str, deadline: Deadline) -> None:
        self._store, self._key, self._mimetype, self._deadline = store, key, mimetype, deadline
        self._buffer = bytearray()
        self._upload: MultipartUpload | None = None

    def add(self, content: bytes) -> None:
        """Take the next bytes of the file."""
        self._buffer += content
        if len(self._buffer) >= PART_BYTES:
            self._send_part()

    def close(self) -> str | None:
        """End the file; its text when it is small enough to be answered, None when it lies in the bucket."""
        if self._upload is not None:
            if self._buffer:
                self._send_part()
            self._upload.finish()
            return None
        if len(self._buffer) <= MAX_DIRECT:
            text = self._buffer.decode()
            if len(json.dumps(text)) <= MAX_ESCAPED:
                return text
        self._store.put(self._key, bytes(self._buffer), self._mimetype)
        return None

    def link(self, filename: str) -> str:
        """A signed URL that downloads the file."""
        return self._store.link(self._key, filename=filename, mimetype=self._mimetype, inline=False)

    @contextmanager
    def dropped_on_failure(self) -> Iterator[None]:
        """Leave no half of a file behind when what is done inside fails."""
        try:
            yield
        except BaseException:
            if self._upload is not None:
                # Parts that cannot be dropped now are dropped by the bucket's own rule after a day.
                with suppress(ClientError, BotoCoreError):
                    self._upload.abort()
            raise

    def _send_part(self) -> None:
        if self._deadline.remaining() <= 0:
            raise TemporarilyUnavailable(_TOO_SLOW)
        if self._upload is None:
            self._upload = self._store.start_upload(self._key, self._mimetype)
        self._upload.add(bytes(self._buffer))
        self._buffer.clear()


_TOO_SLOW = (
    "The export could not be finished in the time a request has: narrow it with where or limit, or select fewer fields."
)
