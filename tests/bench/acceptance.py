"""Accept a push as a warm function does, and tell what it took.

    python -m tests.bench.acceptance EVENTS     prints {"seconds", "cpu", "mebibytes"}

EVENTS is a file with two events of the gateway, one a line: a small push that warms the function up, then the push
that is measured. The environment leads to the stub endpoint. The memory is the peak of the whole process.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

from tests.bench.invocation import peak_memory, quiet, run_handler


def main(events: Path) -> dict[str, float]:
    """Run the handler for each event; the seconds and the CPU of the last one, and the peak of memory."""
    with quiet(), events.open() as lines:
        run_handler(json.loads(next(lines)))
        event: dict[str, Any] = json.loads(next(lines))
        started, cpu = time.perf_counter(), time.process_time()
        run_handler(event)
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    return {"seconds": seconds, "cpu": cpu, "mebibytes": peak_memory()}


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
