"""Records as they are sent: JSON text, and where in the file they stand."""

from __future__ import annotations

from typing import NamedTuple

MAX_RECORD = 6 * 1024 * 1024
"""Characters of one record: what has more could not be pushed, whatever it is."""


class Record(NamedTuple):
    """One record: a JSON object as text, its number in the file and the line it begins at, both from 1."""

    text: str
    number: int
    line: int

    @property
    def place(self) -> str:
        """Where it stands, for people."""
        return f"line {self.line:,} (record {self.number:,})"
