"""Accept a push as a warm function does, and tell what it took.

    python -m tests.bench.acceptance EVENTS     prints {"seconds", "mebibytes"}

EVENTS is a file with two events of the gateway, one a line: a small push that warms the function up, then the push
that is measured. The environment leads to the stub endpoint. The memory is the peak of the whole process.
"""

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

from tests.bench.invocation import quiet, run_handler


def main(events: Path) -> dict[str, float]:
    """Run the handler for each event; the seconds of the last one, and the peak of memory."""
    with quiet(), events.open() as lines:
        run_handler(json.loads(next(lines)))
        event: dict[str, Any] = json.loads(next(lines))
        started = time.perf_counter()
        run_handler(event)
        seconds = time.perf_counter() - started
    return {"seconds": seconds, "mebibytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
