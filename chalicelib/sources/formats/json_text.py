"""JSON files: an array of objects (or one below a root path), or one object a line."""

from collections.abc import Iterator
from typing import Any

from chalicelib.domain.errors import Refused
from chalicelib.domain.payload import parse_payload
from chalicelib.sources.formats.broken import BrokenFile


def read_json(content: bytes, root: str | None = None) -> Iterator[dict[str, Any]]:
    """The records of a JSON file. `root` is a dotted path to the array, such as `data.items`."""
    objects = _parsed(content, "application/json")
    for step in (root or "").split(".") if root else ():
        inner = objects[0] if len(objects) == 1 else None
        if not isinstance(inner, dict) or step not in inner:
            raise BrokenFile(f"the file has nothing at '{root}': '{step}' is not there; mend the root path")
        value = inner[step]
        objects = value if isinstance(value, list) else [value]
    yield from _only_objects(objects)


def read_jsonl(content: bytes) -> Iterator[dict[str, Any]]:
    """The records of a file with one JSON object a line."""
    yield from _only_objects(_parsed(content, "application/x-ndjson"))


def _parsed(content: bytes, kind: str) -> list[Any]:
    try:
        return parse_payload(content, kind).objects
    except Refused as refused:
        raise BrokenFile(refused.message.replace("The body", "The file")) from None


def _only_objects(values: list[Any]) -> Iterator[dict[str, Any]]:
    for number, value in enumerate(values, start=1):
        if not isinstance(value, dict):
            raise BrokenFile(f"entry {number} is no object: the file must hold objects, one for each record")
        yield value
