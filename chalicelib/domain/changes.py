"""Changes: records to put and ids to delete, prepared, and the text in which a job keeps them until they are applied.

One change a line: `+{id}{record as JSON}` puts a record, `-{id}` deletes one. JSON texts hold no raw tab or line end,
so a record with file contents adds a tab and their object keys by field, as JSON. The hash is not kept: it is that of
the text.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import orjson

from chalicelib.domain.collector import collector_at_rest
from chalicelib.domain.prepared_record import NO_FILES, RECORD_ID_LENGTH, PreparedRecord, content_hash

FileKey = Callable[[str, str, str], str]  # record id, field, SHA-256 of the content → object key
_PUT, _DELETE = "+", "-"


class Put(NamedTuple):
    """A record to put: its id, JSON text, content hash, and the object keys of its file contents by field."""

    id: str
    text: str
    hash: str
    files: Mapping[str, str]


def content_keys(puts: Iterable[Put]) -> Iterator[str]:
    """The object keys of the file contents of some puts."""
    return (key for put in puts if put.files for key in put.files.values())


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What one batch does to the records of a dataset: first the puts, the last of an id wins, then the deletes."""

    puts: Sequence[Put] = ()
    deletes: Sequence[str] = ()

    def __len__(self) -> int:
        return len(self.puts) + len(self.deletes)

    @property
    def ids(self) -> list[str]:
        """All ids it touches."""
        return [*(put.id for put in self.puts), *self.deletes]


def puts_of(records: Iterable[PreparedRecord], key_of: FileKey) -> list[Put]:
    """The puts of prepared records; `key_of` names the object that each file content is kept under."""
    with collector_at_rest():
        return [
            Put(record.id, record.text, record.hash, _keys(record, key_of) if record.files else NO_FILES)
            for record in records
        ]


def as_text(changes: Changes) -> str:
    """The changes as text; `from_text` reads it back."""
    lines = [f"{_PUT}{put.id}{put.text}{_files(put) if put.files else ''}" for put in changes.puts]
    lines += [f"{_DELETE}{record_id}" for record_id in changes.deletes]
    return "\n".join(lines)


def from_text(text: str) -> Changes:
    """The changes that `as_text` wrote."""
    lines = text.split("\n") if text else []
    with collector_at_rest():
        puts = [_put(line) for line in lines if line[0] == _PUT]
    return Changes(puts=puts, deletes=[line[1:] for line in lines if line[0] == _DELETE])


def ids_in(text: str) -> Iterator[str]:
    """The ids in a text of changes, without reading their records."""
    return (line[1 : 1 + RECORD_ID_LENGTH] for line in text.split("\n") if line)


def _keys(record: PreparedRecord, key_of: FileKey) -> dict[str, str]:
    return {name: key_of(record.id, name, content.sha256) for name, content in record.files.items()}


def _files(put: Put) -> str:
    return "\t" + orjson.dumps(put.files).decode()


def _put(line: str) -> Put:
    record_id, (text, _, files) = line[1 : 1 + RECORD_ID_LENGTH], line[1 + RECORD_ID_LENGTH :].partition("\t")
    return Put(record_id, text, content_hash(text.encode()), orjson.loads(files) if files else NO_FILES)
