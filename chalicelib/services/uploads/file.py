"""The file of an upload: its records, and why it is not accepted."""

from collections.abc import Iterator, Sequence
from typing import Any

from chalicelib.services.uploads.uploads import KINDS
from chalicelib.sources.formats.broken import BrokenFile
from chalicelib.sources.formats.detection import recognised
from chalicelib.sources.formats.opening import open_records
from chalicelib.sources.formats.source_record import SourceRecord
from chalicelib.store.dynamodb import aws_faults_as_unavailable
from chalicelib.store.objects import ObjectStore

HEAD = 64 * 1024  # bytes that tell the format of a file
_NOTHING = (
    "No record was found in the file: mend it, or say its format when the upload is opened, if it is meant to be empty."
)


class Unacceptable(Exception):  # noqa: N818 - it says what happened, and becomes the refusal of the upload
    """An upload that cannot be accepted: why, and which of its records are refused."""

    def __init__(self, message: str, details: Sequence[dict[str, Any]] = ()) -> None:
        super().__init__(message)
        self.message, self.details = message, list(details)


def read_upload(
    bucket: ObjectStore, key: str, format_name: str | None, etag: str | None = None
) -> Iterator[SourceRecord]:
    """The records of an uploaded file, read as they are asked for; Unacceptable when it is gone or cannot be read,
    TemporarilyUnavailable when it is another one by now than that of the ETag."""
    with aws_faults_as_unavailable():
        head, stream = bucket.head(key, HEAD, etag=etag), bucket.open(key, etag=etag)
    if head is None or stream is None:
        raise Unacceptable("The uploaded file is gone: send it again, to a new form.")
    try:
        if format_name:
            kind, params = KINDS[format_name], dict[str, Any]()
        else:
            kind, params = recognised(head, "upload", is_whole=len(head) < HEAD)
        is_empty = True
        for record in open_records(stream, kind, params):
            is_empty = False
            yield record
        if is_empty and not format_name and kind == KINDS["csv"]:  # what anything is that is nothing else
            raise Unacceptable(_NOTHING)
    except BrokenFile as broken:
        raise Unacceptable(f"The file cannot be read: {broken}. Nothing was written.") from None
