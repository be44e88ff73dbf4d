"""Sending again what a busy or unreachable service did not take. Repeating is always safe: it is the contract."""

from __future__ import annotations

import random
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from freshwire_client.connection import NO_ANSWER, Answer, Connection, Request
from freshwire_client.errors import Failed, Unreachable

BUSY = frozenset({429, 500, 502, 503, 504})
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 30.0  # seconds, before they are drawn at random
_TRIES = 30


@dataclass(frozen=True)
class Clock:
    """Time and chance, as everything here uses them."""

    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    uniform: Callable[[float, float], float] = random.uniform


class Sender:
    """Sends each request until it is answered, for at most `patience` seconds."""

    def __init__(self, connection: Connection, *, patience: float, clock: Clock, note: Callable[[str], None]) -> None:
        self._connection, self._patience, self._clock, self._note = connection, patience, clock, note

    def send(self, request: Request) -> Answer:
        """The first answer that is not "busy". Unreachable when there was none in time."""
        started = self._clock.monotonic()
        for attempt in range(1, _TRIES + 1):
            answer, problem = self._try(request)
            if answer and answer.status not in BUSY:
                return answer
            wait = self._wait(attempt, answer)
            spent = self._clock.monotonic() - started
            if attempt == _TRIES or spent + wait > self._patience:
                break
            self._note(f"Trying again in {wait:.1f} s: {problem}")
            self._clock.sleep(wait)
        raise Unreachable(
            f"Given up after {attempt} {'try' if attempt == 1 else 'tries'} in {spent:.0f} s, the next would be "
            f"{wait:.0f} s later: {problem}"
        )

    def _try(self, request: Request) -> tuple[Answer | None, str]:
        try:
            answer = self._connection.send(request)
        except ssl.SSLCertVerificationError as error:
            raise Failed(f"The certificate of the service is not trusted: {error.verify_message}.") from None
        except NO_ANSWER as error:
            return None, f"no answer ({' '.join(str(error).split()) or type(error).__name__})"
        return answer, f"the service answered {answer.status}: {answer.sentence}"

    def _wait(self, attempt: int, answer: Answer | None) -> float:
        """Seconds to wait: drawn from zero to twice as many each time, after those that the service asks for. Drawn,
        so that devices that were refused together do not come back together."""
        drawn = self._clock.uniform(0, min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** (attempt - 1)))
        asked = _retry_after(answer.headers.get("retry-after", ""), self._clock.wall()) if answer else 0.0
        return asked + drawn


def _retry_after(header: str, now: float) -> float:
    """The seconds of a Retry-After header (RFC 9110: a number, or a date); 0 when it says nothing of use."""
    if header.strip().isdecimal():
        return float(header)
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - now)
    except (TypeError, ValueError, IndexError, OverflowError):  # each of them, depending on the version of Python
        return 0.0
