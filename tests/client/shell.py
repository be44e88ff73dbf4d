"""Running the command as a user would, but for time: waiting takes none."""

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

from freshwire_client.cli import main
from freshwire_client.commands import Surroundings
from freshwire_client.console import Console
from freshwire_client.retries import Clock
from tests.client.service import KEY, Service


@dataclass
class StoppedClock:
    """Time passes when somebody waits, and `ticks` seconds each time somebody looks; chance takes the most."""

    now: float = 1_000_000.0
    ticks: float = 0.0
    waits: list[float] = field(default_factory=list)

    def look(self) -> float:
        self.now += self.ticks
        return self.now

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds

    def clock(self) -> Clock:
        return Clock(monotonic=self.look, wall=self.look, sleep=self.sleep, uniform=lambda _, most: most)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@dataclass(frozen=True)
class Ran:
    """What a command did."""

    status: int
    out: str
    err: str
    waits: list[float]


def freshwire(
    *arguments: str,
    stdin: bytes | BinaryIO = b"",
    environment: Mapping[str, str] | None = None,
    time: StoppedClock | None = None,
    err: io.StringIO | None = None,
) -> Ran:
    """Run `freshwire` with these arguments."""
    out, err, time = io.StringIO(), err or io.StringIO(), time or StoppedClock()
    given = io.BufferedReader(io.BytesIO(stdin)) if isinstance(stdin, bytes) else stdin
    around = Surroundings(environment or {}, given, Console(out, err), time.clock())
    return Ran(main(arguments, around), out.getvalue(), err.getvalue(), time.waits)


def using(service: Service) -> Mapping[str, str]:
    """The environment of a user of this service."""
    return {"FRESHWIRE_PUSH_URL": service.url, "FRESHWIRE_PUSH_KEY": KEY}
