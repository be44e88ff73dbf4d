"""Start the stub endpoint, lead this process's AWS clients to it, and ask it what it was asked."""

import http.client
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from tests.deployment import CREDENTIALS, OUTPUTS

_ROOT = Path(__file__).parent.parent.parent
ENVIRONMENT = {
    **CREDENTIALS,
    "FRESHWIRE_STAGE": "bench",
    **{variable: variable.lower() for variable in OUTPUTS},
    "POWERTOOLS_SERVICE_NAME": "freshwire",
    "POWERTOOLS_METRICS_NAMESPACE": "Freshwire",
}
"""The application's environment while it is measured: names that lead nowhere but to the stub."""


class Stub:
    """The running stub endpoint."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def counts(self) -> Mapping[str, int]:
        """Calls by operation, and `write units`, since this was asked last."""
        counts: dict[str, int] = self._control("counts")
        return counts

    def forget(self, table: str) -> None:
        """Empty a table."""
        self._control(f"forget/{table}")

    def hold_back(self, milliseconds: float) -> None:
        """Let every later answer take so long."""
        self._control(f"latency/{milliseconds}")

    def put(self, objects: Iterable[tuple[str, str, bytes]]) -> None:
        """Put objects, each given as its bucket's variable, its key and its content."""
        with closing(http.client.HTTPConnection(self.url.removeprefix("http://"))) as connection:
            for variable, key, content in objects:
                connection.request("PUT", f"/{ENVIRONMENT[variable]}/{key}", content)
                connection.getresponse().read()

    def _control(self, command: str) -> Any:
        with urllib.request.urlopen(urllib.request.Request(f"{self.url}/_{command}", method="POST")) as answer:
            return json.load(answer)


@contextmanager
def stub_endpoint() -> Iterator[Stub]:
    """The stub in its own process, and this process's environment leading to it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.stub"], cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    before = dict(os.environ)
    try:
        stub = Stub(int(process.stdout.readline()))
        os.environ.update(ENVIRONMENT, AWS_ENDPOINT_URL=stub.url, BELL_QUEUE_URL=f"{stub.url}/bell.fifo")
        yield stub
    finally:
        os.environ.clear()
        os.environ.update(before)
        process.stdin.close()
        process.wait(timeout=10)
        process.stdout.close()


def visited(task: str, name: str) -> dict[str, float]:
    """What it took a worker, in a process of its own, to do what a bell asks for."""
    command = [sys.executable, "-m", "tests.bench.visits", task, name]
    took: dict[str, float] = json.loads(subprocess.run(command, cwd=_ROOT, stdout=subprocess.PIPE, check=True).stdout)
    return took
