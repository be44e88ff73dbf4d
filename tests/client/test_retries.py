"""A service that is busy, slow, broken or not there: the command waits as it is told, and not for ever."""

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from pathlib import Path

import pytest

from tests.client.books import ROWS
from tests.client.conftest import Serve
from tests.client.service import KEY, Reply, refusal
from tests.client.shell import StoppedClock, freshwire, using


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_busy_service_is_tried_again_after_the_time_it_asks_for(serve: Serve, books: str, status: int) -> None:
    service = serve(refusal(status, "It is busy.", retry_after="7"), refusal(status))
    ran = freshwire("push", books, environment=using(service))
    assert (ran.status, service.stored) == (0, ROWS)
    assert ran.waits == [7.5, 1.0]  # drawn up to 0.5 s, then up to 1 s
    assert f"Trying again in 7.5 s: the service answered {status}: It is busy." in ran.err


def test_a_date_to_come_back_at_is_kept(serve: Serve, books: str) -> None:
    time = StoppedClock()
    service = serve(refusal(503, retry_after=formatdate(time.now + 60, usegmt=True)), refusal(503, retry_after="soon"))
    ran = freshwire("push", books, environment=using(service), time=time)
    assert (ran.status, ran.waits) == (0, [60.5, 1.0])


@pytest.mark.parametrize(
    "date", ["Mon, 01 Jan 2024 00:00:00 +99999999999999999", "Mon, 01 Jan 99999999999999 00:00:00 GMT"]
)
def test_a_date_beyond_measure_is_none(serve: Serve, books: str, date: str) -> None:
    ran = freshwire("push", books, environment=using(serve(refusal(503, retry_after=date))))
    assert (ran.status, ran.waits) == (0, [0.5])


@pytest.mark.parametrize("was_stored", [False, True])
def test_a_connection_that_breaks_is_made_again_and_nothing_is_lost(serve: Serve, books: str, was_stored: bool) -> None:
    service = serve(Reply(drops=True, stores=was_stored))
    ran = freshwire("push", books, environment=using(service))
    assert ran.status == 0
    assert service.stored == (ROWS + ROWS if was_stored else ROWS)
    assert service.connections == 2


def test_a_kept_connection_that_was_closed_meanwhile_costs_no_wait(serve: Serve, books: str) -> None:
    service = serve(Reply(), Reply(drops=True))
    ran = freshwire("push", books, "--batch-size", "5", environment=using(service))
    assert (ran.status, ran.waits, service.stored) == (0, [], ROWS)


def test_an_answer_that_does_not_come_in_time_is_asked_for_again(serve: Serve, books: str) -> None:
    late = threading.Event()
    service = serve(Reply(drops=True, waits_for=late))
    ran = freshwire("push", books, "--timeout", "0.2", environment=using(service))
    late.set()
    assert (ran.status, service.stored, ran.waits) == (0, ROWS, [0.5])
    assert "timed out" in ran.err


def test_patience_ends_and_says_how_to_go_on(serve: Serve, books: str) -> None:
    service = serve(Reply(), *[refusal(503, "It is busy.", retry_after="20")] * 9)
    ran = freshwire("push", books, "--batch-size", "4", "--patience", "60", environment=using(service))
    assert ran.status == 1
    assert ran.waits == [20.5, 21.0]
    assert (
        "Given up after 3 tries in 42 s, the next would be 22 s later: the service answered 503: It is busy" in ran.err
    )
    assert "The first 4 records are acknowledged: the same command with --resume goes on after them." in ran.err
    assert service.stored == ROWS[:4]


def test_a_service_that_is_not_there_is_told(books: str) -> None:
    url = f"http://127.0.0.1:1/api/push/1.0/books/realtime/push/?pushkey={KEY}"
    ran = freshwire("push", books, "--patience", "2", "--url", url)
    assert (ran.status, ran.waits) == (1, [0.5, 1.0])
    assert "no answer" in ran.err
    assert "No record is acknowledged" in ran.err


def test_an_answer_that_comes_before_the_body_was_read_is_heard(tmp_path: Path) -> None:
    """A server may refuse a large body by its Content-Length, and close."""
    file = tmp_path / "large.jsonl"
    file.write_text(f'{{"text": "{"x" * 5_000_000}"}}\n')

    def refuse_unread() -> None:
        client, _ = listening.accept()
        with client:
            client.recv(100)
            client.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\n{}")

    with socket.create_server(("127.0.0.1", 0)) as listening, ThreadPoolExecutor() as pool:
        refusing = pool.submit(refuse_unread)
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/api/push/1.0/books/realtime/push/?pushkey={KEY}"
        ran = freshwire("push", str(file), "--url", url, "--patience", "0.1")
        refusing.result()
    assert (ran.status, ran.waits) == (1, [])
    assert "refused line 1 (record 1) with 413" in ran.err
