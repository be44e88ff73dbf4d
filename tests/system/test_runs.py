"""Runs of a dataset with a remote source: asked for, and by a schedule."""

import threading
import time
from collections.abc import Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.system.conftest import Product

OVER = {"succeeded", "held_back", "failed", "skipped", "aborted"}
BOOKS, MORE_BOOKS = b"isbn,title\n1,Emma\n2,Persuasion\n", b"isbn,title\n1,Emma\n2,Changed\n3,New\n"


class Library(ThreadingHTTPServer):
    """A server of one file."""

    file = BOOKS

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Reader(BaseHTTPRequestHandler):
    """A request to it."""

    server: Library

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.server.file)))
        self.end_headers()
        self.wfile.write(self.server.file)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def library(product: Product) -> Iterator[Library]:
    if product.environment is None:
        pytest.skip("a deployment elsewhere does not reach this machine")
    with Library(("127.0.0.1", 0), Reader) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def a_remote_dataset(product: Product, library: Library) -> str:
    """The path of a published dataset with a remote source."""
    path = f"/datasets/{product.manage('POST', '/datasets/', {'metadata': {}})['uid']}"
    source = {"type": "http", "connection": {"type": "http", "url": library.url}, "relative_url": "/books.csv"}
    product.manage("POST", f"{path}/resources/", {"type": "csvfile", "title": "books.csv", "datasource": source})
    product.manage("POST", f"{path}/fields/", {"type": "annotate", "annotation": "id", "field": "isbn"})
    product.publish(path)
    return path


def asked_for(product: Product, path: str) -> Any:
    """A run that was asked for, once it is over or waits for another attempt."""
    asked = product.manage("POST", f"{path}/runs/")
    assert (asked["state"], asked["trigger"], asked["schedule_uid"]) == ("waiting", "manual", None)
    return once_over(product, f"{path}/runs/{asked['run_id']}/")


def once_over(product: Product, path: str, *, seconds: float = 60) -> Any:
    """The run at that path, as soon as it is over or waits for another attempt."""
    end = time.monotonic() + seconds
    while not is_over(run := product.manage("GET", path)):
        assert time.monotonic() < end, run
        time.sleep(0.3)
    return run


def first_over(product: Product, path: str, *, seconds: float) -> Any:
    """The newest run of a dataset that is over or waits for another attempt, as soon as there is one."""
    end = time.monotonic() + seconds
    while not (over := [run for run in product.manage("GET", f"{path}/runs/")["results"] if is_over(run)]):
        assert time.monotonic() < end
        time.sleep(0.3)
    return over[0]


def is_over(run: Any) -> bool:
    """Whether it is over, or waits for another attempt."""
    return run["state"] in OVER or (run["state"] == "waiting" and run["attempts"] > 0)


def test_a_run_that_is_asked_for_is_made_and_kept(product: Product, library: Library) -> None:
    path = a_remote_dataset(product, library)
    unchanged = asked_for(product, path)
    assert (unchanged["state"], unchanged["counts"]["unchanged"]) == ("succeeded", 2)
    library.file = MORE_BOOKS
    changed = asked_for(product, path)
    assert changed["state"] == "succeeded"
    assert changed["counts"] == {"added": 1, "changed": 1, "removed": 0, "unchanged": 1, "refused": 0}


def test_a_run_whose_source_cannot_be_reached_says_so(product: Product, library: Library) -> None:
    path = a_remote_dataset(product, library)
    library.socket.close()
    made = asked_for(product, path)
    assert made["state"] != "succeeded"
    assert made["message"]


@pytest.mark.long
def test_schedules_that_are_due_at_the_same_minute_all_fire_once(product: Product, library: Library) -> None:
    paths = [a_remote_dataset(product, library) for _ in range(20)]
    made = {path: product.manage("POST", f"{path}/schedules/", {"cron_schedule": "* * * * *"}) for path in paths}
    runs = {path: first_over(product, path, seconds=200) for path in paths}
    for path, schedule in made.items():
        product.manage("DELETE", f"{path}/schedules/{schedule['uid']}/")
        assert (runs[path]["trigger"], runs[path]["schedule_uid"]) == ("schedule", schedule["uid"])
        again = product.manage("GET", f"{path}/runs/?schedule_uid={schedule['uid']}")["results"]
        due = sorted(datetime.fromisoformat(run["scheduled_time"]) for run in again)
        assert due[0] == datetime.fromisoformat(schedule["next_runs"][0])
        assert len(set(due)) == len(due)
