"""`freshwire push`: what is in a file arrives, in its order."""

import gzip
import json
import os
import subprocess
import sys
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import freshwire_client
from tests.client.books import CSV, RECEIPT, ROWS
from tests.client.conftest import Serve
from tests.client.service import BATCH_ID, KEY, Reply
from tests.client.shell import freshwire, using


def test_the_rows_of_a_file_arrive_in_its_order_over_one_connection(serve: Serve, books: str) -> None:
    service = serve()
    ran = freshwire("push", books, "--batch-size", "4", environment=using(service))
    assert (ran.status, ran.out) == (0, "")
    assert "Done: 10 records acknowledged in 3 batches" in ran.err
    assert service.stored == ROWS
    assert [len(body) for body in service.bodies] == [4, 4, 2]
    assert {asked.connection for asked in service.asked} == {1}
    assert {(a.method, a.path) for a in service.asked} == {("POST", "/api/push/1.0/books/realtime/push/")}
    assert not list(Path(books).parent.glob("*.freshwire-progress*"))


@pytest.mark.parametrize("packing", ["plain", "gz", "zip"])
@pytest.mark.parametrize(
    ("suffix", "content"),
    [
        ("csv", CSV),
        ("tsv", CSV.replace(";", "\t")),
        ("json", json.dumps(ROWS, indent=2)),
        ("jsonl", "".join(f"{json.dumps(row)}\n" for row in ROWS)),
    ],
)
def test_every_format_is_read_packed_or_not(
    serve: Serve, tmp_path: Path, suffix: str, content: str, packing: str
) -> None:
    service, path = serve(), tmp_path / f"books.{suffix}{'' if packing == 'plain' else f'.{packing}'}"
    if packing == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("inside/", "")
            archive.writestr(f"inside/books.{suffix}", content)
    else:
        path.write_bytes(gzip.compress(content.encode()) if packing == "gz" else content.encode())
    ran = freshwire("push", str(path), environment=using(service))
    assert (ran.status, service.stored) == (0, ROWS), ran.err


@pytest.mark.parametrize("packed", [False, True])
def test_standard_input_is_pushed_when_its_format_is_said(serve: Serve, packed: bool) -> None:
    service, stdin = serve(), gzip.compress(CSV.encode()) if packed else CSV.encode()
    ran = freshwire("push", "-", "--format", "csv", stdin=stdin, environment=using(service))
    assert (ran.status, service.stored) == (0, ROWS), ran.err
    refused = freshwire("push", "-", stdin=stdin, environment=using(service))
    assert (refused.status, "say --format" in refused.err) == (2, True)


def test_a_json_object_is_one_record(serve: Serve) -> None:
    service = serve()
    freshwire("push", "-", "--format", "json", stdin=b' {"isbn": 1.10} ', environment=using(service))
    assert service.asked[0].body == b'[{"isbn": 1.10}]'


def test_the_key_travels_in_a_header_wherever_it_came_from(serve: Serve, books: str) -> None:
    service = serve()
    url = f"{service.url}?pushkey={KEY}&campaign=1"
    freshwire("push", books, "--url", url)
    freshwire("push", books, "--url", service.url, environment={"FRESHWIRE_PUSH_KEY": f"{KEY}\n"})
    assert [asked.headers["x-push-key"] for asked in service.asked] == [KEY, KEY]
    assert service.asked[0].path == "/api/push/1.0/books/realtime/push/?campaign=1"


def test_compressed_bodies_say_so(serve: Serve, books: str) -> None:
    service = serve()
    assert freshwire("push", books, "--gzip", environment=using(service)).status == 0
    assert service.asked[0].headers["content-encoding"] == "gzip"
    assert service.stored == ROWS


def test_receipts_are_written_out_and_summed_up(serve: Serve, books: str) -> None:
    queued = {**RECEIPT, "state": "queued", "created": None, "updated": None, "unchanged": None}
    service = serve(Reply(body=RECEIPT), Reply(body=queued))
    ran = freshwire("push", books, "--receipts", "--batch-size", "5", environment=using(service))
    assert ran.status == 0
    assert service.asked[0].headers["prefer"] == "return=representation"
    assert ran.out.splitlines() == [
        f"{BATCH_ID} applied: records 1 to 5 (from line 2 to 6): 3 created, 1 updated, 1 unchanged",
        f"{BATCH_ID} queued: records 6 to 10 (from line 7 to 11)",
    ]
    assert "3 created, 1 updated, 1 unchanged, 5 queued (" in ran.err
    assert "Ignored, as the schema lacks them: colour." in ran.err


@pytest.mark.parametrize("is_quiet", [False, True])
def test_a_push_goes_on_when_nobody_reads_its_receipts_any_more(serve: Serve, books: str, is_quiet: bool) -> None:
    has_gone = threading.Event()
    service = serve(Reply(body=RECEIPT), Reply(body=RECEIPT, waits_for=has_gone))
    command = [sys.executable, "-m", "freshwire_client", "push", books, "--receipts", "--batch-size", "2"]
    environment = {**os.environ, **using(service), "PYTHONPATH": str(Path(freshwire_client.__file__).parent.parent)}
    with subprocess.Popen(
        [*command, *(["--quiet"] if is_quiet else [])],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline().startswith(BATCH_ID)
        process.stdout.close()
        has_gone.set()
        said = process.stderr.read()
    assert (process.returncode, service.stored) == (0, ROWS)
    assert said.splitlines()[0] == "Nobody reads the receipts any more: going on without showing them."
    assert said.count("Nobody") == 1
    assert ("Done: 10 records" in said) is not is_quiet
    assert "Traceback" not in said
    assert "BrokenPipe" not in said


def test_a_record_of_a_pipe_does_not_wait_for_the_next_when_its_batch_is_full(serve: Serve) -> None:
    service = serve()
    out, into = os.pipe()
    with os.fdopen(into, "wb", buffering=0) as device, os.fdopen(out, "rb") as stdin, ThreadPoolExecutor() as pool:
        options = ["--format", "jsonl", "--batch-size", "1"]
        running = pool.submit(freshwire, "push", "-", *options, stdin=stdin, environment=using(service))
        for number in range(3):
            device.write(b'{"n": %d}\n' % number)
            assert service.arrived.acquire(timeout=30)
        device.close()
        assert running.result().status == 0
    assert service.stored == [{"n": 0}, {"n": 1}, {"n": 2}]
