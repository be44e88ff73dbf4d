"""Do what a bell asks for as the worker does, visit after visit while the work rings for more, and tell what that took.

    python -m tests.bench.visits TASK NAME     prints {"visits", "seconds", "cpu", "mebibytes"}

TASK and NAME are those of the bell's message. The environment leads to the stub endpoint. The memory is the peak of
the whole process, the CPU its own.
"""

import json
import sys
import time
from datetime import UTC, datetime, timedelta
from functools import partial

from chalicelib import wiring
from chalicelib.services.direct_writers import DIRECT_WRITERS_END_AFTER
from chalicelib.store.bell import Bell
from chalicelib.store.dynamodb import Deadline
from chalicelib.triggers.bell import MAX_SECONDS, handle
from tests.bench.invocation import peak_memory, quiet

_LATER = timedelta(seconds=DIRECT_WRITERS_END_AFTER)  # so that no job waits for writers that are not there


class _Bell(Bell):
    """Keeps what is rung for."""

    def __init__(self) -> None:
        super().__init__("", "")
        self.rung: list[dict[str, str]] = []

    def ring(self, task: str, name: str, **_: str) -> None:
        """Keep it."""
        self.rung.append({"task": task, "name": name})


def main(task: str, name: str) -> dict[str, float]:
    """Do what the bell asks for."""
    stores = wiring.worker_stores()
    vars(stores)["bell"] = bell = _Bell()
    bell.ring(task, name)
    visits = 0
    started, cpu = time.perf_counter(), time.process_time()
    with quiet():
        while bell.rung:
            asked = json.dumps(bell.rung.pop(0))
            message = {"body": asked, "receiptHandle": "", "attributes": {"ApproximateReceiveCount": "1"}}
            handle(stores, message, partial(_shifted, visits), Deadline(MAX_SECONDS))
            visits += 1
    return {
        "visits": visits,
        "seconds": time.perf_counter() - started,
        "cpu": time.process_time() - cpu,
        "mebibytes": peak_memory(),
    }


def _shifted(visits: int) -> datetime:
    return datetime.now(UTC) + _LATER * visits


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
