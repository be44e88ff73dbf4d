"""`freshwire delete` and `freshwire batches`."""

import io
from pathlib import Path

from tests.client.books import RECEIPT, ROWS
from tests.client.conftest import Serve
from tests.client.service import BATCH_ID, KEY, Reply, refusal
from tests.client.shell import freshwire, using

OTHER_ID = BATCH_ID.replace("0", "a")


def test_the_records_of_a_file_are_deleted_by_their_values(serve: Serve, books: str) -> None:
    service = serve(Reply(body={**RECEIPT, "created": 0, "updated": 0, "unchanged": 0, "deleted": 7}))
    ran = freshwire("delete", books, "--receipts", environment=using(service))
    assert ran.status == 0
    assert [(a.method, a.path) for a in service.asked] == [("POST", "/api/push/1.0/books/realtime/delete/")]
    assert service.stored == ROWS
    assert ran.out.endswith(": 7 deleted\n")
    assert "7 deleted" in ran.err
    assert not Path(f"{books}.freshwire-progress").exists()


def test_records_are_deleted_by_their_ids(serve: Serve) -> None:
    service, ids = serve(), ["0" * 40, "f" * 40]
    ran = freshwire("delete", "--id", ids[0], "--id", ids[1], environment=using(service))
    assert (ran.status, ran.err) == (0, "Done: deleted by id, 2.\n")
    base = "/api/push/1.0/books/realtime"
    assert [(a.method, a.path) for a in service.asked] == [("DELETE", f"{base}/{i}/delete/") for i in ids]
    assert {asked.headers["x-push-key"] for asked in service.asked} == {KEY}


def test_an_id_that_is_none_is_refused_before_any_record_is_deleted(serve: Serve) -> None:
    service = serve()
    assert freshwire("delete", "--id", "0" * 40, "--id", "0" * 39, environment=using(service)).status == 2
    assert service.asked == []


def test_receipts_are_shown_by_their_ids(serve: Serve) -> None:
    service = serve(Reply(body=RECEIPT), refusal(404, "No batch with this id."), Reply(body=RECEIPT))
    ran = freshwire("batches", BATCH_ID, OTHER_ID, BATCH_ID, environment=using(service))
    assert ran.status == 1
    assert ran.out.count('"created": 3') == 2
    assert ran.err == f"{OTHER_ID}: No batch with this id.\n"
    assert service.asked[0].path == f"/api/push/1.0/books/realtime/batches/{BATCH_ID}"


def test_the_receipts_of_a_push_are_asked_for_through_a_pipe(serve: Serve, books: str) -> None:
    service = serve(*[Reply(body=RECEIPT)] * 4)
    pushed = freshwire("push", books, "--receipts", "--batch-size", "9", environment=using(service))
    ran = freshwire("batches", stdin=pushed.out.encode() + b"\n", environment=using(service))
    assert (ran.status, ran.out.count('"state": "applied"')) == (0, 2)


def test_another_refusal_than_not_found_ends_it(serve: Serve) -> None:
    service = serve(refusal(401, "The push key is wrong."))
    ran = freshwire("batches", BATCH_ID, OTHER_ID, environment=using(service))
    assert (ran.status, ran.err) == (1, "freshwire: The push key is wrong.\n")


def test_on_a_terminal_batches_are_named_on_the_command_line(serve: Serve) -> None:
    class Keyboard(io.BytesIO):
        def isatty(self) -> bool:
            return True

    ran = freshwire("batches", stdin=Keyboard(), environment=using(serve()))
    assert (ran.status, "Say which batches" in ran.err) == (2, True)
