"""The sender against botocore's client: CPU of a call. Its threads against pynamodb's `batch_write`: time, when every
call takes as long as in AWS.

Both at the stub endpoint. The timed work is that of a large push: the marks of 41-byte records are read, 100 keys a
call, then all of them are written, 25 a call. `batch_write` only writes.
"""

import gc
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from statistics import median
from typing import Any

from pynamodb.attributes import UnicodeAttribute
from pynamodb.connection import Connection
from pynamodb.models import Model

from chalicelib.domain.changes import Put
from chalicelib.store.dynamodb import THREADS, WORKER_THREADS, Deadline, hot_client
from chalicelib.store.records import Origin, RecordStore, shard_key
from tests.bench.endpoint import ENVIRONMENT, Stub
from tests.bench.handler import Handler
from tests.bench.report import Row

CALLS, ROUNDS, WARM_UP = 200, 7, 2
MOST_OF_BOTOCORE = 0.25
LATENCY = 8  # milliseconds of a call
RECORDS, CONTENDER_RECORDS = 11_000, 500
MOST_OF_BATCH_WRITE = {WORKER_THREADS: 1 / 12}
PARTITION, ORIGIN = "da_bench0.1", Origin(1, "re_bench0")


class TextItem(Model):
    """The contender's model: the record is one text, as ours is."""

    class Meta:
        """Where the stub keeps it."""

        table_name = "contender"
        region = ENVIRONMENT["AWS_REGION"]

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    d = UnicodeAttribute()


def measure(stub: Stub, handler: Handler) -> list[Row]:
    """CPU of two calls with either client; then the time of a large push for several numbers of threads."""
    rows = _calls()
    stub.hold_back(LATENCY)
    try:
        return rows + _threads(stub)
    finally:
        stub.hold_back(0)


def _calls() -> list[Row]:
    items = [{"pk": {"S": PARTITION}, "sk": {"S": put.id}, "d": {"S": put.text}} for put in small_records(25)]
    requests: Mapping[str, dict[str, Any]] = {
        "batch_write_item": {"RequestItems": {"calls": [{"PutRequest": {"Item": item}} for item in items]}},
        "query": {
            "TableName": "calls",
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": "nobody"}},
        },
    }
    theirs = Connection(region=ENVIRONMENT["AWS_REGION"], max_retry_attempts=0).client
    with closing(hot_client(ENVIRONMENT["AWS_REGION"])) as ours:
        return [
            _call_row(name, request, getattr(ours, name), getattr(theirs, name)) for name, request in requests.items()
        ]


def _call_row(name: str, request: dict[str, Any], ours: Callable[..., Any], theirs: Callable[..., Any]) -> Row:
    spent: dict[Callable[..., Any], list[float]] = {ours: [], theirs: []}
    for turn in range(WARM_UP + ROUNDS):
        for call, seconds in spent.items():
            gc.collect()
            started = time.process_time()
            for _ in range(CALLS):
                call(**request)
            if turn >= WARM_UP:
                seconds.append((time.process_time() - started) / CALLS)
    sender, botocore = median(spent[ours]), median(spent[theirs])
    return Row(
        what=f"{name}, CPU / botocore",
        figure=sender / botocore,
        bound=MOST_OF_BOTOCORE,
        remark=f"{sender * 1e6:.0f} µs of {botocore * 1e6:.0f} µs",
    )


def _threads(stub: Stub) -> list[Row]:
    records = small_records(RECORDS)
    ours: dict[int, tuple[float, float]] = {}
    contender: list[float] = []
    for threads in (1, 2, 4, THREADS, 16, WORKER_THREADS, 32):
        contender.append(batch_write(records[:CONTENDER_RECORDS]) / CONTENDER_RECORDS)
        stub.forget(ENVIRONMENT["RECORDS_TABLE"])
        ours[threads] = _read_and_write(records, threads)
    theirs = median(contender)
    return [_threads_row(threads, seconds / RECORDS, cpu / RECORDS, theirs) for threads, (seconds, cpu) in ours.items()]


def _threads_row(threads: int, seconds: float, cpu: float, theirs: float) -> Row:
    return Row(
        what=f"{threads} threads, time / pynamodb batch_write",
        figure=seconds / theirs,
        bound=MOST_OF_BATCH_WRITE.get(threads),
        remark=f"{seconds * 1e6:.0f} µs of {theirs * 1e6:.0f} µs a record, {theirs / seconds:.1f} times as fast; "
        f"CPU {cpu * 1e6:.1f} µs",
    )


def _read_and_write(records: Sequence[Put], threads: int) -> tuple[float, float]:
    """Seconds by the clock, and of CPU."""
    with closing(hot_client(ENVIRONMENT["AWS_REGION"])) as client:
        store = RecordStore(client, ENVIRONMENT["RECORDS_TABLE"], threads)
        gc.collect()
        started, cpu = time.perf_counter(), time.process_time()
        store.marks(PARTITION, [record.id for record in records], Deadline(300))
        puts = [(record, ORIGIN) for record in records]
        store.write(PARTITION, puts, [], trailing=tuple, deadline=Deadline(300))
        return time.perf_counter() - started, time.process_time() - cpu


def batch_write(records: Sequence[Put]) -> float:
    """Seconds of the contender."""
    gc.collect()
    started = time.perf_counter()
    with TextItem.batch_write() as batch:
        for record in records:
            batch.save(TextItem(pk=shard_key(PARTITION, record.id), sk=record.id, d=record.text))
    return time.perf_counter() - started


def small_records(count: int) -> list[Put]:
    """Prepared records of 41 bytes."""
    return [
        Put(
            f"{number * 2654435761 % 2**32:08x}{number:032x}",
            f'{{"hum":4,"station":"s{number:06d}","temp":21.5}}',
            f"{number:032x}",
            {},
        )
        for number in range(count)
    ]
