"""Run the benches and print their tables; exit with 1 when a bound is missed.

python -m tests.bench [cpu] [calls] [sender] [lane] [upload] [recovery] [refresh] [silence] [cold] [latency] [leaving]
    [flights]

All of them when none is named.
"""

import sys
from collections.abc import Callable, Mapping, Sequence

from tests.bench import calls, cold, cpu, flights, lane, latency, leaving, recovery, refresh, sender, silence, upload
from tests.bench.endpoint import Stub, stub_endpoint
from tests.bench.handler import Handler
from tests.bench.invocation import quiet
from tests.bench.report import Row, show

_AT_THE_STUB: Mapping[str, tuple[str, Callable[[Stub, Handler], list[Row]]]] = {
    "cpu": ("Client CPU of a push of 1,000 weather records, endpoint without latency", cpu.measure),
    "calls": ("AWS calls of a push of weather records", calls.measure),
    "sender": ("The sender of DynamoDB calls, and a large push when a call takes 8 ms", sender.measure),
    "lane": ("A push of 110,000 records of 41 bytes, when a call takes 8 ms", lane.measure),
    "upload": ("A file of 240 MB, checked by the worker", upload.measure),
    "recovery": ("One-record pushes recovered from their backup, when a call takes 8 ms", recovery.measure),
    "refresh": ("Runs of a large remote file, when a call takes 8 ms", refresh.measure),
}
_ALONE: Mapping[str, tuple[str, Callable[[], list[Row]]]] = {
    "silence": ("AWS calls of a tick", silence.measure),
    "cold": ("Cold import", cold.measure),
    "latency": ("A one-record push through the local cloud / a bare Chalice route on one", latency.measure),
    "leaving": ("Out of the lane, after 110,000 records, under 50 pushes a second", leaving.measure),
    "flights": ("A large file through the local cloud with the command line", flights.measure),
}


def main(names: Sequence[str]) -> int:
    """Measure, print, and answer the exit code."""
    if unknown := set(names) - {*_AT_THE_STUB, *_ALONE}:
        print(f"unknown {sorted(unknown)}; there are {', '.join((*_AT_THE_STUB, *_ALONE))}")
        return 2
    rows: list[Row] = []
    measured: list[tuple[str, list[Row]]] = []
    with stub_endpoint() as stub, quiet():
        handler = Handler()
        for name, (title, measure_at) in _AT_THE_STUB.items():
            if name in names or not names:
                measured.append((title, measure_at(stub, handler)))
    for title, measured_rows in measured:
        rows += show(title, measured_rows)
    for name, (title, measure) in _ALONE.items():
        if name in names or not names:
            rows += show(title, measure())
    missed = [row.what for row in rows if row.is_missed]
    print(f"\nmissed: {', '.join(missed)}" if missed else "\nevery bound is kept")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
