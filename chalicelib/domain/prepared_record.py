"""Prepared records: what a pushed object becomes before it is stored, and what it takes."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from chalicelib.domain.errors import RecordRefusal
from chalicelib.domain.file_content import FileContent

RECORD_ID_LENGTH, CONTENT_HASH_LENGTH = 40, 32
MAX_RECORD_BYTES = 350 * 1024
_FILE_KEY_BYTES = 200  # that the object key of a file content takes at the most

NO_FILES: Mapping[str, Any] = MappingProxyType({})  # one for all records without: they are the rule


class PreparedRecord(NamedTuple):
    """A record as it will be stored: `text` is its JSON without nulls, keys sorted; `hash` identifies that text."""

    id: str
    text: str
    hash: str
    files: Mapping[str, FileContent]

    @property
    def size(self) -> int:
        """The bytes that it takes as stored: its text, and the keys of its file contents."""
        text = len(self.text) if self.text.isascii() else len(self.text.encode())
        return text + size_of_keys(self.files) if self.files else text


@dataclass(kw_only=True)
class PreparedPayload:
    """What became of a payload. `records` holds one entry per record id, the last one of the payload; `skipped`
    counts those that a processor left out. The first 100 `refusals` say why in a sentence, all others by their code."""

    records: dict[str, PreparedRecord] = field(default_factory=dict)
    ids: list[str] = field(default_factory=list)
    refusals: list[RecordRefusal] = field(default_factory=list)
    ignored_fields: set[str] = field(default_factory=set)
    skipped: int = 0


def content_hash(text: bytes) -> str:
    """What identifies a record's JSON text: the first 32 hex of its SHA-256."""
    return hashlib.sha256(text).hexdigest()[:CONTENT_HASH_LENGTH]


def size_of_keys(files: Mapping[str, FileContent]) -> int:
    """The bytes that the object keys of file contents take beside the text of their record, by field."""
    return sum(len(name.encode()) + _FILE_KEY_BYTES for name in files)
