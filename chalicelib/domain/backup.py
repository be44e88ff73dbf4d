"""Backup entries: accepted operations as they came in, kept so that they can be applied anew.

An entry is one line of JSON; an object holds one entry, or many of one resource from the oldest to the newest. The
body is kept raw, file contents included, so that it can go through whatever processors and fields are published then.
"""

import base64
import gzip
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

PUSH, DELETE, DELETE_BY_ID = "push", "delete", "delete_by_id"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One accepted operation. `number` orders the operations of a dataset: of two that follow one another the later
    one has the greater number.

    `accepted_at` is in epoch milliseconds, `version` that of the configuration it was prepared with, and `refused`
    holds the indexes of the records that a lenient push left out. A file past the limit of a push lies beside the
    log: `upload` has its key, format and size. `record_id` is what a delete by id deletes. `configuration` is the
    `kept_as` of that configuration; empty in entries of before it was noted. `numbered_at` is when it had its number
    (epoch milliseconds; 0 in entries of before it was noted): all that has a smaller one was accepted before that,
    though perhaps after `accepted_at`.
    """

    batch_id: str
    resource_uid: str
    operation: str
    accepted_at: int
    version: int
    content_type: str = ""
    body: bytes = b""
    record_id: str = ""
    refused: Sequence[int] = ()
    upload: Mapping[str, Any] | None = None
    configuration: str = ""
    number: int = 0
    numbered_at: int = 0

    def as_json(self) -> dict[str, Any]:
        """The entry as its line holds it, and as a download shows it; what is empty is left out."""
        entry: dict[str, Any] = {
            "number": self.number,
            "batch_id": self.batch_id,
            "resource_uid": self.resource_uid,
            "operation": self.operation,
            "accepted_at": self.accepted_at,
            "version": self.version,
        }
        optional = {
            "content_type": self.content_type,
            "record_id": self.record_id,
            "refused": list(self.refused),
            "upload": dict(self.upload or {}),
            "configuration": self.configuration,
            "numbered_at": self.numbered_at,
            **_body_as_json(self.body),
        }
        return entry | {name: value for name, value in optional.items() if value}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Entry":
        """The entry that `as_json` made."""
        values = {name: value for name, value in stored.items() if name not in ("body", "body_base64")}
        body = base64.b64decode(stored["body_base64"]) if "body_base64" in stored else stored.get("body", "").encode()
        return cls(**values, body=body)


def packed(lines: Iterable[bytes]) -> bytes:
    """Lines as an object holds them. The same lines give the same bytes."""
    return gzip.compress(b"".join(line + b"\n" for line in lines), compresslevel=1, mtime=0)


def line_of(entry: Entry) -> bytes:
    """The line of an entry."""
    return orjson.dumps(entry.as_json())


def lines_of(content: bytes) -> list[bytes]:
    """The lines of an object, oldest first."""
    return gzip.decompress(content).splitlines()


def entry_of(line: bytes) -> Entry:
    """The entry of a line."""
    return Entry.from_json(orjson.loads(line))


def _body_as_json(body: bytes) -> dict[str, str]:
    """A body as text where it is text: readable in a download, and smaller than as base64."""
    try:
        return {"body": body.decode()}
    except UnicodeDecodeError:
        return {"body_base64": base64.b64encode(body).decode()}
