"""`freshwire tail`: what arrives in a dataset is shown once, the oldest first, whatever the size of the dataset."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

from freshwire_client.push_url import parse_push_url
from freshwire_client.tail import Tail
from tests.client.conftest import Serve
from tests.client.service import KEY, Reply, refusal
from tests.client.shell import StoppedClock, freshwire, using

URL, _ = parse_push_url("http://h/api/push/1.0/books/realtime/push/")
DATASET = "/api/explore/v2.1/catalog/datasets/books"


class Dataset:
    """A dataset as the reading API shows it: its records by their ids."""

    def __init__(self) -> None:
        self.records: dict[str, dict[str, Any]] = {}
        self.modified = 0
        self.asked: list[str] = []

    def store(self, record_id: str) -> None:
        self.modified += 1
        self.records[record_id] = {"_id": record_id, "_timestamp": f"{self.modified:09}", "_size": 1}

    def remove(self, record_id: str) -> None:
        self.modified += 1
        del self.records[record_id]

    def read(self, target: str) -> Mapping[str, Any]:
        self.asked.append(target)
        parts = urlsplit(target)
        if parts.path == DATASET:
            return {"metas": {"default": {"modified": str(self.modified)}}}
        assert parts.path == f"{DATASET}/records"
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        assert asked["order_by"] == "-_timestamp"
        found = sorted(self.records.values(), key=lambda record: str(record["_timestamp"]), reverse=True)
        offset = int(asked["offset"])
        assert asked["include_app_metas"] == "true"
        assert offset + int(asked["limit"]) < 10_000
        return {"total_count": len(found), "results": found[offset : offset + int(asked["limit"])]}


def ids(records: Sequence[Mapping[str, Any]]) -> list[Any]:
    return [record["_id"] for record in records]


def test_the_first_look_shows_everything_and_the_next_what_is_new_or_changed() -> None:
    dataset = Dataset()
    tail = Tail(dataset.read, URL, lines=1_000)
    for number in (5, 250, 7, *range(10, 240)):
        dataset.store(f"{number:03}")
    assert ids(tail.look())[:3] == ["005", "250", "007"]
    assert tail.look() == []
    dataset.store("001")
    dataset.store("250")
    dataset.remove("005")
    assert ids(tail.look()) == ["001", "250"]
    assert tail.look() == []


def test_nothing_is_read_while_nothing_was_modified() -> None:
    dataset = Dataset()
    tail = Tail(dataset.read, URL, lines=1_000)
    tail.look()
    dataset.asked.clear()
    tail.look()
    assert dataset.asked == [DATASET]


def test_a_record_that_slips_between_two_pages_is_not_shown_twice() -> None:
    dataset = Dataset()
    tail = Tail(dataset.read, URL, lines=1_000)
    for number in range(150):
        dataset.store(f"{number:03}")
    tail.look()
    slipping = dict(dataset.records)
    del dataset.records["100"]
    dataset.store("new")
    assert ids(tail.look()) == ["new"]
    dataset.records = {**slipping, "new": dataset.records["new"]}
    dataset.modified += 1
    assert tail.look() == []


def test_no_more_is_read_than_what_is_new_or_was_asked_for() -> None:
    dataset = Dataset()
    for number in range(1_001):
        dataset.store(f"{number * 7919 % 1_001:05}")
    tail = Tail(dataset.read, URL, lines=150)
    assert [record["_timestamp"] for record in tail.look()] == [f"{n:09}" for n in range(852, 1_002)]
    assert len(dataset.asked) == 1 + 2
    for number in range(250):
        dataset.store(f"n{number}")
    dataset.asked.clear()
    assert ids(tail.look()) == [f"n{n}" for n in range(250)]
    assert len(dataset.asked) == 1 + 3


def test_a_condition_is_passed_on(serve: Serve) -> None:
    service = serve(Reply(body={}), Reply(body={"total_count": 0, "results": []}))
    assert freshwire("tail", "--once", "--where", "temp > 90 & x", environment=using(service)).status == 0
    asked = parse_qs(urlsplit(service.asked[1].path).query)
    assert (asked["order_by"], asked["where"]) == (["-_timestamp"], ["temp > 90 & x"])


def test_once_shows_the_last_records_as_json_lines(serve: Serve) -> None:
    records = [{"isbn": f"é{n}", "_id": f"{n}", "_timestamp": f"2026-01-0{9 - n}", "_size": 9} for n in range(1, 6)]
    service = serve(Reply(body={}), Reply(body={"total_count": 5, "results": records}))
    environment = {"FRESHWIRE_PUSH_URL": service.url, "FRESHWIRE_API_KEY": KEY}
    ran = freshwire("tail", "--once", "-n", "2", environment=environment)
    assert ran.status == 0
    assert [json.loads(line) for line in ran.out.splitlines()] == [records[1], records[0]]
    assert "é" in ran.out
    assert {asked.headers["authorization"] for asked in service.asked} == {f"Apikey {KEY}"}
    assert all("x-push-key" not in asked.headers for asked in service.asked)


def test_it_goes_on_until_it_is_interrupted(serve: Serve) -> None:
    record = {"_id": "1", "_timestamp": "2026"}
    empty, one = ({"total_count": len(found), "results": found} for found in ([], [record]))
    service = serve(*[Reply(body=body) for body in ({}, empty, {}, one, {}, one)])

    class Impatient(StoppedClock):
        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            if len(self.waits) == 3:
                raise KeyboardInterrupt

    ran = freshwire("tail", "--interval", "5", environment=using(service), time=Impatient())
    assert (ran.status, ran.waits, ran.err) == (130, [5.0, 5.0, 5.0], "")
    assert ran.out == '{"_id": "1", "_timestamp": "2026"}\n'


def test_a_dataset_that_is_not_shown_may_need_an_api_key(serve: Serve) -> None:
    ran = freshwire("tail", environment=using(serve(refusal(404, "There is no dataset 'books'."))))
    assert ran.status == 1
    assert ran.err == (
        "freshwire: There is no dataset 'books'. If it is restricted, put an API key into FRESHWIRE_API_KEY.\n"
    )
