"""An interrupted push goes on where it stopped, however it was interrupted."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import freshwire_client
from tests.client.books import CSV, ROWS
from tests.client.conftest import Serve
from tests.client.service import KEY, Reply, Service, refusal
from tests.client.shell import freshwire, using

CLIENT = Path(freshwire_client.__file__).parent.parent


def journal_of(file: str) -> Path:
    return Path(f"{file}.freshwire-progress")


# Where the tests run in the background, their shell has had interrupts ignored: this program hears them.
HEARING = """
import signal, sys
from freshwire_client.cli import main
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(main())
"""


@contextmanager
def a_push_under_way(service: Service, file: str) -> Iterator["subprocess.Popen[str]"]:
    """A push in its own process that has had two batches of three acknowledged and waits for the third."""
    command = [sys.executable, "-c", HEARING, "push", file, "--batch-size", "3"]
    environment = {**os.environ, **using(service), "PYTHONPATH": str(CLIENT)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        for _ in range(3):
            assert service.arrived.acquire(timeout=30)
        yield process


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_push_that_is_ended_half_way_goes_on_after_what_was_acknowledged(
    serve: Serve, books: str, how: signal.Signals
) -> None:
    gone = threading.Event()
    service = serve(Reply(), Reply(), Reply(drops=True, waits_for=gone))
    with a_push_under_way(service, books) as process:
        process.send_signal(how)
        _, said = process.communicate(timeout=30)
    gone.set()
    assert json.loads(journal_of(books).read_text())["acknowledged"] == 6
    assert service.stored == ROWS[:6]
    if how == signal.SIGINT:
        assert process.returncode == 130
        assert "The first 6 records are acknowledged: the same command with --resume goes on after them." in said
        assert "Traceback" not in said
    ran = freshwire("push", books, "--resume", environment=using(service))
    assert (ran.status, service.stored) == (0, ROWS)
    assert "Going on after 6 records." in ran.err
    assert not journal_of(books).exists()


def test_without_resume_it_begins_again(serve: Serve, books: str) -> None:
    service = serve(Reply(), refusal(403))
    freshwire("push", books, "--batch-size", "5", environment=using(service))
    assert freshwire("push", books, "--batch-size", "5", environment=using(service)).status == 0
    assert service.stored == ROWS[:5] + ROWS
    assert not journal_of(books).exists()


def test_what_an_earlier_transfer_sent_is_forgotten_when_it_begins_again(serve: Serve, books: str) -> None:
    service = serve(Reply(), refusal(403), refusal(403))
    freshwire("push", books, "--batch-size", "3", environment=using(service))
    service.stored.clear()  # the dataset is emptied
    ran = freshwire("push", books, "--batch-size", "3", environment=using(service))
    assert "No record is acknowledged." in ran.err
    ran = freshwire("push", books, "--resume", environment=using(service))
    assert (ran.status, service.stored) == (0, ROWS)
    assert "Nothing to go on with: from the start." in ran.err


def test_resume_with_nothing_to_go_on_with_begins_at_the_start(serve: Serve, books: str) -> None:
    service = serve()
    ran = freshwire("push", books, "--resume", environment=using(service))
    assert (ran.status, service.stored) == (0, ROWS)
    assert "Nothing to go on with: from the start." in ran.err


def test_a_resumed_push_that_fails_again_can_be_resumed(serve: Serve, books: str) -> None:
    service = serve(Reply(), refusal(403), refusal(403))
    freshwire("push", books, "--batch-size", "4", environment=using(service))
    ran = freshwire("push", books, "--resume", environment=using(service))
    assert "The first 4 records are acknowledged: the same command with --resume" in ran.err
    assert freshwire("push", books, "--resume", environment=using(service)).status == 0
    assert service.stored == ROWS


@pytest.mark.parametrize("change", ["content", "age", "head", "target", "command", "journal"])
def test_a_file_that_is_not_the_same_is_not_gone_on_with(serve: Serve, books: str, change: str) -> None:
    service = serve(Reply(), refusal(403))
    freshwire("push", books, "--batch-size", "4", environment=using(service))
    path, environment, command = Path(books), dict(using(service)), "push"
    before = path.stat()
    if change == "content":
        path.write_text(f"{CSV}11;Book 11;\n")
    if change == "age":
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    if change == "head":
        path.write_text(CSV.replace("Book 1", "Cook 1"))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    if change == "target":
        environment["FRESHWIRE_PUSH_URL"] = service.url.replace("books", "leaflets")
    if change == "command":
        command = "delete"
    if change == "journal":
        journal_of(books).write_text('{"acknowledged"')
    ran = freshwire(command, books, "--resume", environment=environment)
    assert (ran.status, len(service.asked)) == (1, 2)
    assert "start again without --resume. Sending records again is harmless." in ran.err


def test_a_new_key_is_no_reason_not_to_go_on_and_the_journal_holds_none(serve: Serve, books: str) -> None:
    service = serve(Reply(), refusal(401))
    freshwire("push", books, "--batch-size", "4", "--url", f"{service.url}?pushkey={KEY}")
    assert KEY not in journal_of(books).read_text()
    ran = freshwire("push", books, "--resume", "--url", f"{service.url}?pushkey={'0' * 56}")
    assert (ran.status, service.stored) == (0, ROWS)


def test_a_folder_that_cannot_be_written_to_is_pushed_from(serve: Serve, books: str) -> None:
    journal_of(books).with_name("books.csv.freshwire-progress.new").mkdir()
    service = serve(Reply(), refusal(403))
    ran = freshwire("push", books, "--batch-size", "4", environment=using(service))
    assert "The first 4 records are acknowledged; sending all of them again is harmless." in ran.err
    assert freshwire("push", books, environment=using(service)).status == 0


def test_what_comes_from_a_pipe_keeps_no_journal(serve: Serve, tmp_path: Path) -> None:
    pipe, service = tmp_path / "books.csv", serve(refusal(403))
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_text(CSV))
    writer.start()
    ran = freshwire("push", str(pipe), environment=using(service))
    writer.join()
    assert ran.status == 1
    assert [path.name for path in tmp_path.iterdir()] == ["books.csv"]
