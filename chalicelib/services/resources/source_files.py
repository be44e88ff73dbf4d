"""Uploaded source files: storing them, reading their records, and the fields they bring."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any, Protocol

from pynamodb.exceptions import DoesNotExist

from chalicelib.domain import shape
from chalicelib.domain.errors import PayloadTooLarge, ValidationFailed
from chalicelib.domain.field_stack import MAX_FIELDS
from chalicelib.domain.identifiers import new_uid
from chalicelib.domain.inference import SourceField, infer_fields
from chalicelib.domain.shape import Key, checked
from chalicelib.services.datasets.datasets import find_dataset, source_key
from chalicelib.services.resources.showing import shown_records
from chalicelib.sources.formats.broken import BrokenFile
from chalicelib.sources.formats.containers import Readable
from chalicelib.sources.formats.detection import detect
from chalicelib.sources.formats.opening import first_records, open_records
from chalicelib.sources.formats.source_record import SourceRecord
from chalicelib.store.catalog.drafts import ResourceItem, UploadedFileItem
from chalicelib.store.catalog.keys import FILE, dataset_pk
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.stores import Stores

MAX_FILE_BYTES = 4 * 1024 * 1024  # what the gateway carries in one request, as base64
MAX_UPLOAD_BYTES = 240 * 1024 * 1024
MAX_NAME = 255  # characters of a field's name
MAX_NAMES_BYTES = 100_000  # of all of them
SAMPLE = 1000  # records that fields are inferred from
LOOK_SECONDS = 15.0  # that it may take to read the first records of a file


class FileSource(Protocol):
    """What reading a file needs to know of its resource."""

    @property
    def type(self) -> Any:
        """The type of the resource, which is the format of the file."""

    @property
    def params(self) -> Any:
        """How the format is to be read."""

    @property
    def file_uid(self) -> Any:
        """The uid of the uploaded file."""


def upload_file(stores: Stores, dataset_uid: str, filename: str, content: bytes, now: datetime) -> dict[str, Any]:
    """Keep a file for a resource of this dataset to use. `detected` proposes the resource's type and params, with the
    first 20 records as they would be read, or as many of them as an answer carries."""
    find_dataset(dataset_uid)
    if len(content) > MAX_FILE_BYTES:
        raise PayloadTooLarge(
            f"The file has {len(content)} bytes, this form carries {MAX_FILE_BYTES}: send "
            '{"filename": ..., "size": ...} as JSON to get a form for larger ones.'
        )
    detected = _detected(content, filename)
    uid = new_uid("fl")
    stores.sources.put(source_key(dataset_uid, uid), content, "application/octet-stream")
    return {**_keep(dataset_uid, uid, filename, len(content), now), "detected": detected}


def prepare_upload(stores: Stores, dataset_uid: str, body: Any, now: datetime) -> dict[str, Any]:
    """Announce a file that is too large for the gateway. The answer's `upload` is a form (`url` and `fields`) to send
    it to; after that a resource may use its uid."""
    find_dataset(dataset_uid)
    values = checked(body, _UPLOAD)
    if values["size"] > MAX_UPLOAD_BYTES:
        raise PayloadTooLarge(
            f"The file has {values['size']} bytes, the limit is {MAX_UPLOAD_BYTES} (240 MB): split it."
        )
    uid = new_uid("fl")
    form = stores.sources.upload_form(source_key(dataset_uid, uid), most=values["size"])
    return {**_keep(dataset_uid, uid, values["filename"], values["size"], now), "upload": {"method": "POST", **form}}


def _bounded(fields: list[SourceField], key: str) -> list[SourceField]:
    """The fields, unless there are more, or longer names, than a dataset may have."""
    if len(fields) > MAX_FIELDS:
        raise ValidationFailed({key: [f"{len(fields)} different fields, the limit is {MAX_FIELDS}: keep fewer"]})
    if longest := next((name for name, _ in fields if len(name) > MAX_NAME), None):
        raise ValidationFailed(
            {key: [f"the field '{longest[:40]}…' has a name over {MAX_NAME} characters: shorten it"]}
        )
    if (size := sum(len(name.encode()) for name, _ in fields)) > MAX_NAMES_BYTES:
        raise ValidationFailed({key: [f"{size} bytes of names, the limit is {MAX_NAMES_BYTES}: shorten some"]})
    return fields


def _detected(content: bytes, filename: str) -> dict[str, Any]:
    try:
        guess = detect(content, filename, is_whole=True, is_late=Deadline(LOOK_SECONDS).has_passed)
    except BrokenFile as broken:
        raise ValidationFailed({"file": [str(broken)]}) from None
    records = shown_records(record.values for record in guess.records)
    return {"type": guess.kind, "params": dict(guess.params), "records": records, "problem": guess.problem}


def _keep(dataset_uid: str, uid: str, filename: str, size: int, now: datetime) -> dict[str, Any]:
    name, moment = filename[:200] or "file", now.isoformat(timespec="milliseconds")
    UploadedFileItem(dataset_pk(dataset_uid), FILE + uid, uid=uid, filename=name, size=size, created_at=moment).save()
    return {"uid": uid, "filename": name, "size": size, "created_at": moment}


def size_of(dataset_uid: str, file_uid: str) -> int:
    """The size in bytes of an uploaded file, or what it was announced to have."""
    with suppress(DoesNotExist):
        return int(UploadedFileItem.get(dataset_pk(dataset_uid), FILE + file_uid, consistent_read=True).size)
    raise ValidationFailed({"datasource": [f"this dataset has no uploaded file '{file_uid}': upload it first"]})


def read_source(
    stores: Stores, dataset_uid: str, resource: FileSource, check: Callable[[], None]
) -> Iterator[SourceRecord]:
    """The records of an uploaded-file resource, as the file has them, each with its line, entry or row. A broken file
    is a ValidationFailed that names it. `check` is called again and again meanwhile, and what it raises ends the
    reading."""
    with _opened(stores, dataset_uid, resource) as stream:
        yield from open_records(stream, resource.type, resource.params, check=check)


def read_first(stores: Stores, dataset_uid: str, resource: FileSource, most: int) -> Iterator[SourceRecord]:
    """The first of them: at most that many, and no more than memory takes easily and some seconds are enough for."""
    is_late = Deadline(LOOK_SECONDS).has_passed
    with _opened(stores, dataset_uid, resource) as stream:
        yield from first_records(stream, resource.type, resource.params, most=most, is_late=is_late)


@contextmanager
def _opened(stores: Stores, dataset_uid: str, resource: FileSource) -> Iterator[Readable]:
    stream = stores.sources.open(source_key(dataset_uid, resource.file_uid or ""))
    if stream is None:
        raise ValidationFailed({"datasource": ["the file was announced but not uploaded: send it to its form first"]})
    try:
        yield stream
    except BrokenFile as broken:
        raise ValidationFailed({"datasource": [str(broken)]}) from None


def fields_of(records: Iterable[SourceRecord], kind: str, null_values: Sequence[str]) -> list[SourceField]:
    """The fields that a file of this type brings, by its first records."""
    values = (record.values for record in records)
    return _bounded(infer_fields(values, null_values=null_values, from_text=kind == "csvfile"), "datasource")


def infer_source_fields(stores: Stores, dataset_uid: str, resource: ResourceItem) -> list[SourceField]:
    """The fields that a resource brings: of its bootstrap data, or of the head of its file."""
    null_values = resource.params.get("null_values", [])
    if resource.type == "realtime":
        bootstrap = resource.params.get("bootstrap", [])
        sample = bootstrap if isinstance(bootstrap, list) else [bootstrap]
        return _bounded(infer_fields(sample, null_values=null_values), "bootstrap")
    if not resource.file_uid:
        known = [(name, kind) for name, kind in resource.source_fields or []]
        return _bounded(known, "source_fields")  # of a remote one, or until there is a file
    with suppress(DoesNotExist):
        UploadedFileItem.get(dataset_pk(dataset_uid), FILE + (resource.file_uid or ""), consistent_read=True)
        return fields_of(read_first(stores, dataset_uid, resource, SAMPLE), resource.type, null_values)
    raise ValidationFailed(
        {"datasource": [f"this dataset has no uploaded file '{resource.file_uid}': upload it first"]}
    )


_UPLOAD = {
    "filename": Key(problem=shape.text(least=1, most=200), required=True),
    "size": Key(problem=shape.whole(1, 2**40), required=True),
}
