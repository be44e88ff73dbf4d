"""JSON files: an array of objects (or one below a root path), or one object a line."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson

from chalicelib.domain.nesting import MAX_DEPTH, is_deeper
from chalicelib.sources.formats.broken import BrokenFile, TooLarge
from chalicelib.sources.formats.json_stream import JsonStream
from chalicelib.sources.formats.limits import MAX_RECORD, megabytes
from chalicelib.sources.formats.source_record import SourceRecord
from chalicelib.sources.formats.text import decoded, lines


def read_json(chunks: Iterable[bytes], params: Mapping[str, Any]) -> Iterator[SourceRecord]:
    """The records of a JSON file: the objects of an array, or one object. `params`: `json_root`, a dotted path to
    them such as `data.items`, and `encoding`, both optional."""
    stream = JsonStream(decoded(chunks, params.get("encoding")))
    if not stream.peek():
        raise BrokenFile("the file is empty: send JSON")
    root = params.get("json_root") or ""
    yield from _below(stream, root.split(".") if root else [], root)
    stream.finish()


def read_jsonl(chunks: Iterable[bytes], params: Mapping[str, Any]) -> Iterator[SourceRecord]:
    """The records of a file with one JSON object a line; empty lines are passed over. `params`: `encoding`."""
    for number, line in enumerate(lines(decoded(chunks, params.get("encoding"))), start=1):
        if len(line) > MAX_RECORD:
            raise TooLarge(f"line {number} has more than {megabytes(MAX_RECORD)}: split it")
        if not line.strip(" \t\r\n"):
            continue
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            reason = error.msg.partition(": line ")[0]
            raise BrokenFile(f"line {number} is not JSON: {reason} at column {error.colno}. Mend it there") from None
        if not isinstance(value, dict):
            raise BrokenFile(f"line {number} is no object: the file must hold objects, one for each record")
        if line.count("{") + line.count("[") > MAX_DEPTH and is_deeper(value, MAX_DEPTH):
            raise BrokenFile(f"line {number} is nested more than {MAX_DEPTH} levels deep: flatten it")
        yield SourceRecord(value, "line", number)


def _below(stream: JsonStream, path: list[str], root: str) -> Iterator[SourceRecord]:
    if not path:
        yield from _objects(stream)
        return
    is_found = False
    if stream.peek() == "{":
        for name in stream.members():
            if name != path[0]:
                stream.skip()
            elif is_found:
                raise BrokenFile(f"the file has '{name[:40]}' twice (line {stream.line}): leave one of them")
            else:
                is_found = True
                yield from _below(stream, path[1:], root)
    else:
        stream.skip()
    if not is_found:
        raise BrokenFile(f"the file has nothing at '{root}': '{path[0]}' is not there; mend the root path")


def _objects(stream: JsonStream) -> Iterator[SourceRecord]:
    numbers: Iterable[int] = stream.elements() if stream.peek() == "[" else [1]
    for number in numbers:
        value = stream.value(f"entry {number}")
        if not isinstance(value, dict):
            raise BrokenFile(f"entry {number} is no object: the file must hold objects, one for each record")
        yield SourceRecord(value, "entry", number)
