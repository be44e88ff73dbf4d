"""Everything that ends a command. The message says what happened and what to do next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class Failed(Exception):  # noqa: N818 - it says what happened
    """The command was not done."""

    exit_status = 1


class Misused(Failed):
    """The command line asks for something that cannot be meant."""

    exit_status = 2


class Interrupted(Failed):
    """Ctrl-C."""

    exit_status = 130


class Unsendable(Failed):
    """What is in the file fails again each time it is sent: it must be mended first."""


class BrokenFile(Unsendable):
    """The file does not hold what it should."""


class Unreachable(Failed):
    """The service gave no answer of use, for as long as there was patience."""


class Refused(Failed):
    """The service refused the request: its status, its sentence and, record by record, its details."""

    def __init__(self, status: int, sentence: str, details: Sequence[Mapping[str, Any]] = ()) -> None:
        super().__init__(sentence)
        self.status, self.details = status, details
