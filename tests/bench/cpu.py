"""Client CPU per record of a push of 1,000 weather records, against pynamodb's `save` and boto3's `batch_writer`.

All of them talk to the stub endpoint. CPU is that of this process, its threads included. The contenders get parsed
records and type them themselves, as they must (boto3 takes no floats); the push gets a JSON body and parses, checks,
casts, hashes, reads and writes it.
"""

import gc
import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any

import boto3
from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.models import Model

from tests.bench.endpoint import ENVIRONMENT, Stub
from tests.bench.handler import Handler
from tests.bench.report import Row
from tests.bench.weather import as_typed_item, weather_records

RECORDS, ROUNDS, WARM_UP = 1000, 9, 2
MOST_OF_SAVE, MOST_OF_BATCH_WRITER = 0.06, 0.25


class WeatherItem(Model):
    """The contender's model: one typed attribute for each field."""

    class Meta:
        """Where the stub keeps it."""

        table_name = "contender"
        region = ENVIRONMENT["AWS_REGION"]

    origin = UnicodeAttribute(hash_key=True)
    time_hour = UnicodeAttribute(range_key=True)
    year = NumberAttribute()
    month = NumberAttribute()
    day = NumberAttribute()
    hour = NumberAttribute()
    temp = NumberAttribute(null=True)
    dewp = NumberAttribute(null=True)
    humid = NumberAttribute(null=True)
    wind_dir = NumberAttribute(null=True)
    wind_speed = NumberAttribute(null=True)
    wind_gust = NumberAttribute(null=True)
    precip = NumberAttribute(null=True)
    pressure = NumberAttribute(null=True)
    visib = NumberAttribute(null=True)


def measure(stub: Stub, handler: Handler) -> list[Row]:
    """Rounds of each contender in turn, and the ratios of the medians."""
    records = weather_records(RECORDS)
    contenders: Mapping[str, Callable[[], None]] = {
        "push": _push(handler, records),
        "save": _save(records),
        "batch_writer": _batch_writer(records),
    }
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(WARM_UP + ROUNDS):
        for name, contender in contenders.items():
            stub.forget(ENVIRONMENT["RECORDS_TABLE"])  # every record is new
            spent = _cpu(contender)
            if turn >= WARM_UP:
                seconds[name].append(spent)
    typical = {name: median(spent) for name, spent in seconds.items()}
    remark = ", ".join(f"{name} {spent / RECORDS * 1e6:.0f} µs" for name, spent in typical.items())
    return [
        Row(
            what="push / pynamodb save()",
            figure=typical["push"] / typical["save"],
            bound=MOST_OF_SAVE,
            remark=f"CPU per record: {remark}",
        ),
        Row(
            what="push / boto3 Table.batch_writer",
            figure=typical["push"] / typical["batch_writer"],
            bound=MOST_OF_BATCH_WRITER,
        ),
    ]


def _cpu(work: Callable[[], None]) -> float:
    """CPU seconds of this process. Garbage of others is collected before, that of the work itself counts."""
    gc.collect()
    started = time.process_time()
    work()
    return time.process_time() - started


def _push(handler: Handler, records: Sequence[dict[str, Any]]) -> Callable[[], None]:
    event = handler.event(records)
    return lambda: handler.push(event)


def _save(records: Sequence[dict[str, Any]]) -> Callable[[], None]:
    def save() -> None:
        for record in records:
            WeatherItem(**record).save()

    return save


def _batch_writer(records: Sequence[dict[str, Any]]) -> Callable[[], None]:
    table = boto3.resource("dynamodb").Table("contender")

    def write() -> None:
        with table.batch_writer() as batch:
            for record in records:
                batch.put_item(Item=as_typed_item(record))

    return write
