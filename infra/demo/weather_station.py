"""A small device: reads weather readings from a CSV file and pushes them, as a station in the field would.

    python infra/demo/weather_station.py 'http://127.0.0.1:8000/api/push/1.0/nyc-weather/realtime/push/?pushkey=...'

It needs nothing but Python's standard library. Pushing the same readings again changes nothing, so that it may be
stopped and started at will.
"""

import argparse
import csv
import json
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

FEED = Path(__file__).parent / "weather.csv"
ATTEMPTS = 6
BUSY = (429, 503, 504)


def readings(feed: Path, start: str, end: str) -> Iterator[dict[str, Any]]:
    """The readings of the feed with start <= time_hour < end (ISO 8601 texts), oldest first."""
    with feed.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if start <= row["time_hour"] < end]
    for row in sorted(rows, key=lambda row: (row["time_hour"], row["origin"])):
        yield {name: _measured(cell) for name, cell in row.items()}


def push(url: str, records: list[dict[str, Any]]) -> None:
    """Push the records; a busy service is tried again after the time it asks for."""
    body = json.dumps(records).encode()
    for attempt in range(ATTEMPTS):
        request = urllib.request.Request(url, data=body, headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=60):
                return
        except urllib.error.HTTPError as refused:
            if refused.code not in BUSY or attempt == ATTEMPTS - 1:
                raise SystemExit(f"refused with {refused.code}: {refused.read().decode(errors='replace')}") from None
            time.sleep(float(refused.headers.get("Retry-After", 2**attempt)))


def push_all(url: str, records: list[dict[str, Any]], batch: int, progress: bool = True) -> None:
    """Push all records, `batch` at a time, and show how far it is."""
    began, sent, remaining = time.monotonic(), 0, iter(records)
    while chunk := list(islice(remaining, batch)):
        push(url, chunk)
        sent += len(chunk)
        if progress:
            bar = "#" * (30 * sent // len(records))
            rate = sent / max(time.monotonic() - began, 0.001)
            print(f"\r  [{bar:<30}] {sent:>6} of {len(records)} readings, {rate:,.0f}/s", end="", flush=True)
    if progress:
        print()


def _measured(cell: str) -> Any:
    """A number where the cell holds one; anything else, `NA` too, as the feed has it."""
    try:
        return int(cell)
    except ValueError:
        pass
    try:
        return float(cell)
    except ValueError:
        return cell


def main() -> int:
    """Push the readings that the command line asks for."""
    parser = argparse.ArgumentParser(description="Push weather readings to a push URL.")
    parser.add_argument("url", help="the push URL, with its push key")
    parser.add_argument("--start", default="", help="first time_hour, for example 2013-01-22")
    parser.add_argument("--end", default="9999", help="push readings before this time_hour")
    parser.add_argument("--batch", type=int, default=1000, help="readings in one push (default 1000)")
    parser.add_argument("--feed", type=Path, default=FEED, help="the CSV file to read")
    options = parser.parse_args()
    push_all(options.url, list(readings(options.feed, options.start, options.end)), options.batch)
    return 0


if __name__ == "__main__":
    sys.exit(main())
