"""The command line: what is refused before anything is sent, and what is never shown."""

from typing import Any

import pytest

from tests.client.books import RECEIPT
from tests.client.conftest import Serve
from tests.client.service import KEY, Reply, refusal
from tests.client.shell import freshwire, using

PUSH = "http://h/api/push/1.0/a/b/push"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["push", "b.csv"], "There is no push URL: say --url PUSH_URL, or put it into FRESHWIRE_PUSH_URL."),
        (["push", "b.csv", "--url", PUSH], "There is no push key: put it into FRESHWIRE_PUSH_KEY"),
        (["push", "b.csv", "--url", f"{PUSH}?pushkey=a%0Ab"], "another character that no key has"),
        (["push", "b.csv", "--url", "http://h:x/api/push/1.0/a/b/push"], "The push URL is not a URL"),
        (
            ["push", "b.csv", "--url", "http://a..b/api/push/1.0/a/b/push"],
            "The push URL names no host that there can be",
        ),
        (["push", "b.csv", "--url", f"http://{'h' * 64}/api/push/1.0/a/b/push"], "The push URL names no host"),
        (["push", "b.csv", "--url", "ftp://h/api/push/1.0/a/b/push"], "The push URL is not that of a resource"),
        (["push", "b.csv", "--url", "http://h/api/explore"], "The push URL is not that of a resource"),
        (["push", "b", "--url", f"{PUSH}?pushkey={KEY}"], "b cannot be read: No such file"),
        (["delete", "--id", "0" * 40, "--id", "x", "--url", f"{PUSH}?pushkey={KEY}"], "'x' is no record id"),
        (["batches", "abc", "--url", f"{PUSH}?pushkey={KEY}"], "'abc' is no batch id"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_sent(arguments: list[str], said: str) -> None:
    ran = freshwire(*arguments)
    assert ran.status == (1 if "cannot be read" in said else 2)
    assert said in ran.err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["push"],
        ["delete"],
        ["delete", "b.csv", "--id", "0" * 40],
        ["push", "b.csv", "--batch-size", "0"],
        ["push", "b.csv", "--batch-bytes", "x"],
        ["push", "b.csv", "--patience", "-1"],
        ["push", "b.csv", "--timeout", "nan"],
        ["push", "b.csv", "--encoding", "hex"],
        ["push", "b.csv", "--delimiter", "::"],
        ["tail", "-n", "-1"],
    ],
)
def test_a_command_line_that_is_wrong_exits_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        freshwire(*arguments)
    assert stopped.value.code == 2
    assert "usage: freshwire" in capsys.readouterr().err


def test_a_blank_key_is_no_key() -> None:
    ran = freshwire("push", "b.csv", "--url", PUSH, environment={"FRESHWIRE_PUSH_KEY": "  "})
    assert (ran.status, ran.err.startswith("freshwire: The push key holds a blank")) == (2, True)


def test_the_key_is_never_shown(serve: Serve, books: str, capsys: pytest.CaptureFixture[str]) -> None:
    key = "k3y" * 20  # of no shape that the console knows
    replies: list[Any] = [
        refusal(401, f"The key {key} is wrong."),
        Reply(200, f"<html>{key}</html>".encode()),
        refusal(400, "No.", [{"index": 0, "field": key, "message": key, "error_code": key}]),
        Reply(body={**RECEIPT, "batch_id": key, "rejected": 1, "details": [{"index": 0, "message": key}]}),
    ]
    service = serve(*replies, refusal(503, key), *replies)
    for environment in ({"FRESHWIRE_PUSH_KEY": key}, {}):
        url = service.url if environment else f"{service.url}?pushkey={key}"
        for _ in replies:
            ran = freshwire("push", books, "--receipts", "--url", url, environment=environment)
            assert key not in ran.out + ran.err
            assert "***" in ran.out + ran.err
    for misplaced in (["push", f"{service.url}?pushkey={key}"], ["push", books, f"{service.url}?PUSHKEY={KEY}"]):
        try:
            said = freshwire(*misplaced, environment=using(service)).err
        except SystemExit:
            said = capsys.readouterr().err
        assert "***" in said
        assert key not in said
        assert KEY not in said


def test_what_a_service_says_cannot_take_over_the_terminal(serve: Serve, books: str) -> None:
    ran = freshwire("push", books, environment=using(serve(refusal(403, "\x1b]0;title\x07 no"))))
    assert "?]0;title? no" in ran.err
