"""Following what arrives in a dataset, by way of the reading API.

A look reads the records that arrived last, page by page, until it meets one that is known; it reads nothing while the
dataset says that it has not been modified. What is new is told by its id and its time of arrival.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from freshwire_client.push_url import PushUrl

Read = Callable[[str], Mapping[str, Any]]
_PAGE, _MOST = 100, 9_900  # records of one answer, and of one look


class Tail:
    """What has arrived since the last look; the first look finds the `lines` records that arrived last."""

    def __init__(self, read: Read, url: PushUrl, *, lines: int, where: str | None = None) -> None:
        self._read, self._url, self._lines = read, url, lines
        self._asked = {"where": where} if where else {}
        self._modified: Any = None
        self._has_looked = False
        # Two looks: a record that slips between two pages, as others are deleted, is not new the next time.
        self._last: set[tuple[str, str]] = set()
        self._before: set[tuple[str, str]] = set()

    def look(self) -> list[Mapping[str, Any]]:
        """The records that are new or changed, those that arrived first at the head."""
        modified = self._read(self._url.dataset()).get("metas", {}).get("default", {}).get("modified")
        if modified and modified == self._modified:
            return []
        found = {_arrival(record): record for record in self._newest()}
        known, is_first = self._last | self._before, not self._has_looked
        self._before, self._last = self._last, set(found)
        self._modified, self._has_looked = modified, True
        new = sorted((r for arrival, r in found.items() if arrival not in known), key=lambda r: str(r["_timestamp"]))
        return new[max(0, len(new) - self._lines) :] if is_first else new

    def _newest(self) -> Iterator[Mapping[str, Any]]:
        """From the newest on, to the end of the page that holds the last one asked for or one that is known."""
        known = self._last | self._before
        for offset in range(0, _MOST, _PAGE):
            records = self._page(offset)
            yield from records
            if len(records) < _PAGE or any(_arrival(record) in known for record in records):
                return
            if not self._has_looked and offset + _PAGE >= self._lines:
                return

    def _page(self, offset: int) -> list[Mapping[str, Any]]:
        asked = {"limit": str(_PAGE), "offset": str(offset), "include_app_metas": "true", "order_by": "-_timestamp"}
        records: list[Mapping[str, Any]] = self._read(self._url.dataset("/records", **asked, **self._asked))["results"]
        return records


def _arrival(record: Mapping[str, Any]) -> tuple[str, str]:
    return str(record["_id"]), str(record["_timestamp"])
