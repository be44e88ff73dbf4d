"""Check an uploaded file as the worker does, and tell what that took.

    python -m tests.bench.upload_check NAME     prints {"seconds", "cpu", "mebibytes"}

NAME is that of the bell's message, `{dataset_uid}.{upload_id}`. The environment leads to the stub endpoint. The memory
is the peak of the whole process, the CPU its own.
"""

import json
import sys
import time
from datetime import UTC, datetime
from typing import Any

from chalicelib import wiring
from chalicelib.services.bells import UPLOAD
from chalicelib.store.dynamodb import Deadline
from chalicelib.triggers.bell import MAX_SECONDS, handle
from tests.bench.invocation import peak_memory, quiet


def main(name: str) -> dict[str, float]:
    """Do what the bell asks for."""
    body = json.dumps({"task": UPLOAD, "name": name})
    message: dict[str, Any] = {"body": body, "receiptHandle": "", "attributes": {"ApproximateReceiveCount": "1"}}
    started, cpu = time.perf_counter(), time.process_time()
    with quiet():
        handle(wiring.worker_stores(), message, lambda: datetime.now(UTC), Deadline(MAX_SECONDS))
    return {
        "seconds": time.perf_counter() - started,
        "cpu": time.process_time() - cpu,
        "mebibytes": peak_memory(),
    }


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1])))
