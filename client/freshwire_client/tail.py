"""Following what arrives in a dataset, by way of the reading API.

The API sorts by fields of the dataset only, not by when records arrived: a look reads every record, and what is new
is told by its id and its time of arrival. It counts the dataset for every page, so that this is for small ones. Where
a field grows with every record, `newest_by` reads the records that are last by it and no others. Nothing is read
while the dataset says that it has not been modified.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from freshwire_client.errors import Failed
from freshwire_client.push_url import PushUrl

Read = Callable[[str], Mapping[str, Any]]
_PAGE, _MOST_ALL, _MOST_NEWEST = 100, 1_000, 9_900  # records of one answer, and of one look


class Tail:
    """What has arrived since the last look; the first look finds everything there is."""

    def __init__(self, read: Read, url: PushUrl, *, where: str | None = None, newest_by: str | None = None) -> None:
        self._read, self._url = read, url
        self._asked = {"where": where} if where else {}
        self._newest_by = newest_by
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
        found = {_arrival(record): record for record in (self._newest() if self._newest_by else self._all())}
        known = self._last | self._before
        self._before, self._last = self._last, set(found)
        self._modified, self._has_looked = modified, True
        return sorted((r for arrival, r in found.items() if arrival not in known), key=lambda r: str(r["_timestamp"]))

    def _all(self) -> Iterator[Mapping[str, Any]]:
        offset, total = 0, 1
        while offset < total:
            page = self._page(offset)
            total = int(page["total_count"])
            if total > _MOST_ALL:
                raise Failed(
                    f"{total:,} records are too many to look through again and again ({_MOST_ALL:,} at the most): say "
                    "--newest-by with a field that grows with every record, or choose fewer with --where."
                )
            yield from page["results"]
            offset += _PAGE

    def _newest(self) -> Iterator[Mapping[str, Any]]:
        """Page by page from the newest on, until one holds a record that is known; at the first look one page."""
        known = self._last | self._before
        name = self._newest_by.replace("`", "``") if self._newest_by else ""
        for offset in range(0, _MOST_NEWEST, _PAGE):
            records = self._page(offset, order_by=f"-`{name}`")["results"]
            yield from records
            if not self._has_looked or len(records) < _PAGE or any(_arrival(record) in known for record in records):
                return

    def _page(self, offset: int, **more: str) -> Mapping[str, Any]:
        asked = {"limit": str(_PAGE), "offset": str(offset), "include_app_metas": "true", **self._asked, **more}
        return self._read(self._url.dataset("/records", **asked))


def _arrival(record: Mapping[str, Any]) -> tuple[str, str]:
    return str(record["_id"]), str(record["_timestamp"])
