"""JSON files and JSON lines. The text of each record is sent as it stands, so that no digit of a number changes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TextIO

from freshwire_client.errors import BrokenFile
from freshwire_client.record import MAX_RECORD, Record

_PIECE = 64 * 1024  # characters read at a time
_SPACE = re.compile(r"[ \t\r\n]*")


def read_json_lines(file: TextIO) -> Iterator[Record]:
    """The records of a file with one JSON object a line; empty lines are passed over."""
    number = line = 0
    while text := file.readline(MAX_RECORD + 1):
        line += 1
        text = text.strip(" \t\r\n")
        if text:
            number += 1
            try:
                end = _end_of_object(text, 0, line)
            except json.JSONDecodeError as error:
                raise _broken(line, f"{error.msg} at character {error.colno}") from None
            if end < len(text):
                raise _broken(line, f"there is more after the object, at character {end + 1}")
            yield Record(text, number, line)


def read_json(file: TextIO) -> Iterator[Record]:
    """The records of a file that is one JSON object or an array of them, a piece of it in memory at a time."""
    text = _Text(file)
    if text.peek() == "[":
        yield from _elements(text)
    else:
        line = text.line
        yield Record(text.object(), 1, line)
    if text.peek():
        raise _broken(text.line, "there is more after the end. A file with one object a line is --format jsonl")


def _elements(text: _Text) -> Iterator[Record]:
    text.take("[")
    number = 0
    while text.peek() != "]":
        if number:
            text.take(",")
            text.peek()
        number, line = number + 1, text.line
        yield Record(text.object(), number, line)
    text.take("]")


class _Text:
    """A place in a JSON text of any length; what has been passed is forgotten."""

    def __init__(self, file: TextIO) -> None:
        self._file, self._buffer, self._position = file, "", 0
        self.line = 1

    def peek(self) -> str:
        """The next character that is no space, not passed yet; empty at the end."""
        while True:
            space = _SPACE.match(self._buffer, self._position)
            self._pass(space.end() if space else self._position)
            if self._position < len(self._buffer):
                return self._buffer[self._position]
            if not self._more():
                return ""

    def take(self, wanted: str) -> None:
        """Pass this character."""
        found = self.peek()
        if found != wanted:
            there = repr(found) if found else "the end of the file"
            raise _broken(self.line, f"{there} stands where {wanted!r} is expected")
        self._pass(self._position + 1)

    def object(self) -> str:
        """Pass an object; its text."""
        self.peek()
        while True:
            try:
                end = _end_of_object(self._buffer, self._position, self.line)
            except json.JSONDecodeError as error:
                # The object may go on in what has not been read yet.
                if len(self._buffer) - self._position > MAX_RECORD or not self._more():
                    raise _broken(self.line, f"the record that begins there is not JSON: {error.msg}") from None
            else:
                found = self._buffer[self._position : end]
                self._pass(end)
                return found

    def _pass(self, end: int) -> None:
        self.line += self._buffer.count("\n", self._position, end)
        self._position = end

    def _more(self) -> bool:
        """Read on: as much again as is waiting, so that a long record is scanned few times. False at the end."""
        self._buffer, self._position = self._buffer[self._position :], 0
        piece = self._file.read(max(_PIECE, len(self._buffer)))
        self._buffer += piece
        return bool(piece)


def _end_of_object(text: str, position: int, line: int) -> int:
    """Where the JSON object that begins at the position ends. JSONDecodeError when the text is not JSON up to there,
    BrokenFile when it is what no service takes: refusing it here names the line."""
    if text[position : position + 1] not in ("{", ""):
        raise _broken(line, f"a record must be a JSON object, and {text[position]!r} begins none")
    try:
        value, end = _DECODER.raw_decode(text, position)
        if "\\ud" in text[position:end].lower():
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise _broken(line, "the record is nested far too deep: flatten it") from None
    except UnicodeEncodeError:
        raise _broken(line, "the record holds half a surrogate pair") from None
    except _NoNumber as constant:
        raise _broken(line, f"{constant} is no number in JSON: use null") from None
    return end


class _NoNumber(Exception):  # noqa: N818 - never seen outside
    """NaN or an infinity."""


def _refused(constant: str) -> float:
    raise _NoNumber(constant)


def _broken(line: int, problem: str) -> BrokenFile:
    return BrokenFile(f"Line {line:,}: {problem}. Mend it there.")


# Numbers as floats: whole ones of any length cost no time, and the values are thrown away.
_DECODER = json.JSONDecoder(parse_int=float, parse_constant=_refused)
