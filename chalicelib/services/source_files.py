"""Uploaded source files: storing them, reading their records, and the fields they bring."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from io import BytesIO
from itertools import islice
from typing import Any

from pynamodb.exceptions import DoesNotExist

from chalicelib.domain.errors import PayloadTooLarge, ValidationFailed
from chalicelib.domain.identifiers import new_uid
from chalicelib.domain.inference import SourceField, infer_fields
from chalicelib.services.datasets import find_dataset, source_key
from chalicelib.sources.formats.broken import BrokenFile
from chalicelib.sources.formats.opening import open_records
from chalicelib.sources.formats.source_record import SourceRecord
from chalicelib.store.catalog import FILE, ResourceItem, UploadedFileItem, dataset_pk
from chalicelib.store.stores import Stores

MAX_FILE_BYTES = 4 * 1024 * 1024  # what the gateway carries in one request, as base64
SAMPLE = 1000  # records that fields are inferred from


def upload_file(stores: Stores, dataset_uid: str, filename: str, content: bytes, now: datetime) -> UploadedFileItem:
    """Keep a file for a resource of this dataset to use."""
    find_dataset(dataset_uid)
    if len(content) > MAX_FILE_BYTES:
        raise PayloadTooLarge(
            f"The file has {len(content)} bytes, this form carries {MAX_FILE_BYTES}: split it, or push its records."
        )
    uid = new_uid("fl")
    stores.sources.put(source_key(dataset_uid, uid), content, "application/octet-stream")
    item = UploadedFileItem(
        dataset_pk(dataset_uid),
        FILE + uid,
        uid=uid,
        filename=filename[:200] or "file",
        size=len(content),
        created_at=now.isoformat(timespec="milliseconds"),
    )
    item.save()
    return item


def shown(item: UploadedFileItem) -> dict[str, Any]:
    """The uploaded file as the API shows it; size in bytes."""
    return {"uid": item.uid, "filename": item.filename, "size": int(item.size), "created_at": item.created_at}


def read_source(stores: Stores, dataset_uid: str, resource: ResourceItem) -> Iterator[SourceRecord]:
    """The records of an uploaded-file resource, as the file has them, each with its line, entry or row. A broken file
    is a ValidationFailed that names it."""
    content = stores.sources.get(source_key(dataset_uid, resource.file_uid or ""))
    if content is None:
        raise ValidationFailed({"datasource": ["the uploaded file is gone: upload it again"]})
    try:
        yield from open_records(BytesIO(content), resource.type, resource.params)
    except BrokenFile as broken:
        raise ValidationFailed({"datasource": [str(broken)]}) from None


def infer_source_fields(stores: Stores, dataset_uid: str, resource: ResourceItem) -> list[SourceField]:
    """The fields that a resource brings: of its bootstrap data, or of the head of its file."""
    null_values = resource.params.get("null_values", [])
    if resource.type == "realtime":
        bootstrap = resource.params.get("bootstrap", [])
        return infer_fields(bootstrap if isinstance(bootstrap, list) else [bootstrap], null_values=null_values)
    if resource.source:
        return [(name, kind) for name, kind in resource.source_fields or []]  # known once it has been fetched
    with suppress(DoesNotExist):
        UploadedFileItem.get(dataset_pk(dataset_uid), FILE + (resource.file_uid or ""), consistent_read=True)
        head = (record.values for record in islice(read_source(stores, dataset_uid, resource), SAMPLE))
        return infer_fields(head, null_values=null_values, from_text=resource.type == "csvfile")
    raise ValidationFailed(
        {"datasource": [f"this dataset has no uploaded file '{resource.file_uid}': upload it first"]}
    )
