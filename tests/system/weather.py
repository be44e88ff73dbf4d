"""The weather feed: hourly readings of the airports of New York in 2013, as they are in the demo."""

import csv
from pathlib import Path
from typing import Any

from tests.system.conftest import Product

FEED = Path(__file__).parent.parent.parent / "infra" / "demo" / "weather.csv"
TOTAL = 26_115
UNIQUE_KEY = ("origin", "time_hour")
TYPES = {
    **dict.fromkeys(("temp", "dewp", "humid", "wind_speed", "wind_gust", "precip", "visib", "pressure"), "double"),
    "wind_dir": "int",
    "time_hour": "datetime",
}
_AT_ONCE = 1000  # records of a push


def readings() -> list[dict[str, Any]]:
    """All of the feed."""
    with FEED.open(newline="") as file:
        found: list[dict[str, Any]] = list(csv.DictReader(file))
    assert len(found) == TOTAL
    return found


def push_all(product: Product, url: str, records: list[dict[str, Any]]) -> dict[str, int]:
    """Push records; how many were created, updated and unchanged."""
    sums = dict.fromkeys(("created", "updated", "unchanged"), 0)
    for i in range(0, len(records), _AT_ONCE):
        answer = product.http.post(url, json=records[i : i + _AT_ONCE], headers={"Prefer": "return=representation"})
        assert answer.status_code == 200, answer.text
        sums = {name: total + answer.json()[name] for name, total in sums.items()}
    return sums
