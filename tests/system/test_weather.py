"""The whole weather feed, three times: unchanged records are never written."""

from tests.system.conftest import Product
from tests.system.weather import TOTAL, TYPES, UNIQUE_KEY, push_all, readings


def test_the_weather_feed_is_written_once_and_only_changes_after_that(product: Product) -> None:
    feed = readings()
    dataset_id, url = product.dataset(feed[0], UNIQUE_KEY, TYPES, null_values=["NA"])
    assert push_all(product, url, feed) == {"created": TOTAL, "updated": 0, "unchanged": 0}
    assert product.count(dataset_id) == TOTAL
    assert push_all(product, url, feed) == {"created": 0, "updated": 0, "unchanged": TOTAL}
    for reading in feed[::261][:100]:
        reading["temp"] = "-40.5"
    assert push_all(product, url, feed) == {"created": 0, "updated": 100, "unchanged": TOTAL - 100}
    assert product.count(dataset_id) == TOTAL
    changed = product.explore(f"/{dataset_id}/records", where="temp = -40.5", limit=0)
    assert changed["total_count"] == 100
