"""Runs of a large remote file: the first one, one that finds it unchanged, and one that finds 100 lines changed and
some gone. What each takes (bytes, AWS calls, write units, seconds, memory), and that against writing all of it anew.

    FLIGHTS_CSV=flights.csv.zip python -m tests.bench refresh
"""

import csv
import hashlib
import io
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

from chalicelib import wiring
from chalicelib.services.publication.plan import Source
from chalicelib.services.publication.published_sources import sources_item
from chalicelib.store.dynamodb import Deadline
from tests.bench.endpoint import Stub, visited
from tests.bench.flights import UNIQUE_KEY, flights_file, opened
from tests.bench.handler import Handler
from tests.bench.report import Row, shown_counts
from tests.bench.sender import LATENCY
from tests.bench.visits import REFRESH
from tests.builders import a_schema

DATASET_ID = "remote-flights"
CHANGED, VANISHED = 100, 50  # lines
MOST_MEBIBYTES, MOST_OF_ALL = 512, 0.01


class Measured(NamedTuple):
    """What one run took."""

    took: dict[str, float]
    fetched: int
    units: int
    asked: str

    @property
    def remark(self) -> str:
        """In words."""
        seconds, cpu = self.took["seconds"], self.took["cpu"]
        return f"{self.fetched:,} bytes in {seconds:.0f} s, CPU {cpu:.0f} s; {self.units:,} write units; {self.asked}"


def measure(stub: Stub, _handler: Handler) -> list[Row]:
    """Three runs; nothing, and the reason printed, without the file."""
    file = flights_file("The flights are not refreshed")
    if file is None:
        return []
    with opened(file) as lines:
        table = list(csv.reader(lines))
    with a_server() as server:
        dataset_uid = _dataset(table[0], server)
        stub.hold_back(LATENCY)
        try:
            server.hold(table)
            first = _run(stub, server, dataset_uid)
            same = _run(stub, server, dataset_uid)
            server.hold(_changed(table))
            changed = _run(stub, server, dataset_uid)
        finally:
            stub.hold_back(0)
    return [
        Row(
            what="memory of the first run, MiB",
            figure=first.took["mebibytes"],
            bound=MOST_MEBIBYTES,
            remark=first.remark,
        ),
        Row(what="bytes fetched when nothing has changed", figure=same.fetched, bound=0, remark=same.remark),
        Row(
            what=f"{CHANGED} lines changed, {VANISHED} gone, write units / of all",
            figure=changed.units / first.units,
            bound=MOST_OF_ALL,
            remark=changed.remark,
        ),
        Row(what="memory of that run, MiB", figure=changed.took["mebibytes"], bound=MOST_MEBIBYTES),
    ]


class Server(ThreadingHTTPServer):
    """A web server of one zipped file, which has an ETag."""

    content, etag, sent = b"", "", 0

    def hold(self, table: list[list[str]]) -> None:
        """Have these lines."""
        text = io.StringIO()
        csv.writer(text).writerows(table)
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("flights.csv", text.getvalue())
        self.content = packed.getvalue()
        self.etag = f'"{hashlib.sha256(self.content).hexdigest()}"'


class _Request(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        is_known = self.headers["If-None-Match"] == self.server.etag
        content = b"" if is_known else self.server.content
        self.send_response(304 if is_known else 200)
        self.send_header("ETag", self.server.etag)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        self.server.sent += len(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def a_server() -> Iterator[Server]:
    """One on loopback."""
    with Server(("127.0.0.1", 0), _Request) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def _dataset(header: list[str], server: Server) -> str:
    """A published dataset with that one source, of which nothing was fetched yet."""
    Handler(DATASET_ID, a_schema(unique_key=list(UNIQUE_KEY), **dict.fromkeys(header, "text")))
    live = wiring.stores().live.read(DATASET_ID, Deadline(5))
    if live is None:
        raise LookupError(DATASET_ID)
    (resource_uid,) = live.intake.intakes
    url = f"http://127.0.0.1:{server.server_port}"
    datasource = {"type": "http", "connection": {"type": "http", "url": url}, "relative_url": "/flights.csv.zip"}
    source = Source(uid=resource_uid, type="csvfile", params={}, remote={"source": datasource, "secret": None})
    sources_item(live.dataset_uid, live.version, [source]).save()
    return live.dataset_uid


def _changed(table: list[list[str]]) -> list[list[str]]:
    """The table with other delays in some lines, and without the last ones."""
    delay = table[0].index("dep_delay")
    changed = [list(line) for line in table[:-VANISHED]]
    for line in changed[1 :: len(changed) // CHANGED][:CHANGED]:
        line[delay] = "999"
    return changed


def _run(stub: Stub, server: Server, dataset_uid: str) -> Measured:
    stub.counts()
    before = server.sent
    took = visited(REFRESH, dataset_uid)
    counts = dict(stub.counts())
    units = counts.pop("write units", 0)
    return Measured(took, server.sent - before, units, shown_counts(counts))
