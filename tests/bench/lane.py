"""The lane: how soon a full push is acknowledged, what memory that takes, and how fast the worker applies it against
pynamodb's `batch_write`, when every call takes as long as in AWS.

The whole handler accepts the push in a process of its own, warm, but never yet asked for a large push; then the
worker does here what the bell asks for. `batch_write` writes a part of as many records, and reads nothing.
"""

import gc
import json
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import NamedTuple

import orjson

from chalicelib import wiring
from chalicelib.services.bells import LANE
from chalicelib.store.dynamodb import Deadline
from chalicelib.triggers.bell import MAX_SECONDS, handle
from tests.bench.endpoint import ENVIRONMENT, Stub
from tests.bench.handler import Handler
from tests.bench.report import Row, shown_counts
from tests.bench.sender import LATENCY, batch_write, small_records
from tests.builders import a_schema

RECORDS, CONTENDER_RECORDS, ROUNDS = 110_000, 11_000, 3
MOST_SECONDS, MOST_MEBIBYTES = 1.5, 200  # of the request
MOST_OF_BATCH_WRITE = 1 / 12
DATASET_ID = "small-readings"
_ROOT = Path(__file__).parent.parent.parent


class Round(NamedTuple):
    """What one round took: seconds, CPU of the request, mebibytes, and what was asked of AWS to accept and to apply."""

    acknowledged: float
    cpu: float
    mebibytes: float
    applied: float
    contender: float
    asked_to_accept: str
    asked_to_apply: str


def measure(stub: Stub, _handler: Handler) -> list[Row]:
    """Rounds of acceptance, worker and contender in turn."""
    with tempfile.TemporaryDirectory() as folder:
        events = _write_events(Path(folder) / "events.jsonl")
        stub.hold_back(LATENCY)
        try:
            return _rows([_round(stub, events) for _ in range(ROUNDS)])
        finally:
            stub.hold_back(0)


def _write_events(file: Path) -> Path:
    handler = Handler(DATASET_ID, a_schema(unique_key=["station"], station="text", temp="double", hum="int"))
    records = [json.loads(put.text) for put in small_records(RECORDS)]
    file.write_text("".join(f"{json.dumps(handler.event(pushed))}\n" for pushed in (records[:1], records)))
    return file


def _round(stub: Stub, events: Path) -> Round:
    stub.forget(ENVIRONMENT["RECORDS_TABLE"])  # every record is new
    stub.counts()
    command = [sys.executable, "-m", "tests.bench.acceptance", str(events)]
    accepted = json.loads(subprocess.run(command, cwd=_ROOT, stdout=subprocess.PIPE, check=True).stdout)
    asked_to_accept = _asked(stub)
    applied = _apply()
    asked_to_apply = _asked(stub)
    return Round(
        acknowledged=accepted["seconds"],
        cpu=accepted["cpu"],
        mebibytes=accepted["mebibytes"],
        applied=applied / RECORDS,
        contender=batch_write(small_records(CONTENDER_RECORDS)) / CONTENDER_RECORDS,
        asked_to_accept=asked_to_accept,
        asked_to_apply=asked_to_apply,
    )


def _apply() -> float:
    """Seconds that the worker takes for what the bell asks for."""
    body = orjson.dumps({"task": LANE, "name": DATASET_ID}).decode()
    message = {"body": body, "receiptHandle": "", "attributes": {"ApproximateReceiveCount": "1"}}
    stores = wiring.worker_stores()
    gc.collect()
    started = time.perf_counter()
    handle(stores, message, lambda: datetime.now(UTC), Deadline(MAX_SECONDS))
    return time.perf_counter() - started


def _asked(stub: Stub) -> str:
    counts = dict(stub.counts())
    units = counts.pop("write units", 0)
    return f"{shown_counts(counts)}; {units} write units"


def _rows(rounds: list[Round]) -> list[Row]:
    acknowledged, cpu, applied, contender = (
        median(getattr(one, name) for one in rounds) for name in ("acknowledged", "cpu", "applied", "contender")
    )
    return [
        Row(
            what=f"{RECORDS:,} records acknowledged, seconds",
            figure=acknowledged,
            bound=MOST_SECONDS,
            remark=f"CPU {cpu:.3f}; with a small push before: {rounds[-1].asked_to_accept}",
        ),
        Row(
            what="peak memory of the request, MiB",
            figure=max(one.mebibytes for one in rounds),
            bound=MOST_MEBIBYTES,
        ),
        Row(
            what="applied, time / pynamodb batch_write",
            figure=applied / contender,
            bound=MOST_OF_BATCH_WRITE,
            remark=f"{applied * 1e6:.0f} µs of {contender * 1e6:.0f} µs a record, "
            f"{contender / applied:.1f} times as fast; {rounds[-1].asked_to_apply}",
        ),
    ]
