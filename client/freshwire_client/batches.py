"""Cutting a stream of records into batches that the service takes, by their number and by two sizes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from freshwire_client.record import Record

_ESCAPED = (b'"', b"\\", b"\n", b"\r", b"\t")
_BRACKETS = 2


@dataclass(frozen=True)
class Batch:
    """Records to be sent as one body."""

    records: list[Record]

    @property
    def body(self) -> bytes:
        """The JSON array, UTF-8."""
        return f"[{','.join(record.text for record in self.records)}]".encode()

    @property
    def place(self) -> str:
        """Where in the file it stands, for people."""
        first, last = self.records[0], self.records[-1]
        if len(self.records) == 1:
            return first.place
        return f"records {first.number:,} to {last.number:,} (from line {first.line:,} to {last.line:,})"

    def halves(self) -> tuple[Batch, Batch]:
        """The same records as two batches."""
        middle = len(self.records) // 2
        return Batch(self.records[:middle]), Batch(self.records[middle:])


@dataclass(frozen=True)
class Limits:
    """What a batch may hold. A single record is a batch whatever its size: the service says what is wrong with it.

    `wrapped` is for the gateway on AWS: it hands a body on as JSON text, in which quotes, backslashes and line ends
    take two bytes, and carries 6,291,456 bytes of that. `size` is the body itself, 5,242,880 bytes at the most.
    """

    records: int = 1000
    size: int = 4_000_000
    wrapped: int = 5_500_000

    def below(self, batch: Batch) -> Limits:
        """The same limits, but half of this batch at the most: the service found it too large."""
        size, wrapped = measured(batch.body)
        return replace(self, size=max(1, min(self.size, size // 2)), wrapped=max(1, min(self.wrapped, wrapped // 2)))


def measured(text: bytes) -> tuple[int, int]:
    """The size of a body, and its size as JSON text within the gateway's event, both in bytes."""
    return len(text), len(text) + sum(text.count(character) for character in _ESCAPED)


class Batches:
    """The batches of a stream, in its order, each as large as `limits` allow; they may be lowered on the way."""

    def __init__(self, records: Iterable[Record], limits: Limits) -> None:
        self._records, self.limits = records, limits

    def __iter__(self) -> Iterator[Batch]:
        waiting: list[Record] = []
        size = wrapped = _BRACKETS
        for record in self._records:
            own, own_wrapped = (length + 1 for length in measured(record.text.encode()))  # with its comma
            if waiting and not self._fits(size + own, wrapped + own_wrapped):
                yield Batch(waiting)
                waiting, size, wrapped = [], _BRACKETS, _BRACKETS
            waiting.append(record)
            size, wrapped = size + own, wrapped + own_wrapped
            if len(waiting) >= self.limits.records:  # at once: the next record may be long in coming
                yield Batch(waiting)
                waiting, size, wrapped = [], _BRACKETS, _BRACKETS
        if waiting:
            yield Batch(waiting)

    def _fits(self, size: int, wrapped: int) -> bool:
        # The last record has no comma: a limit may be met to the byte.
        return size - 1 <= self.limits.size and wrapped - 1 <= self.limits.wrapped
