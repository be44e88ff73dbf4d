"""Do what a bell asks for as the worker does, visit after visit while the work rings for more, and tell what that took.

    python -m tests.bench.visits TASK NAME     prints {"visits", "seconds", "cpu", "mebibytes"}

TASK and NAME are those of the bell's message; `refresh` and the uid of a dataset are a run of its sources. The
environment leads to the stub endpoint. The memory is the peak of the whole process, the CPU its own.
"""

import json
import secrets
import sys
import time
from datetime import UTC, datetime, timedelta
from functools import partial

from chalicelib import wiring
from chalicelib.domain.run import QUEUED, UNCHANGED
from chalicelib.services.refresh.refresh import refresh_dataset
from chalicelib.services.writing.direct_writers import DIRECT_WRITERS_END_AFTER
from chalicelib.sources.address_guard import AddressGuard
from chalicelib.store.bell import Bell
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.stores import Stores
from chalicelib.triggers.bell import MAX_SECONDS, handle
from tests.bench.invocation import peak_memory, quiet

REFRESH = "refresh"
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
    visits = 0
    started, cpu = time.perf_counter(), time.process_time()
    with quiet():
        if task == REFRESH:
            _refresh(stores, name)
        else:
            bell.ring(task, name)
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


def _refresh(stores: Stores, dataset_uid: str) -> None:
    """A run of the sources of a dataset."""
    guard, deadline = AddressGuard(allow_private=True), Deadline(MAX_SECONDS)
    run_id = secrets.token_hex(14)
    outcomes = refresh_dataset(stores, dataset_uid, run_id, partial(_shifted, 0), deadline, guard=guard)
    if any(outcome.state not in (QUEUED, UNCHANGED) for outcome in outcomes):
        raise RuntimeError(f"the run has failed: {outcomes}")


def _shifted(visits: int) -> datetime:
    return datetime.now(UTC) + _LATER * visits


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
