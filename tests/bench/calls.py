"""AWS calls and write units of a push, counted at the stub endpoint."""

from math import ceil
from typing import Any

from tests.bench.endpoint import ENVIRONMENT, Stub
from tests.bench.handler import Handler
from tests.bench.report import Row, shown_counts
from tests.bench.weather import weather_records

SIZES = (1, 100, 1000)
CHANGED = 100
READ_BATCH, WRITE_BATCH = 100, 25  # what AWS takes in one call


def measure(stub: Stub, handler: Handler) -> list[Row]:
    """A first push, the same again, and one with up to 100 changed values, for each size."""
    rows = []
    for size in SIZES:
        records = weather_records(size)
        changed = [{**record, "temp": (record["temp"] or 0) + 0.5} for record in records[:CHANGED]]
        stub.forget(ENVIRONMENT["RECORDS_TABLE"])
        rows += [
            _row(stub, handler, f"{size} new", records, written=size),
            _row(stub, handler, f"{size} unchanged", records, written=0),
            _row(stub, handler, f"{size}, {len(changed)} changed", changed + records[CHANGED:], written=len(changed)),
        ]
    return rows


def _row(stub: Stub, handler: Handler, what: str, records: list[dict[str, Any]], *, written: int) -> Row:
    """One query, the reads, and the writes; the receipt (and, when data changed, the mark of it) ride in the last."""
    riders = 2 if written else 1
    bound = 1 + ceil(len(records) / READ_BATCH) + ceil((written + riders) / WRITE_BATCH)
    stub.counts()
    handler.push(handler.event(records))
    counts = dict(stub.counts())
    units = counts.pop("write units")
    return Row(
        what=what, figure=sum(counts.values()), bound=bound, remark=f"{shown_counts(counts)}; {units} write units"
    )
