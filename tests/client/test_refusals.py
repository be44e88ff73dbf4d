"""What the service refuses is told with its place in the file."""

import json
from pathlib import Path

import pytest

from tests.client.books import CSV, RECEIPT, ROWS
from tests.client.conftest import Serve
from tests.client.service import Reply, refusal
from tests.client.shell import freshwire, using


def test_a_refusal_names_the_lines_of_the_file_and_stops(serve: Serve, tmp_path: Path) -> None:
    path = tmp_path / "books.csv"
    path.write_text('isbn,title\n1,"A title\nof two lines"\n2,b\n\n3,c\n4,d\n5,e\n')
    details = [
        {"index": 0, "field": "isbn", "error_code": "invalid_value", "message": "'3' is no number."},
        {"index": 1, "field": None, "error_code": "empty_record", "message": "Nothing is in it."},
    ]
    service = serve(Reply(), refusal(400, "2 records are refused; nothing was written.", details))
    ran = freshwire("push", str(path), "--batch-size", "2", environment=using(service))
    assert (ran.status, ran.waits, len(service.asked)) == (1, [], 2)
    assert ran.err.splitlines() == [
        "freshwire: The service refused records 3 to 4 (from line 6 to 7) with 400: 2 records are refused; nothing was "
        "written.",
        "  line 6 (record 3), isbn: '3' is no number. (invalid_value)",
        "  line 7 (record 4): Nothing is in it. (empty_record)",
        "The first 2 records are acknowledged. Mend what is named above, then run the command again without --resume: "
        "sending records again is harmless.",
    ]


def test_lenient_stores_the_good_records_and_reports_the_others(serve: Serve, books: str) -> None:
    details = [{"index": 3, "field": "isbn", "error_code": "invalid_value", "message": "No number."}]
    service = serve(Reply(body={**RECEIPT, "rejected": 2, "details": details}))
    ran = freshwire("push", books, "--lenient", "-q", environment=using(service))
    assert ran.status == 0
    assert service.asked[0].headers["prefer"] == "handling=lenient"
    assert ran.err.splitlines() == [
        "Rejected: line 5 (record 4), isbn: No number. (invalid_value)",
        "Rejected: 1 more of records 1 to 10 (from line 2 to 11)",
    ]


def test_a_body_that_is_too_large_is_halved_and_order_is_kept(serve: Serve, books: str) -> None:
    service = serve(limit=150)
    ran = freshwire("push", books, environment=using(service))
    assert (ran.status, service.stored) == (0, ROWS)
    assert "halving" in ran.err
    accepted = [asked for asked in service.asked if len(asked.body) <= 150]
    assert sum(len(asked.records) for asked in accepted) == 10


def test_batches_after_a_halved_one_are_no_larger_than_its_halves(serve: Serve, tmp_path: Path) -> None:
    path = tmp_path / "books.jsonl"
    path.write_text("".join(f"{json.dumps({'isbn': n, 'title': 'x' * 50})}\n" for n in range(1000, 1100)))
    service = serve(limit=1000)
    assert freshwire("push", str(path), "--batch-size", "20", environment=using(service)).status == 0
    assert sum(len(asked.body) > 1000 for asked in service.asked) == 1
    assert [record["isbn"] for record in service.stored] == list(range(1000, 1100))


def test_a_record_that_is_too_large_by_itself_is_named(serve: Serve, books: str) -> None:
    service = serve(limit=10)
    ran = freshwire("push", books, environment=using(service))
    assert ran.status == 1
    assert "refused line 2 (record 1) with 413: The body is too large: split it." in ran.err


def test_a_record_that_is_too_large_must_be_mended_too(serve: Serve, tmp_path: Path) -> None:
    path = tmp_path / "books.jsonl"
    path.write_text(f'{{"isbn": 1}}\n{json.dumps({"isbn": 2, "title": "x" * 200})}\n')
    ran = freshwire("push", str(path), "--batch-size", "1", environment=using(serve(limit=100)))
    assert ran.status == 1
    assert "acknowledged. Mend what is named above, then run the command again without --resume" in ran.err
    assert "goes on after" not in ran.err


def test_a_file_is_sent_whole_when_what_was_refused_is_mended(serve: Serve, books: str) -> None:
    service = serve(Reply(), refusal(400, "1 record is refused; nothing was written."))
    freshwire("push", books, "--batch-size", "5", environment=using(service))
    Path(books).write_text(CSV.replace("Book 7", "Book Seven"))
    again = freshwire("push", books, "--batch-size", "5", environment=using(service))  # as it was advised
    assert (again.status, [row["title"] for row in service.stored[-3:]]) == (0, ["Book Seven", "Book 8", "Book 9"])
    assert service.stored[5:10] == ROWS[:5]


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, b"<html>Log in to the network</html>"),
        Reply(200, {"status": "accepted"}),
        Reply(302, b"moved", {"Location": "https://elsewhere.example.org/"}),
        Reply(404, b"<h1>Not\nfound</h1>"),
        Reply(400, b"[" * 100_000),
        Reply(400, {"details": ["x", None], "message": None}),
    ],
)
def test_what_is_not_the_ok_of_the_service_is_no_ok(serve: Serve, books: str, reply: Reply) -> None:
    ran = freshwire("push", books, environment=using(serve(reply)))
    assert ran.status == 1
    assert "No record is acknowledged." in ran.err


def test_a_broken_line_stops_after_what_stands_before_it(serve: Serve, tmp_path: Path) -> None:
    path = tmp_path / "books.jsonl"
    path.write_text('{"isbn": 1}\n{"isbn": 2}\n{"isbn": 3\n')
    service = serve()
    ran = freshwire("push", str(path), "--batch-size", "2", environment=using(service))
    assert (ran.status, service.stored) == (1, [{"isbn": 1}, {"isbn": 2}])
    assert "freshwire: Line 3: " in ran.err
    assert "The first 2 records are acknowledged. Mend what is named above, then run the command again" in ran.err
    path.write_text('{"isbn": 1}\n{"isbn": 2}\n{"isbn": 3}\n')
    assert freshwire("push", str(path), environment=using(service)).status == 0
    assert service.stored[2:] == [{"isbn": 1}, {"isbn": 2}, {"isbn": 3}]
