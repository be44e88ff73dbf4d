"""What the user sees: data on standard output, everything else on standard error, and no key on either."""

from __future__ import annotations

import codecs
import json
import os
import re
from typing import TextIO

_KEY = re.compile(r"(?<=pushkey=)[^&\s'\"]+|(?<![0-9a-f])[0-9a-f]{56}(?![0-9a-f])")
_HIDDEN = "***"
_CLEAR = "\r\x1b[K"
_NOT_ASCII, _NOT_UTF8 = re.compile("[^\x00-\x7f]+"), re.compile("[\ud800-\udfff]+")


def hidden(text: str) -> str:
    """The text without what looks like a key."""
    return _KEY.sub(_HIDDEN, text)


def _escaped(found: re.Match[str]) -> str:
    return json.dumps(found.group())[1:-1]


class Console:
    """The two streams of a command. On a terminal the last line may be a progress bar, kept below what is said."""

    def __init__(self, out: TextIO, err: TextIO) -> None:
        self._out, self._err = out, err
        self._secrets: set[str] = set()
        # A pipe has the encoding of the system, on Windows that of one country; who reads JSON takes it as UTF-8.
        self._is_utf8 = codecs.lookup(out.encoding or "utf-8").name == "utf-8"
        self._bar = ""
        self.is_quiet = False
        self.is_terminal = err.isatty()

    def hide(self, secret: str) -> None:
        """Never show this text."""
        if secret:
            self._secrets.add(secret)

    def put(self, line: str) -> None:
        """A line of data, there at once for whoever reads it; what cannot be written as UTF-8 is as JSON escapes it."""
        foreign = _NOT_UTF8 if self._is_utf8 else _NOT_ASCII
        self._out.write(foreign.sub(_escaped, self._without_secrets(line)) + "\n")
        self._out.flush()

    def drop(self) -> None:
        """Nobody reads the data any more: leave none of it to be written when the program ends."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._out.fileno())
        os.close(nowhere)

    def say(self, text: str) -> None:
        """Something that must be seen."""
        bar, self._bar = self._bar, ""
        shown = "".join(c if c.isprintable() or c == "\n" else "?" for c in self._without_secrets(hidden(text)))
        self._err.write(f"{_CLEAR if bar else ''}{shown}\n")
        self.draw(bar)

    def note(self, text: str) -> None:
        """Something that may be seen: not with --quiet."""
        if not self.is_quiet:
            self.say(text)

    def draw(self, bar: str) -> None:
        """Put this in place of the bar that stands there; nothing takes it away."""
        if bar or self._bar:
            self._err.write(_CLEAR + bar)
        self._bar = bar
        self._err.flush()

    def _without_secrets(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, _HIDDEN)
        return text
