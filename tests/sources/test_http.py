"""Files from web servers, asked over real connections."""

import hashlib
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from chalicelib.sources.failures import InvalidAnswer, InvalidSource, Unreachable
from chalicelib.sources.fetching import fetch
from tests.sources.web import LOCAL, TABLE, Request, Site, a_source, fetched, free_port, head, reply


def test_a_file_arrives_with_its_facts(site: Site) -> None:
    headers = {
        "ETag": '"v1"',
        "Last-Modified": "Mon, 27 Jan 2014 04:15:00 GMT",
        "Content-Type": "text/csv; charset=utf-8",
    }
    site.routes["/data/books.csv"] = reply(TABLE, headers=headers)
    came, content = fetched(f"{site.base}/data/books.csv?x=1")
    assert content == TABLE
    assert (came.is_unchanged, came.http_status, came.size) == (False, 200, len(TABLE))
    assert came.sha256 == hashlib.sha256(TABLE).hexdigest()
    assert (came.validators.etag, came.validators.last_modified) == ('"v1"', "Mon, 27 Jan 2014 04:15:00 GMT")
    assert (came.filename, came.content_type) == ("books.csv", "text/csv; charset=utf-8")


def test_the_request_names_its_host_and_asks_for_one_answer(site: Site) -> None:
    site.routes["/b%20c"] = reply()
    fetched({**a_source(site.base), "relative_url": "/b c?q=ü&r=%20"})
    (request,) = site.asked
    assert request.path == "/b%20c?q=%C3%BC&r=%20"
    assert request.headers["Host"] == f"127.0.0.1:{site.port}"
    assert request.headers["Accept-Encoding"] == "gzip"
    assert request.headers["Connection"] == "close"
    assert "Authorization" not in request.headers


@pytest.mark.parametrize(
    ("auth", "sent"),
    [
        ({"type": "basic_auth", "username": "reader", "password": "pä:ss"}, "Basic cmVhZGVyOnDDpDpzcw=="),
        ({"type": "bearer", "token": "abc.def"}, "Bearer abc.def"),
    ],
)
def test_credentials_and_headers_are_sent(site: Site, auth: Any, sent: str) -> None:
    site.routes["/"] = reply()
    own = [{"name": "X-API-KEY", "value": "a b"}, {"name": "user-agent", "value": "Robot"}]
    fetched(a_source(site.base, auth=auth, headers=own))
    (request,) = site.asked
    assert request.headers["Authorization"] == sent
    assert request.headers.items().count(("X-API-KEY", "a b")) == 1
    assert request.headers.get_all("User-Agent") == ["Robot"]


def tagged(tag: str | None = None, date: str | None = None) -> Callable[[Request], None]:
    """A server that compares what it gets with what it has, as the text it is."""
    headers = {name: value for name, value in (("ETag", tag), ("Last-Modified", date)) if value}

    def answer(request: Request) -> None:
        same = tag and request.headers["If-None-Match"] == tag
        same = same or (date and request.headers["If-Modified-Since"] == date)
        reply(b"" if same else TABLE, status="304 Not Modified" if same else "200 OK", headers=headers)(request)

    return answer


@pytest.mark.parametrize(
    ("tag", "date"),
    [
        ('"v1"', None),
        ('W/"v1"', "Mon, 27 Jan 2014 04:15:00 GMT"),
        (None, "Mon, 27 Jan 2014 04:15:00 GMT"),
        ("unquoted", None),
    ],
)
def test_an_unchanged_file_is_not_sent_again(site: Site, tag: str | None, date: str | None) -> None:
    site.routes["/a"] = tagged(tag, date)
    first, _ = fetched(f"{site.base}/a")
    second, content = fetched(f"{site.base}/a", validators=first.validators)
    assert (second.is_unchanged, second.http_status, content) == (True, 304, b"")
    assert second.validators == first.validators
    asked = site.asked[1].headers
    assert ("If-None-Match" in asked, "If-Modified-Since" in asked) == (tag is not None, tag is None)


NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


def written(seconds: float, before: datetime = NEW_YEAR) -> str:
    return format_datetime((before - timedelta(seconds=seconds)).replace(microsecond=0), usegmt=True)


@pytest.mark.parametrize(
    ("date", "answered", "is_kept"),
    [
        (written(61), written(0), True),
        (written(60), written(0), True),
        (written(59), written(0), False),
        (written(0), written(0), False),
        (written(-60), written(0), False),
        (written(61), "today", True),
        ("Monday, sometime", written(0), False),
        ("Thu, 01 Jan 2026 00:00:00 -0000", written(0), False),
    ],
)
def test_a_date_counts_when_the_file_cannot_have_changed_since_within_its_second(
    site: Site, date: str, answered: str, is_kept: bool
) -> None:
    site.routes["/a"] = reply(TABLE, headers={"Last-Modified": date, "Date": answered})
    first, _ = fetched(f"{site.base}/a")
    assert first.validators.last_modified == (date if is_kept else None)
    fetched(f"{site.base}/a", validators=first.validators)
    assert site.asked[1].headers["If-Modified-Since"] == first.validators.last_modified


@pytest.mark.parametrize(("seconds", "is_kept"), [(70, True), (2, False)])
def test_a_date_is_held_against_our_clock_when_the_server_does_not_tell_its_own(
    site: Site, seconds: float, is_kept: bool
) -> None:
    site.routes["/a"] = reply(headers={"Last-Modified": written(seconds, datetime.now(UTC))})
    assert (fetched(f"{site.base}/a")[0].validators.last_modified is not None) == is_kept


def test_a_changed_file_is_sent_again(site: Site) -> None:
    site.routes["/a"] = tagged('"v1"')
    first, _ = fetched(f"{site.base}/a")
    site.routes["/a"] = tagged('"v2"')
    second, content = fetched(f"{site.base}/a", validators=first.validators)
    assert (second.is_unchanged, second.validators.etag, content) == (False, '"v2"', TABLE)


def test_validators_are_not_used_for_another_address(site: Site) -> None:
    site.routes["/a"] = site.routes["/b"] = tagged('"v1"')
    first, _ = fetched(f"{site.base}/a")
    for other in ("/b", "/a?x=1"):
        assert fetched(f"{site.base}{other}", validators=first.validators)[1] == TABLE


def test_a_304_that_was_not_asked_for_is_no_answer(site: Site) -> None:
    site.routes["/a"] = reply(status="304 Not Modified")
    with pytest.raises(InvalidAnswer, match="304"):
        fetched(f"{site.base}/a")


@pytest.mark.parametrize("tag", ['"a\r\n X: y"', '"' + "x" * 600 + '"', '"a b"', "\x01"])
def test_a_tag_that_could_not_be_sent_back_is_not_kept(site: Site, tag: str) -> None:
    site.routes["/a"] = reply(b"x", headers={"ETag": tag})
    assert fetched(f"{site.base}/a")[0].validators.etag is None


@pytest.mark.parametrize(
    ("path", "disposition", "name"),
    [
        ("/books.csv", None, "books.csv"),
        ("/b%C3%BCcher%20neu.csv", None, "bücher neu.csv"),
        ("/download", 'attachment; filename="books.csv"', "books.csv"),
        ("/download", "attachment; filename*=UTF-8''b%C3%BCcher.csv", "bücher.csv"),
        ("/download", 'attachment; filename="b\xc3\xbccher.csv"', "bücher.csv"),
        ("/download", 'attachment; filename="../../etc/passwd.csv"', "passwd.csv"),
        ("/download", 'attachment; filename="C:\\\\data\\\\a.csv"', "a.csv"),
        ("/books.csv", "attachment; filename*=nonsense''x", "books.csv"),
        ("/books.csv", 'attachment; filename=".."', "books.csv"),
        ("/download", None, "download"),
        ("/", None, None),
        ("/a%00%0d%0ab.csv", None, "ab.csv"),
        ("/" + "x" * 300 + ".csv", None, "x" * 196 + ".csv"),
    ],
)
def test_the_name_of_a_file_is_guessed(site: Site, path: str, disposition: str | None, name: str | None) -> None:
    headers = {"Content-Disposition": disposition} if disposition else {}
    site.routes[path] = lambda request: request.write(
        re.sub(rb"\r\n\r\n$", b"", head()) + b"\r\nContent-Length: 0\r\n", *_lines(headers), b"\r\n"
    )
    assert fetched({**a_source(site.base), "relative_url": path})[0].filename == name


def _lines(headers: dict[str, str]) -> list[bytes]:
    return [f"{name}: {value}\r\n".encode("latin-1") for name, value in headers.items()]


def test_what_the_sink_raises_comes_through(site: Site) -> None:
    site.routes["/a"] = reply(TABLE)

    def full(_: bytes) -> None:
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        fetch(a_source(f"{site.base}/a"), full, remaining=lambda: 30, guard=LOCAL)


def test_a_closed_port_is_unreachable() -> None:
    with pytest.raises(Unreachable, match="refused") as failed:
        fetched(f"http://127.0.0.1:{free_port()}/a")
    assert failed.value.is_retriable


@pytest.mark.parametrize(
    "source",
    [
        a_source("file:///etc/passwd"),
        a_source("https://reader:hunter2@data.example"),
        a_source("https://data.example", headers=[{"name": "X", "value": "hunter2\r\nHost: x"}]),
        a_source("https://data.example", headers=[{"name": "Host", "value": "hunter2"}]),
        a_source("https://data.example", colour="hunter2"),
        a_source("https://127.1"),
        {},
    ],
)
def test_a_source_that_cannot_be_is_refused_before_anything_is_sent(source: Any) -> None:
    with pytest.raises(InvalidSource) as failed:
        fetched(source)
    assert not failed.value.is_retriable
    assert "hunter2" not in str(failed.value)
