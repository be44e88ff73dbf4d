"""JSON read piece by piece: the file's structure is followed here, each record in it is parsed whole.

The end of a record is found by the scanner of the standard library, its values are made by the parser that pushes go
through, so that a file and a push of the same text give the same record.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import orjson

from chalicelib.domain.nesting import MAX_DEPTH, is_deeper
from chalicelib.sources.formats import json_runs
from chalicelib.sources.formats.broken import BrokenFile, TooLarge
from chalicelib.sources.formats.limits import MAX_RECORD, megabytes

_SPACE = re.compile(r"[ \t\r\n]*")
_MAY_GO_ON = ("", ".", "e", "E", "e+", "e-", "E+", "E-")  # after a number: the next piece may hold the rest of it
_LONGEST_TOKEN = 16  # characters, of those that are no texts or numbers: two escapes of six, -Infinity


class JsonStream:
    """A place in a JSON text. Texts come in pieces; what has been read is forgotten."""

    def __init__(self, texts: Iterator[str]) -> None:
        self._texts = texts
        self._buffer, self._position = "", 0
        self._line = 1  # where the buffer begins
        # numbers as floats: whole ones of any length cost no time, and the values are thrown away
        self._scan = json.JSONDecoder(parse_int=float).raw_decode

    @property
    def line(self) -> int:
        """The line of the present place, from 1."""
        return self._line + self._buffer.count("\n", 0, self._position)

    def peek(self) -> str:
        """The next character that is no space, without passing it; empty at the end."""
        while True:
            self._position = _SPACE.match(self._buffer, self._position).end()  # type: ignore[union-attr] # always matches
            if self._position < len(self._buffer):
                return self._buffer[self._position]
            self._forget()
            if not self._more():
                return ""

    def take(self, wanted: str) -> None:
        """Pass one of these characters, or say what is wrong."""
        if (found := self.peek()) not in wanted or not found:
            raise self.problem(f"'{found}' stands where {' or '.join(wanted)} is expected" if found else "")
        self._position += 1

    def value(self, what: str) -> Any:
        """The next value, parsed; `what` names it in messages. It is nested 32 levels deep at the most."""
        text = self.text(what)
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            line = self.line + error.lineno - 1 - text.count("\n")
            raise BrokenFile(f"{what} is not JSON: {_reason(error)} at line {line}. Mend it there") from None
        if text.count("{") + text.count("[") > MAX_DEPTH and is_deeper(value, MAX_DEPTH):
            raise BrokenFile(f"{what} is nested more than {MAX_DEPTH} levels deep (line {self.line}): flatten it")
        return value

    def text(self, what: str) -> str:
        """The next value as it stands."""
        self.peek()
        while True:
            try:
                _, end = self._scan(self._buffer, self._position)
            except json.JSONDecodeError as error:
                offset = error.pos - self._position
                if self._is_certain(error) or not self._grow(what):
                    self._position = min(self._position + offset, len(self._buffer))
                    raise self.problem(error.msg if self._position < len(self._buffer) else "") from None
            except RecursionError:
                raise BrokenFile(f"{what} is nested far too deep (line {self.line}): flatten it") from None
            else:
                length = end - self._position
                if self._buffer[end : end + 3] not in _MAY_GO_ON or not self._grow(what):
                    found = self._buffer[self._position : self._position + length]
                    self._position += length
                    return found

    def elements(self) -> Iterator[int]:
        """Pass an array: pause before each element with its number, from 1; it must be read before going on."""
        self.take("[")
        number = 0
        if self.peek() != "]":
            while True:
                number += 1
                yield number
                self._forget()
                if self.peek() == "]":
                    break
                self.take(",]")
        self.take("]")

    def members(self) -> Iterator[str]:
        """Pass an object: pause before each value with its name; it must be read before going on."""
        self.take("{")
        if self.peek() != "}":
            while True:
                if self.peek() != '"':
                    raise self.problem("a name in double quotes is expected" if self.peek() else "")
                name = str(self.value("a name"))
                self.take(":")
                yield name
                self._forget()
                if self.peek() == "}":
                    break
                self.take(",}")
        self.take("}")

    def skip(self, depth: int = 1) -> None:
        """Pass a value of any size."""
        if depth > MAX_DEPTH:
            raise BrokenFile(f"the file is nested more than {MAX_DEPTH} levels deep (line {self.line}): flatten it")
        match self.peek():
            case "[":
                for _ in self.elements():
                    self.skip_some(depth)
            case "{":
                for _ in self.members():
                    self._pass(json_runs.members(), depth)
                    self.skip(depth + 1)
            case _:
                self.value("a value")

    def skip_some(self, depth: int = 1) -> None:
        """Pass an element of an array, and those after it that can be passed at once."""
        self._pass(json_runs.elements(), depth)
        self.skip(depth + 1)

    def finish(self) -> None:
        """Make sure that nothing but space is left."""
        if self.peek():
            raise self.problem("there is more after its end")

    def problem(self, reason: str) -> BrokenFile:
        """What is wrong at the present place; no reason: the text ends here."""
        if not reason:
            return BrokenFile(f"the file is not JSON: it ends within line {self.line}. It is cut off: send it whole")
        return BrokenFile(f"the file is not JSON: {reason} at line {self.line}. Mend it there")

    def _pass(self, run: re.Pattern[str], depth: int) -> None:
        """Pass the values of a run, unless they could be nested too deep."""
        self.peek()
        if depth + 1 + json_runs.LEVELS <= MAX_DEPTH and (found := run.match(self._buffer, self._position)):
            self._position = found.end()

    def _is_certain(self, error: json.JSONDecodeError) -> bool:
        """Whether more text cannot mend it: it is no text without end, and not where the buffer may cut a token off."""
        return len(self._buffer) - error.pos > _LONGEST_TOKEN and not error.msg.startswith("Unterminated string")

    def _grow(self, what: str) -> bool:
        """Read as much again as is waiting, so that a long value is scanned few times; False at the end."""
        size = len(self._buffer) - self._position
        if size > MAX_RECORD:
            raise TooLarge(
                f"{what} (line {self.line}) has more than {megabytes(MAX_RECORD)}: split it, or set the root path"
            )
        self._forget()
        if not self._more():
            return False
        while len(self._buffer) < min(2 * size, MAX_RECORD) and self._more():
            pass
        return True

    def _more(self) -> bool:
        text = next(self._texts, "")
        self._buffer += text
        return bool(text)

    def _forget(self) -> None:
        """Drop what has been read once it is most of the buffer."""
        if self._position * 2 > len(self._buffer):
            self._line = self.line
            self._buffer, self._position = self._buffer[self._position :], 0


def _reason(error: orjson.JSONDecodeError) -> str:
    return error.msg.partition(": line ")[0]
