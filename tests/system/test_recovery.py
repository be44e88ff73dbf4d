"""The two stories of recovery: a dataset that was emptied, and one whose processor was wrong."""

import time
from typing import Any

from tests.system.conftest import Product
from tests.system.weather import TOTAL, TYPES, UNIQUE_KEY, push_all, readings


def test_a_dataset_that_was_emptied_has_all_its_records_back(product: Product) -> None:
    feed = readings()
    dataset_id, url = product.dataset(feed[0], UNIQUE_KEY, TYPES, null_values=["NA"], recovery=True)
    push_all(product, url, feed)
    before, ids = exported(product, dataset_id), some_ids(product, dataset_id)
    assert len(before) == TOTAL
    path = product.path_of(dataset_id)
    product.manage("POST", f"{path}/unpublish/")
    product.publish(path)
    assert product.count(dataset_id) == 0
    outcome = recover(product, path)
    assert (outcome["counts"]["created"], outcome["counts"]["errors"]) == (TOTAL, 0)
    assert exported(product, dataset_id) == before
    assert some_ids(product, dataset_id) == ids


def test_records_that_a_wrong_processor_has_corrupted_are_mended(product: Product) -> None:
    days = [(month, day) for month in range(1, 13) for day in range(1, 13)]
    pushed = [{"number": n, "day": f"{day:02d}/{month:02d}/2026"} for n, (month, day) in enumerate(days)]
    dataset_id, url = product.dataset(pushed[0], ("number",), {"number": "int", "day": "date"}, recovery=True)
    path = product.path_of(dataset_id)
    processor = {"type": "normalize_date", "field": "day", "format": "%m/%d/%Y"}
    uid = product.manage("POST", f"{path}/processors/", processor)["uid"]
    product.publish(path)
    push_all(product, url, pushed)
    assert days_of(product, dataset_id)[12] == "2026-01-02", "the first of February, read day for month"
    product.manage("PUT", f"{path}/processors/{uid}/", processor | {"format": "%d/%m/%Y"})
    product.publish(path)
    assert days_of(product, dataset_id)[12] == "2026-01-02", "what is stored stays until it is recovered"
    outcome = recover(product, path)
    assert (outcome["counts"]["updated"], outcome["counts"]["unchanged"]) == (132, 12)
    assert days_of(product, dataset_id) == {n: f"2026-{month:02d}-{day:02d}" for n, (month, day) in enumerate(days)}


def exported(product: Product, dataset_id: str) -> list[str]:
    """All records, in an order of their own."""
    url = f"{product.base_url}/explore/v2.1/catalog/datasets/{dataset_id}/exports/jsonl"
    answer = product.http.get(url, follow_redirects=True)
    assert answer.status_code == 200, answer.text
    return sorted(answer.text.splitlines())


def some_ids(product: Product, dataset_id: str) -> dict[str, Any]:
    """The ids of the records of one day."""
    parameters = {"where": "time_hour >= date'2013-05-01' and time_hour < date'2013-05-02'", "limit": 100}
    found = product.explore(f"/{dataset_id}/records", include_app_metas="true", **parameters)["results"]
    assert len(found) >= 72
    return {record["_id"]: (record["origin"], record["time_hour"]) for record in found}


def days_of(product: Product, dataset_id: str) -> dict[int, str]:
    """The day of each number."""
    pages = [product.explore(f"/{dataset_id}/records", limit=100, offset=offset)["results"] for offset in (0, 100)]
    return {record["number"]: record["day"] for page in pages for record in page}


def recover(product: Product, path: str) -> Any:
    """Recover all of the realtime resource, wait until that is over, and answer what came of it."""
    (resource,) = product.manage("GET", f"{path}/resources/")["results"]
    product.manage("POST", f"{path}/resources/{resource['uid']}/recover/")
    end = time.monotonic() + 120
    while (state := product.manage("GET", f"{path}/resources/{resource['uid']}/recovery/"))["current"] is not None:
        assert time.monotonic() < end, state
        time.sleep(0.5)
    outcome = state["outcomes"][0]
    assert outcome["state"] == "done", outcome
    return outcome
