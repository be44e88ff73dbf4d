"""How far a push is shows on a terminal, elsewhere, and not at all with --quiet."""

from tests.client.books import CSV
from tests.client.conftest import Serve
from tests.client.service import Reply, refusal
from tests.client.shell import StoppedClock, Terminal, freshwire, using


def test_a_terminal_shows_a_bar_and_how_long_it_will_take(serve: Serve, books: str) -> None:
    service, err = serve(Reply(), refusal(503)), Terminal()
    time = StoppedClock(ticks=1.0)
    ran = freshwire("push", books, "--batch-size", "5", environment=using(service), time=time, err=err)
    drawn = ran.err.split("\r\x1b[K")
    assert any("#" in part and "5 records" in part and "/s" in part and " left" in part for part in drawn)
    assert any(part.startswith("Trying again") for part in drawn)
    assert drawn[-1].startswith("Done: 10 records")


def test_elsewhere_it_says_now_and_then_how_far_it_is(serve: Serve, books: str) -> None:
    service = serve()
    time = StoppedClock(ticks=1.0)
    ran = freshwire("push", books, "--batch-size", "1", environment=using(service), time=time)
    told = [line for line in ran.err.splitlines() if "/s" in line and " left" in line]
    assert 1 <= len(told) <= 5
    assert "\x1b" not in ran.err
    assert freshwire("push", books, "--quiet", environment=using(service)).err == ""


def test_a_stream_of_unknown_length_counts_what_is_sent(serve: Serve) -> None:
    service, err = serve(), Terminal()
    time = StoppedClock(ticks=1.0)
    options = ["--format", "csv", "--batch-size", "5"]
    ran = freshwire("push", "-", *options, stdin=CSV.encode(), environment=using(service), time=time, err=err)
    assert "5 records, 0.0 MB sent" in ran.err
