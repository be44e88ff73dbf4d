"""Push URLs: where a resource is, and its push key, which is parted from the URL at once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from freshwire_client.errors import Misused

_PATH = re.compile(r"(?P<base>.*)/push/1\.0/(?P<dataset_id>[\w-]+)/(?P<resource_id>[\w-]+)/push/?", re.ASCII)
_RECORD_ID = re.compile(r"[0-9a-f]{40}")
_BATCH_ID = re.compile(r"[0-9a-f]{28}")
_VISIBLE = re.compile(r"[!-~]+")
_EXPECTED = "copy the push URL from the resource's page, such as https://HOST/api/push/1.0/DATASET/RESOURCE/push/"


@dataclass(frozen=True)
class PushUrl:
    """A resource's push URL without its key. The methods answer what is below it as request targets."""

    is_secure: bool
    host: str
    port: int | None
    base: str
    dataset_id: str
    resource_id: str
    query: str = ""

    @property
    def address(self) -> str:
        """The whole URL, without the key."""
        scheme, port = "https" if self.is_secure else "http", "" if self.port is None else f":{self.port}"
        return f"{scheme}://{self.host}{port}{self.push()}"

    def push(self) -> str:
        """Where records are pushed."""
        return self._below("push/")

    def delete(self) -> str:
        """Where records are deleted by their values."""
        return self._below("delete/")

    def delete_one(self, record_id: str) -> str:
        """Where the record with this id is deleted. Misused when it is no record id: the service would say OK."""
        if not _RECORD_ID.fullmatch(record_id):
            raise Misused(f"{record_id!r} is no record id: one has 40 characters of 0-9 and a-f, as `tail` shows them.")
        return self._below(f"{record_id}/delete/")

    def batch(self, batch_id: str) -> str:
        """Where the receipt of a batch is."""
        if not _BATCH_ID.fullmatch(batch_id):
            raise Misused(f"{batch_id!r} is no batch id: one has 28 characters of 0-9 and a-f.")
        return self._below(f"batches/{batch_id}")

    def dataset(self, below: str = "", **parameters: str) -> str:
        """Where the reading API shows the dataset."""
        query = f"?{urlencode(parameters)}" if parameters else ""
        return f"{self.base}/explore/v2.1/catalog/datasets/{self.dataset_id}{below}{query}"

    def _below(self, path: str) -> str:
        query = f"?{self.query}" if self.query else ""
        return f"{self.base}/push/1.0/{self.dataset_id}/{self.resource_id}/{path}{query}"


def parse_push_url(text: str) -> tuple[PushUrl, str | None]:
    """The URL, and the key that was in it. Misused says what is wrong, without showing the text: it may hold a key."""
    try:
        parts = urlsplit(text.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        raise Misused(f"The push URL is not a URL: {_EXPECTED}") from None
    found = _PATH.fullmatch(quote(parts.path, safe="/%"))
    if parts.scheme not in ("http", "https") or not host or not found:
        raise Misused(f"The push URL is not that of a resource: {_EXPECTED}")
    if not _can_be(host):
        raise Misused(f"The push URL names no host that there can be: {_EXPECTED}")
    parameters = parse_qsl(parts.query, keep_blank_values=True)
    key = next((value for name, value in parameters if name == "pushkey"), None)
    query = urlencode([(name, value) for name, value in parameters if name != "pushkey"])
    return PushUrl(is_secure=parts.scheme == "https", host=host, port=port, query=query, **found.groupdict()), key


def _can_be(host: str) -> bool:
    """Whether a host may have this name: none of its labels is empty or too long."""
    try:
        host.encode("idna")  # as connecting does
    except UnicodeError:
        return False
    return True


def checked_key(text: str, what: str) -> str:
    """The key as a header may carry it. Misused when it cannot be one; the key itself is never shown."""
    key = text.strip()
    if not _VISIBLE.fullmatch(key):
        raise Misused(f"The {what} holds a blank, a line end or another character that no key has: copy it again.")
    return key
