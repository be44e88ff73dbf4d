"""Datasources of remote resources: what they may be, and those made of one address."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.errors import ValidationFailed
from chalicelib.domain.remote_source import joined_url, remote_source_problem, split_url

BASIC = {"type": "basic_auth", "username": "reader", "password": "pass: wörd"}
BEARER = {"type": "bearer", "token": "abc.def-123="}
SECRET = "hunter2-secret"


def a_source(
    url: str = "https://data.example.org", auth: Any = None, kind: str = "http", **changes: Any
) -> dict[str, Any]:
    return {
        "type": kind,
        "connection": {"type": kind, "url": url, "auth": auth},
        "relative_url": "/books.csv",
        **changes,
    }


def a_header(name: Any, value: Any = "x") -> dict[str, Any]:
    return {"headers": [{"name": name, "value": value}]}


@pytest.mark.parametrize(
    "source",
    [
        a_source(),
        a_source("http://data.example.org:8080/base/"),
        a_source("https://[2606:4700::1]:8443"),
        a_source("https://bücher.example"),
        a_source(relative_url=""),
        a_source("https://data.example.org/books?id=1", relative_url=""),
        a_source(relative_url="?id=1&name=a b"),
        a_source(relative_url="/bücher 2024.csv"),
        a_source(auth=BASIC),
        a_source(auth=BEARER),
        a_source(headers=[]),
        a_source(**a_header("X-Api-Key", "a b;c")),
        a_source(**a_header("Authorization", "Token abc")),
        a_source("ftp://files.example.org", kind="ftp"),
        a_source("ftps://files.example.org:990", {**BASIC, "username": "a:b"}, kind="ftp"),
        {"type": "http", "connection": {"type": "http", "url": "https://data.example.org/books.csv"}},
    ],
)
def test_a_source_may_be(source: dict[str, Any]) -> None:
    assert remote_source_problem(source) is None


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (None, "expected {"),
        ({"type": "http"}, "expected {"),
        ({**a_source(), "type": "ftp"}, "expected {"),
        (a_source(1), "expected {"),  # type: ignore[arg-type]
        (a_source(colour="red"), "unknown field colour"),
        (a_source("ftp://h.example", kind="ftp", headers=[]), "unknown field headers"),
        ({"type": "http", "connection": {"type": "http", "url": "https://h.example", "port": 1}}, "unknown field port"),
        (a_source("file:///etc/passwd"), "begin with https:// or http://"),
        (a_source("ftp://h.example"), "begin with https:// or http://"),
        (a_source("https://h.example", kind="ftp"), "begin with ftps:// or ftp://"),
        (a_source("https://"), "name a host"),
        (a_source("https://[bad"), "name a host"),
        (a_source("https://h.example:0"), "name a host"),
        (a_source("https://h.example:99999"), "name a host"),
        (a_source("https://h.example:port"), "name a host"),
        (a_source(f"https://reader:{SECRET}@h.example"), "put them into auth"),
        (a_source("https://@h.example"), "put them into auth"),
        (a_source("https://h.example\\@127.0.0.1"), "backslashes"),
        (a_source("https://h.example/\nX: y"), "control characters"),
        (a_source("https://h.example/\ud800"), "control characters"),
        (a_source(relative_url="/a\r\nb"), "control characters"),
        (a_source("https://h.example/ a"), "%20"),
        (a_source("https://h.example/?a=1"), "into relative_url"),
        (a_source("https://h.example/#a", relative_url=""), "into relative_url"),
        (a_source(relative_url=None), "must be text"),
        (a_source(relative_url="x" * 3000), "2000 characters"),
        (a_source(auth={"type": "digest"}), "auth must be null"),
        (a_source(auth={"type": "basic_auth", "username": "a"}), "the password in auth is missing"),
        (a_source(auth={**BASIC, "realm": "x"}), "unknown field realm in auth"),
        (a_source(auth={**BASIC, "username": ""}), "not be empty"),
        (a_source(auth={**BASIC, "username": "a:b"}), "colon"),
        (a_source(auth={**BASIC, "password": SECRET + "\n"}), "control characters"),
        (a_source(auth={**BASIC, "password": SECRET * 400}), "4000 at most"),
        (a_source(auth={**BEARER, "token": ""}), "visible ASCII"),
        (a_source(auth={**BEARER, "token": f"{SECRET} x"}), "visible ASCII"),
        (a_source("ftp://h.example", BEARER, kind="ftp"), "auth must be null"),
        (a_source(headers={}), "must be a list"),
        (a_source(headers=[{"name": f"X-{n}", "value": "x"} for n in range(21)]), "at most 20"),
        (a_source(headers=["X: y"]), "header 1: expected"),
        (a_source(headers=[{"name": "X", "value": "y", "colour": "red"}]), "unknown field colour"),
        (a_source(**a_header(None)), "expected"),
        (a_source(**a_header("X Y")), "the name must be"),
        (a_source(**a_header("")), "the name must be"),
        (a_source(**a_header("X:")), "the name must be"),
        (a_source(**a_header("X\r\nY")), "the name must be"),
        (a_source(**a_header("X" * 101)), "the name must be"),
        (a_source(**a_header("HOST")), "leave it out"),
        (a_source(**a_header("Content-Length")), "leave it out"),
        (a_source(**a_header("accept-encoding")), "leave it out"),
        (a_source(**a_header("Transfer-Encoding")), "leave it out"),
        (a_source(**a_header("Connection")), "leave it out"),
        (a_source(**a_header("Proxy-Authorization")), "leave it out"),
        (a_source(**a_header("If-None-Match")), "leave it out"),
        (a_source(**a_header("X", f"{SECRET}\r\nY: z")), "in one line"),
        (a_source(**a_header("X", f"{SECRET}\x00")), "in one line"),
        (a_source(**a_header("X", f" {SECRET}")), "in one line"),
        (a_source(**a_header("X", "ü")), "visible ASCII"),
        (a_source(**a_header("X", "")), "visible ASCII"),
        (a_source(**a_header("X", SECRET * 400)), "4000 at most"),
        (a_source(headers=[{"name": "X", "value": "1"}, {"name": "x", "value": "2"}]), "header 2: x is given twice"),
        (a_source(auth=BEARER, **a_header("Authorization")), "by auth as well"),
    ],
)
def test_what_a_source_cannot_be_is_said_without_its_secrets(source: Any, says: str) -> None:
    problem = remote_source_problem(source)
    assert problem is not None
    assert says in problem
    assert SECRET not in problem


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


@given(kind=st.sampled_from(["http", "ftp"]), url=VALUES, auth=VALUES, headers=VALUES, relative=VALUES)
def test_any_shape_is_accepted_or_refused(kind: str, url: Any, auth: Any, headers: Any, relative: Any) -> None:
    for address in (url, f"{kind}://{url}"):
        source = a_source(address, auth, kind, headers=headers, relative_url=relative)
        problem = remote_source_problem(source)
        assert problem is None or json.dumps(problem)
        if problem is None:
            assert joined_url(source).startswith(address.rstrip("/"))


@pytest.mark.parametrize(
    ("url", "relative", "joined"),
    [
        ("https://h.example", "/a.csv", "https://h.example/a.csv"),
        ("https://h.example/", "/a.csv", "https://h.example/a.csv"),
        ("https://h.example", "a.csv", "https://h.example/a.csv"),
        ("https://h.example/base/", "a.csv?x=1", "https://h.example/base/a.csv?x=1"),
        ("https://h.example/base", "?x=1", "https://h.example/base?x=1"),
        ("https://h.example/base/", "", "https://h.example/base/"),
        ("https://h.example", ".evil.example/a", "https://h.example/.evil.example/a"),
        ("https://h.example", "@evil.example/a", "https://h.example/@evil.example/a"),
        ("ftp://h.example", "//srv/a.csv", "ftp://h.example//srv/a.csv"),
    ],
)
def test_the_parts_of_an_address_are_joined_by_one_slash(url: str, relative: str, joined: str) -> None:
    assert joined_url(a_source(url, relative_url=relative)) == joined


def test_a_pasted_address_becomes_a_source() -> None:
    assert split_url(" https://data.example.org:8443/d/books.csv?a=1#top ") == {
        "type": "http",
        "connection": {"type": "http", "url": "https://data.example.org:8443", "auth": None},
        "headers": [],
        "relative_url": "/d/books.csv?a=1",
    }
    assert split_url("ftps://reader:p%40ss@files.example.org/books.csv") == {
        "type": "ftp",
        "connection": {
            "type": "ftp",
            "url": "ftps://files.example.org",
            "auth": {"type": "basic_auth", "username": "reader", "password": "p@ss"},
        },
        "relative_url": "/books.csv",
    }


@pytest.mark.parametrize(
    "url",
    [
        "",
        "books.csv",
        "//h.example/a",
        "file:///etc/passwd",
        "mailto:a@h.example",
        "https://",
        "https://[bad/a",
        "https://h.example:x/a",
        f"https://reader:{SECRET}%0a@h.example/",
        f"https://:{SECRET}@h.example/",
        f"https://h.example/{SECRET}\n",
        f"https://h.example/{SECRET}\n/a",
    ],
)
def test_an_address_that_is_none_is_refused_without_its_secrets(url: str) -> None:
    if url.endswith("\n"):
        assert split_url(url)["relative_url"] == f"/{SECRET}"  # a line end comes with pasting
        return
    with pytest.raises(ValidationFailed) as refused:
        split_url(url)
    assert "url" in refused.value.detail
    assert SECRET not in str(refused.value)


_SAFE = st.text(alphabet="abcXYZ019-._~%25é()", max_size=12)


@given(
    scheme=st.sampled_from(["http", "https", "ftp", "ftps"]),
    port=st.none() | st.integers(1, 65535),
    path=st.lists(_SAFE, max_size=3),
    query=_SAFE,
)
def test_splitting_and_joining_gives_the_address_back(
    scheme: str, port: int | None, path: list[str], query: str
) -> None:
    authority = "h.example" if port is None else f"h.example:{port}"
    url = f"{scheme}://{authority}" + "".join(f"/{part}" for part in path) + (f"?{query}" if query else "")
    assert joined_url(split_url(url)) == url
