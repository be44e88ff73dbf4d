"""The whole weather feed, three times: unchanged records are never written."""

import csv
from pathlib import Path
from typing import Any

from tests.system.conftest import Product

FEED = Path(__file__).parent.parent.parent / "infra" / "demo" / "weather.csv"
TOTAL = 26_115


def test_the_weather_feed_is_written_once_and_only_changes_after_that(product: Product) -> None:
    with FEED.open(newline="") as file:
        readings: list[dict[str, Any]] = list(csv.DictReader(file))
    assert len(readings) == TOTAL
    kinds = {name: "double" for name in ("temp", "dewp", "humid", "wind_speed", "wind_gust", "precip", "visib")}
    types = {**kinds, "pressure": "double", "wind_dir": "int", "time_hour": "datetime"}
    dataset_id, url = product.dataset(readings[0], ("origin", "time_hour"), types, null_values=["NA"])

    def push_all() -> dict[str, int]:
        sums = dict.fromkeys(("created", "updated", "unchanged"), 0)
        for i in range(0, TOTAL, 1000):
            answer = product.http.post(url, json=readings[i : i + 1000], headers={"Prefer": "return=representation"})
            assert answer.status_code == 200, answer.text
            sums = {name: total + answer.json()[name] for name, total in sums.items()}
        return sums

    assert push_all() == {"created": TOTAL, "updated": 0, "unchanged": 0}
    assert product.count(dataset_id) == TOTAL
    assert push_all() == {"created": 0, "updated": 0, "unchanged": TOTAL}
    for reading in readings[::261][:100]:
        reading["temp"] = "-40.5"
    assert push_all() == {"created": 0, "updated": 100, "unchanged": TOTAL - 100}
    assert product.count(dataset_id) == TOTAL
    changed = product.explore(f"/{dataset_id}/records", where="temp = -40.5", limit=0)
    assert changed["total_count"] == 100
