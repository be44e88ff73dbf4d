"""Lists of records: what they read and count, and the bounds of what they read."""

import json
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.domain.errors import InvalidQuery, TemporarilyUnavailable
from chalicelib.domain.odsql import parse_order_by
from chalicelib.domain.odsql_order import compile_order
from chalicelib.services.publication.publication import unpublish
from chalicelib.services.reading.question import Found, in_order
from chalicelib.store.counts import StoredCount
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.record_reader import RecordReader, StoredRecord
from chalicelib.store.stores import Stores
from tests.builders import NOW, a_dataset, a_schema
from tests.services.devices import a_device
from tests.services.reading.readers import BOOK, Reader, a_library
from tests.strict_dynamodb import StrictDynamoDB


def test_a_listing_reads_no_further_than_its_page_and_counts_once_a_minute(stores: Stores) -> None:
    reader, _ = a_library(stores, [{"isbn": str(n)} for n in range(200)])
    client: StrictDynamoDB = stores.client
    client.calls.clear()
    assert reader.page(limit=10)[0] == 200
    assert client.calls == {"query": 1 + 1 + 8, "batch_get_item": 1, "put_item": 1}  # dataset, page, count of 8 shards
    client.calls.clear()
    assert reader.page(limit=10)[0] == 200
    assert client.calls == {"query": 1 + 1, "batch_get_item": 1}


def test_a_count_beyond_50000_is_told_for_a_minute_and_then_taken_anew(stores: Stores) -> None:
    reader, _ = a_library(stores, [{"isbn": "1"}])
    live = stores.live.read(reader.dataset_id, Deadline(5))
    assert live is not None
    moment = int(reader.now.timestamp() * 1000)
    stores.counts.keep(live.dataset_uid, StoredCount(50_001, live.partition, None, moment), Deadline(5))
    assert reader.page()[0] == 50_001
    with pytest.raises(InvalidQuery, match="at most 50,000 records"):
        reader.page(where="pages = 1")
    reader.now += timedelta(seconds=61)
    assert reader.page()[0] == 1


def test_a_count_that_began_earlier_never_replaces_a_later_one(stores: Stores) -> None:
    for records, moment in ((60_000, 2000), (70_000, 1000)):
        stores.counts.keep("da_000000", StoredCount(records, "da_000000.1", "m", moment), Deadline(5))
    assert stores.counts.last_seen("da_000000", Deadline(5)).stored == StoredCount(60_000, "da_000000.1", "m", 2000)


def test_readers_see_nothing_of_an_earlier_generation(stores: Stores) -> None:
    device = a_device(stores, bootstrap=[BOOK], unique_key=["isbn"])
    device.push([{"isbn": "1"}, {"isbn": "2"}])
    reader = Reader(stores, device.target.dataset_id)
    assert reader.page()[0] == 2
    unpublish(device.stores, device.dataset_uid, NOW)
    device.publish()
    assert reader.page() == (0, [])


def test_what_cannot_be_read_in_time_is_refused_and_says_what_to_do(stores: Stores) -> None:
    reader, _ = a_library(stores, [{"isbn": str(n)} for n in range(50)])

    def throttled(operation: str) -> None:
        if operation == "query" and client.calls["query"] > 1:
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": ""}}, "Query")

    client: StrictDynamoDB = stores.client
    client.calls.clear()
    client.before = throttled
    times = iter([0.0, *[0.0] * 10])
    reader.deadline = Deadline(0.2, lambda: next(times, 9.0))
    with pytest.raises(TemporarilyUnavailable, match="could not all be read in the time"):
        reader.page(where="pages = 1")


class ManyRecords:
    """A records table of so many small records that moto would take minutes to hold them. Answers `query` alone."""

    def __init__(self, records: int) -> None:
        self._records, self.read = records, 0

    def query(self, *, ExpressionAttributeValues: Any, Limit: int = 3000, **request: Any) -> Any:  # noqa: N803
        shard = int(ExpressionAttributeValues[":pk"]["S"][-1])
        start = request.get("ExclusiveStartKey", {"n": 0})["n"]
        end = min(start + Limit, self._records // 8 + (shard < self._records % 8))
        self.read += end - start
        if request.get("Select") == "COUNT":
            page: dict[str, Any] = {"Count": end - start}
        else:
            page = {"Items": [_item(shard, number) for number in range(start, end)]}
        return {**page, "LastEvaluatedKey": {"n": end}} if end - start == Limit else page


def _item(shard: int, number: int) -> Any:
    return {"sk": {"S": f"{shard * 2:x}{number:039x}"}, "d": {"S": f'{{"pages":{number % 7}}}'}, "t": {"N": "0"}}


def with_records(stores: Stores, records: int) -> tuple[Reader, ManyRecords]:
    target = a_dataset(f"many-{records}", schema=a_schema(title="text", pages="int"))
    table = ManyRecords(records)
    stores.__dict__["reader"] = RecordReader(table, "records")
    return Reader(stores, target.dataset_id), table


def test_records_are_found_and_sorted_by_when_they_were_accepted(stores: Stores) -> None:
    device = a_device(stores, bootstrap=[BOOK], unique_key=["isbn"])
    for isbn, seconds in (("3", 0), ("1", 0.001), ("2", 60), ("1", 61)):
        device.now = NOW + timedelta(seconds=seconds)
        device.push({"isbn": isbn, "pages": int(seconds)})
    reader = Reader(stores, device.target.dataset_id)

    def found(**asked: str) -> list[str]:
        return [book["isbn"] for book in reader.page(**asked)[1]]

    assert found(order_by="-_timestamp") == ["1", "2", "3"]
    assert found(order_by="_timestamp", where=f"_timestamp > date'{NOW.isoformat()}'") == ["2", "1"]
    assert found(where=f"_timestamp = date'{NOW.isoformat()}'") == ["3"]
    (shown,) = reader.page(where="isbn = '2'", app_metas=True)[1]
    assert shown["_timestamp"] == (NOW + timedelta(seconds=60)).isoformat(timespec="milliseconds")
    assert found(where=f"_id = '{shown['_id']}'") == ["2"]
    content = reader.content(reader.export("jsonl", order_by="-_timestamp", limit=1))
    assert json.loads(content) == {"isbn": "1", "title": None, "pages": 61}
    with pytest.raises(InvalidQuery, match="compare it with a datetime"):
        reader.page(where="_timestamp > 3")


def test_a_field_of_the_name_of_a_meta_goes_before_it(stores: Stores) -> None:
    device = a_device(stores, bootstrap=[{"isbn": "1", "_timestamp": 3}], unique_key=["isbn"])
    device.push([{"isbn": str(n), "_timestamp": 9 - n} for n in range(3)])
    found = Reader(stores, device.target.dataset_id).page(where="_timestamp > 7", order_by="_timestamp")
    assert found == (2, [{"isbn": "1", "_timestamp": 8}, {"isbn": "0", "_timestamp": 9}])


def test_where_and_order_by_take_50000_records_and_refuse_one_more(stores: Stores) -> None:
    reader, _ = with_records(stores, 50_000)
    assert reader.page(where="pages = 3", limit=1)[0] == 8 * 893
    assert [book["pages"] for book in reader.page(order_by="-pages", limit=3, offset=9000)[1]] == [5, 5, 5]
    reader, _ = with_records(stores, 50_001)
    for asked in ({"where": "pages = 3"}, {"order_by": "pages"}):
        with pytest.raises(InvalidQuery, match=r"at most 50,000 records .* use an export"):
            reader.page(limit=1, **asked)
    assert reader.page(limit=1)[0] == 50_001


def passing_while_counting() -> Deadline:
    """A deadline by a clock that advances whenever it is looked at: enough for the page, not for the count."""
    return Deadline(8, clock=count().__next__)


def test_a_dataset_that_takes_too_long_to_count_shows_its_last_count(stores: Stores) -> None:
    reader, _ = with_records(stores, 200_000)
    assert reader.page(limit=1)[0] == 200_000
    reader.now += timedelta(hours=1)
    reader.deadline = passing_while_counting()
    assert reader.page(limit=1)[0] == 200_000
    untold, _ = with_records(stores, 200_001)
    untold.deadline = passing_while_counting()
    with pytest.raises(TemporarilyUnavailable):
        untold.page(limit=1)


def test_a_sort_of_very_large_records_is_refused_before_memory_ends() -> None:
    record = StoredRecord("0" * 40, "x" * 1_000_000, 0, {})
    order = compile_order(parse_order_by("pages"), a_schema(pages="int"))
    found = [Found(record._replace(text="{}"), {"pages": 2}), *[Found(record, {"pages": 1})] * 65]
    with pytest.raises(InvalidQuery, match="too large to be sorted"):
        list(in_order(found, order))
    assert next(in_order([*found[1:], found[0]._replace(values={"pages": 0})], order, 1)).values == {}


def test_a_page_of_a_large_dataset_reads_its_records_and_those_before(stores: Stores) -> None:
    reader, table = with_records(stores, 200_000)
    reader.page(limit=1)  # takes the count
    table.read = 0
    assert len(reader.page(limit=100, offset=9800)[1]) == 100
    assert table.read == 9900
