"""Runs of a dataset with a remote source: asked for, and by a schedule. What a run fetches has its own tests."""

import time
from datetime import datetime
from typing import Any

import pytest

from tests.system.conftest import Product

OVER = {"succeeded", "held_back", "failed", "skipped", "aborted"}
NOWHERE = "http://127.0.0.1:9"  # nothing listens there


def a_remote_dataset(product: Product) -> str:
    """The path of a published dataset whose source cannot be reached."""
    path = f"/datasets/{product.manage('POST', '/datasets/', {'metadata': {}})['uid']}"
    source = {"type": "http", "connection": {"type": "http", "url": NOWHERE}, "relative_url": "/books.csv"}
    product.manage("POST", f"{path}/resources/", {"type": "csvfile", "title": "books.csv", "datasource": source})
    product.manage("POST", f"{path}/fields/", {"type": "type", "field": "isbn", "type_param": "text"})
    return path


def first_over(product: Product, path: str, seconds: float) -> Any:
    """The newest run that is over, or waits for another attempt, as soon as there is one."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        runs = product.manage("GET", f"{path}/runs/")["results"]
        for run in runs:
            if run["state"] in OVER or run["attempts"]:
                return run
        time.sleep(0.3)
    raise AssertionError(f"no run is over after {seconds} seconds")


def test_a_run_that_is_asked_for_is_made_and_kept(product: Product) -> None:
    path = a_remote_dataset(product)
    publish(product, path)
    asked = product.manage("POST", f"{path}/runs/")
    assert (asked["state"], asked["trigger"], asked["schedule_uid"]) == ("waiting", "manual", None)
    made = first_over(product, path, 30)
    assert made["run_id"] == asked["run_id"]
    assert made["state"] != "succeeded"
    assert made["message"]
    assert product.manage("GET", f"{path}/runs/{asked['run_id']}/")["run_id"] == asked["run_id"]


@pytest.mark.long
def test_schedules_that_are_due_at_the_same_minute_all_fire_once(product: Product) -> None:
    paths = [a_remote_dataset(product) for _ in range(20)]
    for path in paths:
        publish(product, path)
    made = {path: product.manage("POST", f"{path}/schedules/", {"cron_schedule": "* * * * *"}) for path in paths}
    runs = {path: first_over(product, path, 200) for path in paths}
    for path, schedule in made.items():
        product.manage("DELETE", f"{path}/schedules/{schedule['uid']}/")
        assert (runs[path]["trigger"], runs[path]["schedule_uid"]) == ("schedule", schedule["uid"])
        again = product.manage("GET", f"{path}/runs/?schedule_uid={schedule['uid']}")["results"]
        due = sorted(datetime.fromisoformat(run["scheduled_time"]) for run in again)
        assert due[0] == datetime.fromisoformat(schedule["next_runs"][0])
        assert len(set(due)) == len(due)


def publish(product: Product, path: str) -> None:
    """Publish, and wait until it is."""
    product.manage("POST", f"{path}/publish/")
    while product.manage("GET", f"{path}/status/")["status"] != "idle":
        time.sleep(0.2)
