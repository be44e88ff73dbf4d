"""The records of a file, each with its place in it."""

from typing import Any, NamedTuple


class SourceRecord(NamedTuple):
    """One record: its values by name, and where it begins, such as line 12. (A tuple: made once for every record.)"""

    values: dict[str, Any]
    unit: str
    number: int

    @property
    def place(self) -> str:
        """Where the record is in its file, for messages: `line 12`, `entry 3`, `row 7`."""
        return f"{self.unit} {self.number}"
