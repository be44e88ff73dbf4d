"""Cold import of `app.py` against the bare imports of what it cannot do without, each in a fresh interpreter."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from tests.bench.endpoint import ENVIRONMENT
from tests.bench.report import Row

RUNS = 11
MOST_OF_BARE = 1.25
_ROOT = Path(__file__).parent.parent.parent
_TIMED = """
import json, sys, time
started, cpu = time.perf_counter(), time.process_time()
{work}
print(json.dumps([time.perf_counter() - started, time.process_time() - cpu]))
"""
_CLIENT = "Connection(region='eu-west-3').client"
BARE = f"""
import chalice.app, orjson
from aws_lambda_powertools import Logger, Metrics
from pynamodb.connection import Connection
{_CLIENT}
"""
APP = "import app"
APP_AND_CLIENT = "import app; app.push.wiring.stores().client"


class Cost(NamedTuple):
    """Medians in seconds."""

    wall: float
    cpu: float


def measure() -> list[Row]:
    """Alternating runs, byte code warm; the interpreter's own start is not counted, it would flatter the ratio."""
    programs = (BARE, APP, APP_AND_CLIENT)
    for program in programs:
        _run(program)
    runs = [[_run(program) for program in programs] for _ in range(RUNS)]
    bare, app, app_and_client = (_typical(costs) for costs in zip(*runs, strict=True))
    return [
        _row("import app / bare imports and a client", app, bare, MOST_OF_BARE),
        _row("import app and make its client / bare imports and a client", app_and_client, bare, None),
    ]


def _row(what: str, ours: Cost, bare: Cost, bound: float | None) -> Row:
    remark = (
        f"CPU {ours.cpu * 1000:.0f} ms of {bare.cpu * 1000:.0f} ms; "
        f"wall {ours.wall / bare.wall:.3f}, {ours.wall * 1000:.0f} ms of {bare.wall * 1000:.0f} ms"
    )
    return Row(what=what, figure=ours.cpu / bare.cpu, bound=bound, remark=remark)


def _typical(costs: Sequence[Cost]) -> Cost:
    return Cost(wall=median(cost.wall for cost in costs), cpu=median(cost.cpu for cost in costs))


def _run(program: str) -> Cost:
    done = subprocess.run(
        [sys.executable, "-c", _TIMED.format(work=program)],
        cwd=_ROOT,
        env={"PATH": os.environ.get("PATH", ""), **ENVIRONMENT},
        capture_output=True,
        text=True,
        check=True,
    )
    return Cost(*json.loads(done.stdout.splitlines()[-1]))
