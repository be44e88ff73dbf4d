"""Files from FTP servers, asked over real connections, with and without TLS."""

import hashlib
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chalicelib.sources.failures import (
    AccessDenied,
    FetchFailed,
    FileNotThere,
    Incomplete,
    InvalidAnswer,
    InvalidSource,
    OutOfTime,
    RequestRefused,
    ServerFailed,
    SourceTooLarge,
    TimedOut,
    Unreachable,
)
from chalicelib.sources.transfer import Limits
from tests.sources.ftp_servers import AUTH, Script, a_scripted_server, ftp_source
from tests.sources.web import IMPATIENT, TABLE, a_hanging_up_server, countdown, fetched, free_port


@pytest.mark.parametrize("auth", [None, AUTH])
def test_a_file_arrives_with_its_facts(ftp_port: int, auth: Any) -> None:
    came, content = fetched(ftp_source(ftp_port, auth=auth))
    assert content == TABLE
    assert (came.is_unchanged, came.http_status, came.size, came.filename) == (False, None, len(TABLE), "books.csv")
    assert came.sha256 == hashlib.sha256(TABLE).hexdigest()
    assert came.validators.last_modified == "Mon, 27 Jan 2014 04:15:00 GMT"
    assert (came.validators.size, came.validators.etag) == (len(TABLE), None)


def test_a_file_arrives_over_tls(ftps_port: int, chain: tuple[Path, Path]) -> None:
    source = ftp_source(ftps_port, auth=AUTH, scheme="ftps")
    came, content = fetched(source, ca_file=chain[0])
    assert content == TABLE
    assert fetched(source, ca_file=chain[0], validators=came.validators)[0].is_unchanged


@pytest.mark.parametrize("path", ["/pub/b%C3%BCcher%20neu.csv", "/pub/bücher neu.csv", "//pub/b%C3%BCcher neu.csv"])
def test_a_path_may_be_encoded_or_not(ftp_port: int, path: str) -> None:
    came, content = fetched(ftp_source(ftp_port, path))
    assert (came.filename, content) == ("bücher neu.csv", TABLE)


def test_an_empty_file_arrives_empty(ftp_port: int) -> None:
    assert fetched(ftp_source(ftp_port, "/empty.csv"))[1] == b""


def test_an_unchanged_file_is_not_sent_again(ftp_port: int) -> None:
    first, _ = fetched(ftp_source(ftp_port))
    again, content = fetched(ftp_source(ftp_port), validators=first.validators)
    assert (again.is_unchanged, again.validators, content) == (True, first.validators, b"")
    other, _ = fetched(ftp_source(ftp_port, "/pub/bücher neu.csv"), validators=first.validators)
    assert not other.is_unchanged


@pytest.mark.parametrize("changes", [{"content": b"123456789"}, {"replies": {"MDTM": "213 20140127041501"}}])
def test_another_size_or_date_makes_a_file_a_changed_one(changes: dict[str, Any]) -> None:
    script = Script()
    with a_scripted_server(script) as port:
        first, _ = fetched(ftp_source(port))
        assert fetched(ftp_source(port), validators=first.validators)[0].is_unchanged
        vars(script).update(changes)
        came, content = fetched(ftp_source(port), validators=first.validators)
    assert (came.is_unchanged, content) == (False, script.content)


@pytest.mark.parametrize(("seconds", "is_sent_again"), [(0, True), (50, True), (70, False), (-3600, True)])
def test_a_date_counts_when_the_file_cannot_have_changed_since_within_its_second(
    seconds: float, is_sent_again: bool
) -> None:
    written = datetime.now(UTC) - timedelta(seconds=seconds)
    with a_scripted_server(Script(replies={"MDTM": f"213 {written:%Y%m%d%H%M%S}"})) as port:
        first, _ = fetched(ftp_source(port))
        assert fetched(ftp_source(port), validators=first.validators)[0].is_unchanged != is_sent_again


@pytest.mark.parametrize(
    "replies",
    [
        {command: reply}
        for command in ("SIZE", "MDTM")
        for reply in ("500 unknown", "550 not in ASCII mode", "213 soon", "200 ok")
    ]
    + [{"MDTM": "213 19124010100000"}, {"MDTM": "213 20141301000000"}, {"SIZE": "213 " + "9" * 5000}],
)
def test_a_file_without_size_or_date_is_always_fetched(replies: dict[str, str]) -> None:
    with a_scripted_server(Script(replies=replies)) as port:
        first, _ = fetched(ftp_source(port))
        came, content = fetched(ftp_source(port), validators=first.validators)
    assert (came.is_unchanged, content) == (False, b"a;b\n1;2\n")


@pytest.mark.parametrize(
    ("path", "auth", "failure"),
    [
        ("/missing.csv", None, FileNotThere),
        ("/pub", None, FileNotThere),
        ("/books.csv", {**AUTH, "password": "hunter2"}, AccessDenied),
        ("/books.csv", {**AUTH, "username": "nobody"}, AccessDenied),
        ("", None, InvalidSource),
        ("/", None, InvalidSource),
        ("/a%0d%0aDELE%20books.csv", None, InvalidSource),
        ("/a%00", None, InvalidSource),
        ("/%ff.csv", None, InvalidSource),
    ],
)
def test_what_cannot_be_fetched_is_not_tried_again(
    ftp_port: int, path: str, auth: Any, failure: type[FetchFailed]
) -> None:
    with pytest.raises(failure) as failed:
        fetched(ftp_source(ftp_port, path, auth))
    assert not failed.value.is_retriable
    assert "hunter2" not in str(failed.value)


@pytest.mark.parametrize(
    ("script", "failure", "says"),
    [
        (Script(sent=3), Incomplete, "3 of 8 bytes"),
        (Script(replies={"SIZE": "213 7"}), Incomplete, "8 of 7 bytes"),
        (Script(sent=3, ending="426 broken off"), Incomplete, "FTP 426"),
        (Script(ending="451 disk failed"), ServerFailed, "FTP 451"),
        (Script(ending="552 too much"), RequestRefused, "FTP 552"),
        (Script(ending="300 what"), InvalidAnswer, "not speak FTP"),
        (Script(greeting="421 too many users"), ServerFailed, "FTP 421"),
        (Script(greeting="HTTP/1.1 200 OK"), InvalidAnswer, "not speak FTP"),
        (Script(greeting="220-" + "\r\n220-more" * 600), InvalidAnswer, "not speak FTP"),
        (Script(greeting="220 " + "x" * 9000), InvalidAnswer, "not speak FTP"),
        (Script(replies={"RETR": "450 busy"}), ServerFailed, "FTP 450"),
        (Script(replies={"RETR": "200 hello"}), InvalidAnswer, "FTP 200"),
        (Script(replies={"PASS": "332 account?"}), RequestRefused, "FTP 502"),
        (Script(replies={"TYPE": "504 no"}), RequestRefused, "FTP 504"),
    ],
)
def test_a_transfer_that_is_not_whole_has_failed(script: Script, failure: type[FetchFailed], says: str) -> None:
    with a_scripted_server(script) as port, pytest.raises(failure, match=says) as failed:
        fetched(ftp_source(port))
    assert f"ftp://127.0.0.1:{port}/books.csv" in str(failed.value)


@pytest.mark.parametrize("greeting", ["220 Grüße", "220-Welcome\r\n 220 not yet\r\n220 ready", "220"])
def test_a_greeting_may_be_as_it_likes(greeting: str) -> None:
    with a_scripted_server(Script(greeting=greeting)) as port:
        assert fetched(ftp_source(port))[1] == b"a;b\n1;2\n"


@pytest.mark.parametrize("has_size", [True, False])
def test_a_file_may_be_as_large_as_the_limit_and_no_larger(has_size: bool) -> None:
    replies = {} if has_size else {"SIZE": "500 unknown"}
    with a_scripted_server(Script(replies=replies)) as port:
        assert len(fetched(ftp_source(port), limits=Limits(max_bytes=8))[1]) == 8
    script = Script(replies=replies)
    with a_scripted_server(script) as port, pytest.raises(SourceTooLarge):
        fetched(ftp_source(port), limits=Limits(max_bytes=7))
    assert ("RETR books.csv" in script.commands) != has_size


def test_a_server_that_falls_silent_is_left() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(TimedOut):
        fetched(ftp_source(silent.getsockname()[1]), limits=IMPATIENT)


@pytest.mark.parametrize("calls", [0, 1, 5, 12])
def test_the_deadline_is_met_in_every_phase(ftp_port: int, calls: int) -> None:
    with pytest.raises(OutOfTime):
        fetched(ftp_source(ftp_port), remaining=countdown(calls))


def test_a_closed_port_is_unreachable() -> None:
    with pytest.raises(Unreachable, match="refused"):
        fetched(ftp_source(free_port()))


def test_a_server_that_hangs_up_is_unreachable() -> None:
    with a_hanging_up_server() as port, pytest.raises(Unreachable, match="hung up"):
        fetched(ftp_source(port))
