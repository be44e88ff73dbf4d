"""What a status means for the next run."""

import pytest

from chalicelib.sources.failures import (
    AccessDenied,
    FetchFailed,
    FileNotThere,
    InvalidAnswer,
    RequestRefused,
    ServerFailed,
    TooManyRequests,
)
from tests.sources.web import Site, fetched, head, raw, reply


@pytest.mark.parametrize(
    ("status", "failure", "is_retriable"),
    [
        (400, RequestRefused, False),
        (401, AccessDenied, False),
        (403, AccessDenied, False),
        (404, FileNotThere, False),
        (405, RequestRefused, False),
        (408, ServerFailed, True),
        (410, FileNotThere, False),
        (418, RequestRefused, False),
        (429, TooManyRequests, True),
        (500, ServerFailed, True),
        (502, ServerFailed, True),
        (503, ServerFailed, True),
        (504, ServerFailed, True),
        (599, ServerFailed, True),
        (202, ServerFailed, True),
        (101, InvalidAnswer, False),
        (204, InvalidAnswer, False),
        (999, InvalidAnswer, False),
    ],
)
def test_every_status_says_whether_to_try_again(
    site: Site, status: int, failure: type[FetchFailed], is_retriable: bool
) -> None:
    site.routes["/a"] = reply(b"<html>token=abc</html>", status=f"{status} Said token=abc")
    with pytest.raises(failure, match=f"HTTP {status}") as failed:
        fetched(f"{site.base}/a?token=abc")
    assert type(failed.value) is failure
    assert failed.value.is_retriable == is_retriable
    assert "abc" not in str(failed.value)


def test_what_a_server_says_before_its_answer_is_passed_over(site: Site) -> None:
    hint = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Length: 9\r\nETag: hint\r\n\r\n"
    for ahead in (hint, hint + b"HTTP/1.1 100 Continue\r\n\r\n" + hint):
        site.routes["/a"] = raw(ahead, head("200 OK", {"Content-Length": "3"}), b"abc")
        came, content = fetched(f"{site.base}/a")
        assert (came.http_status, came.validators.etag, content) == (200, None, b"abc")
    site.routes["/a"] = raw(hint)
    with pytest.raises(FetchFailed):
        fetched(f"{site.base}/a")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "120"}, 120),
        ({"Retry-After": "999999999"}, 86_400),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "soon"}, None),
        ({}, None),
        ({"Retry-After": "Mon, 27 Jan 2014 04:15:30 GMT", "Date": "Mon, 27 Jan 2014 04:15:00 GMT"}, 30),
        ({"Retry-After": "Mon, 27 Jan 2014 04:14:00 GMT", "Date": "Mon, 27 Jan 2014 04:15:00 GMT"}, 0),
        ({"Retry-After": "Mon, 27 Jan 2014 04:15:30 GMT"}, None),
        *(
            ({"Retry-After": beyond, "Date": "Mon, 27 Jan 2014 04:15:00 GMT"}, None)
            for beyond in (
                "Mon, 27 Jan 2014 04:15:30 +99999999999999999",
                "Mon, 99999999999 Jan 2014 04:15:30 GMT",
                "Mon, 27 Jan 99999999999999 04:15:30 GMT",
            )
        ),
        ({"Retry-After": "Mon, 27 Jan 2014 04:15:30 GMT", "Date": "Mon, 27 Jan 99999999999 04:15:00 GMT"}, None),
        ({"Retry-After": "Mon, 27 Jan 2014 04:15:30", "Date": "Mon, 27 Jan 2014 04:15:00 GMT"}, None),
    ],
)
@pytest.mark.parametrize("status", ["202 Accepted", "429 Too Many Requests", "503 Service Unavailable"])
def test_a_server_may_say_how_long_to_wait(
    site: Site, headers: dict[str, str], seconds: int | None, status: str
) -> None:
    site.routes["/a"] = reply(status=status, headers=headers)
    with pytest.raises(FetchFailed) as failed:
        fetched(f"{site.base}/a")
    assert failed.value.retry_after == seconds
