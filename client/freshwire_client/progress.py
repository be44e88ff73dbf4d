"""How far a transfer is: a bar on a terminal, now and then a line elsewhere."""

from __future__ import annotations

import shutil

from freshwire_client.console import Console
from freshwire_client.retries import Clock
from freshwire_client.source_file import SourceFile

_WIDTH = 20
_REDRAWN_AFTER, _TOLD_AFTER = 0.1, 10.0  # seconds


class Progress:
    """Counts records and bytes from now on; `before` were acknowledged by an earlier run."""

    def __init__(self, console: Console, clock: Clock, source: SourceFile, *, before: int) -> None:
        self._console, self._clock, self._source = console, clock, source
        self._before, self._records, self._sent = before, 0, 0
        self._started = self._shown = clock.monotonic()
        self._from = source.position()

    @property
    def seconds(self) -> float:
        """How long it has taken."""
        return self._clock.monotonic() - self._started

    def advance(self, records: int, size: int) -> None:
        """So many more records, sent as so many bytes, are acknowledged."""
        self._records, self._sent = self._records + records, self._sent + size
        now = self._clock.monotonic()
        if self._console.is_quiet or now - self._shown < (_REDRAWN_AFTER if self._console.is_terminal else _TOLD_AFTER):
            return
        self._shown = now
        if self._console.is_terminal:
            self._console.draw(self._line()[: shutil.get_terminal_size().columns - 1])
        else:
            self._console.note(self._line())

    def close(self) -> None:
        """Take the bar away."""
        self._console.draw("")

    def _line(self) -> str:
        count, rate = f"{self._before + self._records:,} records", f"{self._records / max(self.seconds, 0.001):,.0f}/s"
        if self._source.size is None:
            return f"{count}, {_megabytes(self._sent)} MB sent, {rate}"
        position, size = self._source.position(), max(self._source.size, 1)
        bar = f"[{'#' * (_WIDTH * position // size):<{_WIDTH}}] " if self._console.is_terminal else ""
        read = f"{_megabytes(position)} of {_megabytes(size)} MB"
        return f"{bar}{100 * position // size} %, {count}, {read}, {rate}, {self._left(position, size)} left"

    def _left(self, position: int, size: int) -> str:
        seconds = self.seconds * (size - position) / max(position - self._from, 1)
        return "{}:{:02}".format(*divmod(round(seconds), 60))


def _megabytes(size: int) -> str:
    return f"{size / 1_000_000:,.1f}"
