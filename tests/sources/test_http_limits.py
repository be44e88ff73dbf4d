"""A file has a limit, a server has little time, a run has a deadline."""

import gzip
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.sources.failures import InvalidAnswer, OutOfTime, SourceTooLarge, TimedOut
from chalicelib.sources.fetching import fetch
from chalicelib.sources.transfer import Limits
from tests.sources.web import (
    GZIP,
    IMPATIENT,
    LOCAL,
    TABLE,
    Request,
    Site,
    a_source,
    countdown,
    fetched,
    head,
    raw,
    reply,
    within,
)


@pytest.mark.parametrize("encode", [None, gzip.compress])
@pytest.mark.parametrize("framing", ["length", "close"])
def test_a_file_may_be_as_large_as_the_limit_and_no_larger(site: Site, encode: Any, framing: str) -> None:
    body, headers = encode(TABLE) if encode else TABLE, GZIP if encode else {}
    site.routes["/a"] = reply(body, headers=headers) if framing == "length" else raw(head(headers=headers), body)
    assert fetched(f"{site.base}/a", limits=Limits(max_bytes=len(TABLE)))[1] == TABLE
    with pytest.raises(SourceTooLarge, match="MB") as failed:
        fetched(f"{site.base}/a", limits=Limits(max_bytes=len(TABLE) - 1))
    assert not failed.value.is_retriable


def test_a_file_that_says_it_is_too_large_is_not_begun(site: Site) -> None:
    site.routes["/a"] = lambda request: (request.write(head(headers={"Content-Length": str(10**12)})), request.wait())[
        1
    ]
    with pytest.raises(SourceTooLarge):
        fetched(f"{site.base}/a")


@pytest.mark.parametrize("length", ["1" + "0" * 30, "9" * 5000])
def test_nor_is_one_of_an_absurd_size(site: Site, length: str) -> None:
    site.routes["/a"] = raw(head(headers={"Content-Length": length}), b"x" * 100)
    with pytest.raises((SourceTooLarge, InvalidAnswer)):
        fetched(f"{site.base}/a")


def test_what_inflates_beyond_measure_is_stopped_early(site: Site) -> None:
    site.routes["/a"] = reply(gzip.compress(bytes(40_000_000)), headers=GZIP)
    got: list[int] = []
    with pytest.raises(SourceTooLarge, match="300 times"):
        fetch(a_source(f"{site.base}/a"), lambda chunk: got.append(len(chunk)), remaining=lambda: 30, guard=LOCAL)
    assert sum(got) < 20_000_000
    assert max(got) <= 64 * 1024


def silent_in(place: str) -> Callable[[Request], None]:
    def answer(request: Request) -> None:
        request.write(*{"head": [], "headers": [b"HTTP/1.1 200 OK\r\nX:"], "body": [head(), TABLE[:1000]]}[place])
        request.wait()

    return answer


def dripping_in(place: str) -> Callable[[Request], None]:
    def answer(request: Request) -> None:
        request.write(*{"head": [], "headers": [b"HTTP/1.1 200 OK\r\nX: "], "body": [head()]}[place])
        request.drip()

    return answer


@pytest.mark.parametrize("place", ["head", "headers", "body"])
def test_a_server_that_falls_silent_is_left(site: Site, place: str) -> None:
    site.routes["/a"] = silent_in(place)
    with pytest.raises(TimedOut) as failed:
        fetched(f"{site.base}/a", limits=IMPATIENT)
    assert failed.value.is_retriable


@pytest.mark.parametrize("place", ["headers", "body"])
def test_a_server_that_drips_meets_the_deadline(site: Site, place: str) -> None:
    site.routes["/a"] = dripping_in(place)
    with pytest.raises(OutOfTime) as failed:
        fetched(f"{site.base}/a", remaining=countdown(10))
    assert failed.value.is_retriable


@pytest.mark.parametrize("calls", [0, 1])
def test_nothing_begins_when_the_time_is_over(site: Site, calls: int) -> None:
    site.routes["/a"] = reply()
    with pytest.raises(OutOfTime):
        fetched(f"{site.base}/a", remaining=countdown(calls))


def test_the_wait_is_no_longer_than_the_time_left(site: Site) -> None:
    site.routes["/a"] = silent_in("body")
    with pytest.raises(OutOfTime):
        fetched(f"{site.base}/a", remaining=within(0.2))
