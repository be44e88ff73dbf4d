"""Uploaded source files over HTTP."""

import gzip
from typing import Any

import pytest

from tests.api.conftest import Http
from tests.api.management import BOUNDARY, ROOT, a_dataset, a_resource, created, push_path, records, upload


def test_an_uploaded_file_is_loaded_at_publish_and_replaced_by_the_next(http: Http, key: str) -> None:
    dataset = a_dataset(http, key)
    file = upload(http, key, dataset, "isbn;title;loans\n1;Émma;2\n2;Persuasion;NA\n3;Odd;many\n".encode())
    body = {
        "type": "csvfile",
        "title": "Books of 2026",
        "params": {"null_values": ["NA"]},
        "datasource": {"type": "uploaded_file", "file": {"uid": file["uid"]}},
    }
    resource = created(http.post(f"{dataset}/resources/", key=key, json=body))
    assert resource["resource_id"] == "books-of-2026"
    http.post(f"{dataset}/fields", key=key, json={"type": "type", "field": "loans", "type_param": "int"})
    http.post(f"{dataset}/fields", key=key, json={"type": "annotate", "annotation": "id", "field": "isbn"})
    push = push_path(a_resource(http, key, dataset))
    assert http.post(f"{dataset}/publish/", key=key).status == 200
    http.post(push, json={"isbn": "99", "title": "Pushed"})
    expected = [("1", "Émma", 2), ("2", "Persuasion", None), ("99", "Pushed", None)]
    assert sorted((r["isbn"], r["title"], r["loans"]) for r in records(http)) == expected
    (error,) = http.get(f"{dataset}/status/", key=key).json["records_errors"]
    assert error["message"].startswith("record 3 (line 4): ")
    second = upload(http, key, dataset, b"isbn;title;loans\n2;Persuasion;1\n")
    resource["datasource"]["file"]["uid"] = second["uid"]
    assert http.put(f"{dataset}/resources/{resource['uid']}", key=key, json=resource).status == 200
    assert len(records(http)) == 3, "the new file acts at publish"
    http.post(f"{dataset}/publish/", key=key)
    expected = [("2", "Persuasion", 1), ("99", "Pushed", None)]
    assert sorted((r["isbn"], r["title"], r["loans"]) for r in records(http)) == expected
    http.delete(f"{dataset}/resources/{resource['uid']}", key=key)
    http.post(f"{dataset}/publish/", key=key)
    assert [r["isbn"] for r in records(http)] == ["99"]


@pytest.mark.parametrize(
    ("kind", "content", "params"),
    [
        ("csvfile", b"isbn,loans\r\n1,2\r\n", {}),
        ("csvfile", b"\xef\xbb\xbfisbn;loans\n1;2\n", {}),
        ("csvfile", "isbn|loans\n1|2".encode("utf-16"), {"encoding": "utf-16"}),
        ("csvfile", b"made today\nisbn;loans\n1;2\n", {"first_row_no": 2, "separator": ";"}),
        ("jsonfile", b'[{"isbn": 1, "loans": 2}]', {}),
        ("jsonfile", b'{"data": {"books": [{"isbn": 1, "loans": 2}]}}', {"json_root": "data.books"}),
        ("jsonl", b'{"isbn": 1, "loans": 2}\n', {}),
        ("csvfile", "isbn,loans\r\n1,2\r\n".encode("utf-16"), {}),
        ("csvfile", gzip.compress(b"isbn,loans\n1,2\n"), {}),
    ],
)
def test_files_of_every_form_load(http: Http, key: str, kind: str, content: bytes, params: dict[str, Any]) -> None:
    dataset = a_dataset(http, key)
    source = {"type": "uploaded_file", "file": {"uid": upload(http, key, dataset, content)["uid"]}}
    created(http.post(f"{dataset}/resources", key=key, json={"type": kind, "params": params, "datasource": source}))
    http.post(f"{dataset}/publish", key=key)
    assert records(http) == [{"isbn": 1, "loans": 2}]


@pytest.mark.parametrize(
    ("kind", "content", "params", "says"),
    [
        ("csvfile", b"a;b\n1;2;3\n", {}, "line 2 has 3 cells"),
        ("csvfile", b"a;a\n1;2\n", {}, "more than once"),
        ("csvfile", b'a;b\n"1;2\n', {}, "line 2 is not CSV"),
        ("csvfile", b"a;b\n\xe9;2\n", {"encoding": "utf-8"}, "line 2 is not utf-8"),
        ("csvfile", b"a;b\n1;2\n", {"encoding": "klingon"}, "unknown encoding"),
        ("jsonfile", b"{", {}, "not JSON"),
        ("jsonfile", b"[1]", {}, "entry 1 is no object"),
        ("jsonfile", b'{"a": []}', {"json_root": "b"}, "nothing at 'b'"),
        ("jsonl", b'{"a": 1}\n{', {}, "line 2"),
        ("geojson", b'{"type": "FeatureCollection", "features": [1]}', {}, "entry 1 is no feature"),
        ("xlsx", b"a;b\n1;2\n", {}, "no xlsx workbook"),
        ("csvfile", gzip.compress(b"x" * 2**25), {}, "line 1 has more than 4 MB"),
    ],
)
def test_a_broken_file_says_where(
    http: Http, key: str, kind: str, content: bytes, params: dict[str, Any], says: str
) -> None:
    dataset = a_dataset(http, key)
    source = {"type": "uploaded_file", "file": {"uid": upload(http, key, dataset, content)["uid"]}}
    answer = http.post(f"{dataset}/resources", key=key, json={"type": kind, "params": params, "datasource": source})
    assert (answer.status, list(answer.json["detail"])) == (400, ["datasource"])
    assert says in answer.json["detail"]["datasource"][0]


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"x", {"content-type": "text/csv"}, 400),
        (b"x", BOUNDARY, 400),
        (b"--frontier--\r\n", BOUNDARY, 400),
        (b'--frontier\r\nContent-Disposition: form-data; name="note"\r\n\r\nx\r\n--frontier--\r\n', BOUNDARY, 400),
    ],
)
def test_a_form_without_a_file_is_refused(
    http: Http, key: str, body: bytes, headers: dict[str, str], status: int
) -> None:
    answer = http.post(f"{a_dataset(http, key)}/resources/files", key=key, body=body, headers=headers)
    assert (answer.status, list(answer.json["detail"])) == (status, ["file"])


@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded", "text/plain"])
def test_a_large_file_is_announced_as_json_whatever_the_content_type_says(http: Http, key: str, kind: str) -> None:
    path, body = f"{a_dataset(http, key)}/resources/files/", b' {"filename": "x.csv", "size": 10}'
    announced = created(http.post(path, key=key, body=body, headers={"content-type": kind}))
    assert (announced["filename"], announced["upload"]["method"]) == ("x.csv", "POST")


def test_an_upload_proposes_what_the_file_is(http: Http, key: str) -> None:
    file = upload(http, key, a_dataset(http, key), "isbn;title\n1;Émma\n".encode("cp1252"))
    assert (file["detected"]["type"], file["detected"]["params"]["separator"]) == ("csvfile", ";")
    assert file["detected"]["records"] == [{"isbn": "1", "title": "Émma"}]


def test_a_file_that_can_be_no_source_is_refused_with_what_to_send_instead(http: Http, key: str) -> None:
    head = b'--frontier\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n'
    body = head + b"%PDF-1.7 ...\r\n--frontier--\r\n"
    answer = http.post(f"{a_dataset(http, key)}/resources/files", key=key, body=body, headers=BOUNDARY)
    assert (answer.status, "PDF" in answer.json["detail"]["file"][0]) == (400, True)


def test_a_file_broken_at_its_end_changes_no_record(http: Http, key: str) -> None:
    dataset = a_dataset(http, key)
    first = upload(http, key, dataset, b"isbn;loans\n1;2\n")
    source = {"type": "uploaded_file", "file": {"uid": first["uid"]}}
    resource = created(http.post(f"{dataset}/resources", key=key, json={"type": "csvfile", "datasource": source}))
    http.post(f"{dataset}/publish", key=key)
    rows = b"".join(b"%d;9\n" % number for number in range(2500))
    source["file"] = {"uid": upload(http, key, dataset, b"isbn;loans\n" + rows + b"1;2;3\n")["uid"]}
    assert (
        http.put(f"{dataset}/resources/{resource['uid']}", key=key, json={**resource, "datasource": source}).status
        == 200
    )
    refused = http.post(f"{dataset}/publish", key=key)
    assert (refused.status, "line 2502" in refused.text) == (400, True)
    assert records(http) == [{"isbn": 1, "loans": 2}]


def test_a_file_of_another_dataset_is_not_found(http: Http, key: str) -> None:
    mine = a_dataset(http, key)
    other = f"{ROOT}/{created(http.post(ROOT, key=key, json={'metadata': {}, 'dataset_id': 'other'}))['uid']}"
    file = upload(http, key, other, b"a;b\n1;2\n")
    body = {"type": "csvfile", "datasource": {"type": "uploaded_file", "file": {"uid": file["uid"]}}}
    assert http.post(f"{mine}/resources", key=key, json=body).status == 400
    resource = a_resource(http, key, other)
    assert http.get(f"{mine}/resources/{resource['uid']}", key=key).status == 404
