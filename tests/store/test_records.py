"""The one writer of records: whole or refused, within its deadline, with nothing left running."""

import threading
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from chalicelib.domain.changes import Put
from chalicelib.domain.errors import TemporarilyUnavailable
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.records import Origin, RecordStore, TableWrite, shard_key, shard_keys
from chalicelib.store.stores import Stores

PARTITION = "da_tests0.1"


def record(number: int) -> Put:
    return Put(f"{number * 2654435761 % 2**32:08x}" + f"{number:032x}", f'{{"n":{number}}}', f"{number:032x}", {})


def write(stores: Stores, puts: list[Put], seconds: float = 5, receipts: int = 1) -> None:
    table = stores.names.activity_table
    trailing = [TableWrite(table, {"pk": {"S": "da"}, "sk": {"S": f"receipt{n or ''}"}}) for n in range(receipts)]
    writes = [(put, Origin(1, "re_tests0")) for put in puts]
    stores.records.write(PARTITION, writes, [], trailing=lambda: trailing, deadline=Deadline(seconds))


def stored(stores: Stores) -> set[str]:
    return {r.id for r in stores.reader.scan(PARTITION, Deadline(5))}


def has_receipt(stores: Stores) -> bool:
    key = {"pk": {"S": "da"}, "sk": {"S": "receipt"}}
    return "Item" in stores.client.get_item(TableName=stores.names.activity_table, Key=key)


@pytest.mark.parametrize(("records", "calls"), [(1, 1), (24, 1), (25, 2), (49, 2), (100, 5)])
def test_the_receipt_rides_with_the_last_records(stores: Stores, records: int, calls: int) -> None:
    write(stores, [record(n) for n in range(records)])
    assert stores.client.calls["batch_write_item"] == calls
    assert len(stored(stores)) == records
    assert has_receipt(stores)


def test_more_receipts_than_a_batch_takes_go_out_after_the_records(stores: Stores) -> None:
    write(stores, [record(n) for n in range(30)], receipts=60)
    assert stores.client.calls["batch_write_item"] == 2 + 3
    assert has_receipt(stores)


@pytest.mark.parametrize(
    ("piece", "length", "calls"), [("x", 340_000, 1), ('\\"', 170_000, 2), ("\U0001f600", 85_000, 1)]
)
def test_heavy_records_are_written_in_calls_that_the_wire_carries(
    stores: Stores, piece: str, length: int, calls: int
) -> None:
    text = f'{{"n":"{piece * length}"}}'
    write(stores, [record(n)._replace(text=text) for n in range(24)])
    assert stores.client.calls["batch_write_item"] == calls
    assert len(stored(stores)) == 24
    assert has_receipt(stores)


def test_unprocessed_writes_and_reads_are_sent_again(stores: Stores) -> None:
    stores.client.throttle = 0.5
    puts = [record(n) for n in range(200)]
    write(stores, puts)
    marks = stores.records.marks(PARTITION, [put.id for put in puts], Deadline(5))
    assert {put.id: put.hash for put in puts} == {i: mark.hash for i, mark in marks.items()}


def test_a_throttled_or_lost_call_is_sent_again(stores: Stores) -> None:
    faults: list[Exception] = [
        ClientError({"Error": {"Code": "ThrottlingException", "Message": ""}}, "BatchWriteItem"),
        ClientError({"Error": {"Code": "InternalServerError", "Message": ""}}, "BatchWriteItem"),
        ReadTimeoutError(endpoint_url="dynamodb"),
    ]

    def fail(operation: str) -> None:
        if operation == "batch_write_item" and faults:
            raise faults.pop()

    stores.client.before = fail
    write(stores, [record(n) for n in range(60)])
    assert len(stored(stores)) == 60
    assert faults == []


def test_at_the_deadline_the_writer_gives_up_without_a_receipt(stores: Stores) -> None:
    stores.client.throttle = 1.0
    with pytest.raises(TemporarilyUnavailable):
        write(stores, [record(n) for n in range(60)], seconds=0.3)
    stores.client.throttle = 0
    assert not has_receipt(stores)


def test_a_fault_that_no_retry_mends_is_raised_at_once(stores: Stores) -> None:
    def fail(operation: str) -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": ""}}, operation)

    stores.client.before = fail
    with pytest.raises(ClientError, match="AccessDenied"):
        write(stores, [record(n) for n in range(60)])


@pytest.mark.parametrize(("throttle", "seconds"), [(False, 60.0), (True, 0.5)])
def test_no_writer_outlives_its_answer(stores: Stores, throttle: bool, seconds: float) -> None:
    running = 0
    lock = threading.Lock()
    peak = 0

    class Slow:
        def batch_write_item(self, **request: Any) -> Any:
            nonlocal running, peak
            with lock:
                running += 1
                peak = max(peak, running)
            threading.Event().wait(0.05)
            with lock:
                running -= 1
            return {"UnprocessedItems": request["RequestItems"] if throttle else {}}

    before = threading.active_count()
    slow = RecordStore(Slow(), "records", threads=3)
    try:
        writes = [(record(n), Origin(1, "re")) for n in range(1000)]
        slow.write(PARTITION, writes, [], trailing=list, deadline=Deadline(seconds))
    except TemporarilyUnavailable:
        assert throttle
    assert running == 0
    assert threading.active_count() == before
    assert 1 < peak <= 3


def test_records_spread_over_all_shards() -> None:
    shards = {shard_key(PARTITION, f"{digit:x}" + "0" * 39) for digit in range(16)}
    assert shards == set(shard_keys(PARTITION))
