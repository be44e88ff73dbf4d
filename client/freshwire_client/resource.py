"""A realtime resource, as the push API 1.0 offers it: push, delete, receipts."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from freshwire_client.connection import Answer, Request
from freshwire_client.errors import Failed, Refused
from freshwire_client.push_url import PushUrl

Send = Callable[[Request], Answer]


@dataclass(frozen=True)
class Preferences:
    """How bodies are sent and what is asked of the service about them."""

    is_lenient: bool = False
    wants_receipt: bool = False
    is_compressed: bool = False

    def headers(self) -> Mapping[str, str]:
        """The headers that ask for it (RFC 7240)."""
        lenient = ["handling=lenient"] if self.is_lenient else []
        receipt = ["return=representation"] if self.wants_receipt else []
        asked = {"Prefer": ", ".join(lenient + receipt)} if lenient or receipt else {}
        return {**asked, "Content-Encoding": "gzip"} if self.is_compressed else asked


class Resource:
    """The resource behind a push URL. Each method raises Refused with the sentence of the service, TooLarge (413)."""

    def __init__(self, url: PushUrl, push_key: str, send: Send, preferences: Preferences) -> None:
        self._url, self._send, self._preferences = url, send, preferences
        # The header, wherever the key came from: URLs stand in the logs of every proxy on the way.
        self._key = {"X-Push-Key": push_key}

    def push(self, body: bytes) -> Mapping[str, Any]:
        """Add or overwrite the records of a body; the answer of the service."""
        return self._post(self._url.push(), body)

    def delete(self, body: bytes) -> Mapping[str, Any]:
        """Delete the records that have the ids of those in the body; the answer of the service."""
        return self._post(self._url.delete(), body)

    def delete_one(self, record_id: str) -> None:
        """Delete the record with this id."""
        _acknowledged(self._send(Request("DELETE", self._url.delete_one(record_id), headers=self._key)))

    def receipt(self, batch_id: str) -> Mapping[str, Any]:
        """What became of a batch."""
        return checked(self._send(Request("GET", self._url.batch(batch_id), headers=self._key))).json()

    def _post(self, target: str, body: bytes) -> Mapping[str, Any]:
        headers = {"Content-Type": "application/json", **self._preferences.headers(), **self._key}
        if self._preferences.is_compressed:
            body = gzip.compress(body, compresslevel=6)
        return _acknowledged(self._send(Request("POST", target, body, headers)))


class TooLarge(Refused):
    """The body is too large; a smaller one may be taken."""


def checked(answer: Answer) -> Answer:
    """The answer, when it is a success; else Refused, or TooLarge."""
    if answer.status == 200:
        return answer
    if 300 <= answer.status < 400:
        raise Failed(f"The service answered {answer.status}: what is asked for lies elsewhere. Check the push URL.")
    kind = TooLarge if answer.status == 413 else Refused
    raise kind(answer.status, answer.sentence, answer.details)


def _acknowledged(answer: Answer) -> Mapping[str, Any]:
    """What the service answered with its OK. A page of something on the way, a proxy's log-in, is none."""
    said = checked(answer).json()
    if said.get("status") != "OK":
        raise Failed(f"The answer is not the OK of the service but: {answer.sentence}. Check the push URL.")
    return said
