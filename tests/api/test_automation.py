"""The management API over HTTP: shapes, statuses, permissions, and what each write refuses."""

import gzip
import re
from typing import Any

import pytest

from app import app
from chalicelib import wiring
from chalicelib.api.openapi.automation_operations import AUTOMATION
from chalicelib.api.openapi.document import routed
from tests.api.conftest import Answer, Http

ROOT = "/automation/v1.0/datasets"
METADATA = {"default": {"title": {"value": "Library books"}}}
REALTIME = {"type": "realtime", "title": "Devices", "params": {"bootstrap": {"title": "T", "isbn": "1", "loans": 0}}}
BOUNDARY = {"content-type": "multipart/form-data; boundary=frontier"}


@pytest.fixture
def key(http: Http) -> str:
    return http.api_key("browse", "edit", "publish")


def created(answer: Answer) -> Any:
    assert answer.status == 201, answer.text
    return answer.json


def a_dataset(http: Http, key: str) -> str:
    return f"{ROOT}/{created(http.post(ROOT + '/', key=key, json={'metadata': METADATA}))['uid']}"


def a_resource(http: Http, key: str, dataset: str, **changes: Any) -> Any:
    return created(http.post(f"{dataset}/resources/", key=key, json={**REALTIME, **changes}))


def upload(http: Http, key: str, dataset: str, content: bytes, name: str = "books.csv") -> Any:
    head = f'--frontier\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    body = head.encode() + content + b"\r\n--frontier--\r\n"
    return created(http.post(f"{dataset}/resources/files/", key=key, body=body, headers=BOUNDARY))


def push_path(resource: Any) -> str:
    return str(resource["params"]["push_url"].partition("/api")[2])


def records(http: Http, dataset_id: str = "library-books") -> Any:
    answer = http.get(f"/explore/v2.1/catalog/datasets/{dataset_id}/records", query={"limit": 100})
    return answer.json["results"] if answer.status == 200 else None


def test_a_dataset_is_created_found_edited_and_deleted(http: Http, key: str) -> None:
    dataset = created(http.post(ROOT, key=key, json={"metadata": METADATA}))
    assert re.fullmatch(r"da_[0-9a-z]{6}", dataset["uid"])
    assert (dataset["dataset_id"], dataset["is_published"], dataset["metadata"]) == ("library-books", False, METADATA)
    assert http.get(f"{ROOT}/{dataset['uid']}/", key=key).json == dataset
    found = http.get(ROOT + "/", key=key, query={"dataset_id": "library-books"}).json
    assert (found["total_count"], found["results"]) == (1, [dataset])
    assert http.get(ROOT, key=key, query={"dataset_id": "other"}).json["results"] == []
    title = {"default": {"title": {"value": "Books"}}}
    edited = http.put(f"{ROOT}/{dataset['uid']}", key=key, json={**dataset, "metadata": title, "is_restricted": True})
    assert (edited.status, edited.json["metadata"], edited.json["is_restricted"]) == (200, title, True)
    assert http.delete(f"{ROOT}/{dataset['uid']}", key=key).status == 204
    assert http.get(f"{ROOT}/{dataset['uid']}", key=key).status == 404
    assert created(http.post(ROOT, key=key, json={"metadata": METADATA}))["uid"] != dataset["uid"]


def test_lists_are_paged_with_absolute_links(http: Http, key: str) -> None:
    for number in range(5):
        http.post(ROOT, key=key, json={"metadata": {}, "dataset_id": f"d{number}"})
    seen: list[str] = []
    url = f"https://data.example.org/api{ROOT}/?limit=2"
    while url:
        page = http.get(url.partition("/api")[2], key=key).json
        assert page["total_count"] == 5
        seen += [d["dataset_id"] for d in page["results"]]
        url = page["next"]
        assert url is None or url.startswith("https://data.example.org/api/automation/v1.0/datasets")
    assert sorted(seen) == [f"d{number}" for number in range(5)]
    assert page["previous"].endswith("limit=2&offset=2")
    assert http.get(ROOT, key=key, query={"limit": 0}).json["results"] == []


@pytest.mark.parametrize("query", [{"limit": 1001}, {"limit": -1}, {"limit": "x"}, {"offset": "-5"}, {"limit": "١"}])
def test_a_page_that_cannot_be_is_refused_by_name(http: Http, key: str, query: dict[str, Any]) -> None:
    answer = http.get(ROOT, key=key, query=query)
    assert (answer.status, list(answer.json["detail"])) == (400, list(query))


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({}, ["metadata"]),
        ([], ["body"]),
        ({"metadata": METADATA, "colour": 1, "uid": "da_000000"}, ["colour", "uid"]),
        ({"metadata": {"default": {"title": "T"}}}, ["metadata"]),
        ({"metadata": {"default": {"title": {"value": 5}}}}, ["metadata"]),
        ({"metadata": METADATA, "dataset_id": "Not a slug"}, ["dataset_id"]),
        ({"metadata": METADATA, "dataset_id": "-x"}, ["dataset_id"]),
        ({"metadata": METADATA, "is_restricted": "yes"}, ["is_restricted"]),
        ({"metadata": {"default": {"title": {"value": "x" * 200_000}}}}, ["metadata"]),
    ],
)
def test_a_dataset_that_cannot_be_names_every_problem(http: Http, key: str, body: Any, names: list[str]) -> None:
    answer = http.post(ROOT, key=key, json=body)
    assert (answer.status, answer.json["error_code"], list(answer.json["detail"])) == (400, "validation_error", names)
    assert answer.json["status_code"] == 400


def test_a_dataset_id_is_taken_once(http: Http, key: str) -> None:
    a_dataset(http, key)
    answer = http.post(ROOT, key=key, json={"metadata": METADATA})
    assert (answer.status, list(answer.json["detail"])) == (400, ["dataset_id"])


def test_read_only_fields_may_be_sent_back_but_not_changed(http: Http, key: str) -> None:
    dataset = a_dataset(http, key)
    shown = http.get(dataset, key=key).json
    assert http.put(dataset, key=key, json=shown).status == 200
    answer = http.put(dataset, key=key, json={**shown, "dataset_id": "other", "is_published": True})
    assert (answer.status, list(answer.json["detail"])) == (400, ["dataset_id", "is_published"])


def test_a_broken_body_is_refused(http: Http, key: str) -> None:
    for body in (b"{", b"", b"[" * 50 + b"]" * 50):
        answer = http.post(ROOT, key=key, body=body)
        assert answer.status == 400
        assert answer.json["error_code"].startswith("invalid_")


def test_realtime_resources_are_called_realtime_then_numbered(http: Http, key: str) -> None:
    dataset = a_dataset(http, key)
    made = [a_resource(http, key, dataset) for _ in range(3)]
    assert [r["resource_id"] for r in made] == ["realtime", "realtime1", "realtime2"]
    assert a_resource(http, key, dataset, resource_id="roof")["resource_id"] == "roof"
    assert http.post(f"{dataset}/resources", key=key, json={**REALTIME, "resource_id": "roof"}).status == 400
    shown = made[0]
    assert (shown["type"], shown["title"], shown["datasource"]) == ("realtime", "Devices", None)
    assert re.fullmatch(
        r"https://data\.example\.org/api/push/1\.0/library-books/realtime/push/\?pushkey=[0-9a-f]{56}",
        shown["params"]["push_url"],
    )
    assert http.get(f"{dataset}/resources/", key=key).json["total_count"] == 4
    assert http.get(f"{dataset}/resources/{shown['uid']}/", key=key).json == shown


def test_only_those_who_may_edit_see_the_push_url(http: Http, key: str) -> None:
    dataset = a_dataset(http, key)
    resource = a_resource(http, key, dataset)
    reader = http.api_key("browse")
    for path in (f"{dataset}/resources/", f"{dataset}/resources/{resource['uid']}/"):
        assert "pushkey" in http.get(path, key=key).text
        assert "push_url" not in http.get(path, key=reader).text


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({}, ["type"]),
        ({"type": "carrier_pigeon"}, ["type"]),
        ({"type": "realtime", "datasource": {"type": "realtime"}}, ["datasource"]),
        ({"type": "realtime", "params": {"bootstrap": "x"}}, ["bootstrap"]),
        ({"type": "realtime", "params": {"bootstrap": [1]}}, ["bootstrap"]),
        ({"type": "realtime", "params": {"bootstrap": {"x": "y" * 200_000}}}, ["bootstrap"]),
        ({"type": "realtime", "params": {"alerting": True}}, ["alert_recipients"]),
        ({"type": "realtime", "params": {"recovery": "yes", "recovery_days": 0}}, ["recovery", "recovery_days"]),
        (
            {"type": "realtime", "params": {"unknown_fields": "drop", "null_values": "NA"}},
            ["null_values", "unknown_fields"],
        ),
        ({"type": "realtime", "params": {"speed": 1}}, ["speed"]),
        ({"type": "csvfile", "title": "x"}, ["datasource"]),
        ({"type": "csvfile", "datasource": {"type": "uploaded_file", "file": {"uid": "fl_zzzzzz"}}}, ["datasource"]),
        ({"type": "csvfile", "datasource": {"type": "uploaded_file", "file": {"uid": "../x"}}}, ["datasource"]),
    ],
)
def test_a_resource_that_cannot_be_names_every_problem(http: Http, key: str, body: Any, names: list[str]) -> None:
    answer = http.post(f"{a_dataset(http, key)}/resources", key=key, json=body)
    assert (answer.status, list(answer.json["detail"])) == (400, names)


def test_a_resource_is_edited_as_it_was_read_and_its_type_stays(http: Http, key: str) -> None:
    dataset = a_dataset(http, key)
    resource = a_resource(http, key, dataset)
    path = f"{dataset}/resources/{resource['uid']}"
    resource["params"]["bootstrap"] = {"other": 1.5}
    edited = http.put(path, key=key, json=resource)
    assert (edited.status, edited.json["params"]["bootstrap"]) == (200, {"other": 1.5})
    assert http.put(path, key=key, json={**resource, "type": "csvfile"}).status == 400
    assert http.put(path, key=key, json={**resource, "resource_id": "x"}).status == 400
    forged = {**resource, "params": {**resource["params"], "push_url": "https://elsewhere.example.org"}}
    assert list(http.put(path, key=key, json=forged).json["detail"]) == ["push_url"]
    assert http.delete(path, key=key).status == 204
    assert http.get(path, key=key).status == 404


def test_drafts_act_at_publish_and_switches_at_once(http: Http, key: str) -> None:
    dataset = a_dataset(http, key)
    resource = a_resource(http, key, dataset)
    path = push_path(resource)
    created(http.post(f"{dataset}/fields/", key=key, json={"type": "annotate", "annotation": "id", "field": "isbn"}))
    assert http.post(path, json={"isbn": "1"}).json["error_code"] == "dataset_not_published"
    assert http.post(f"{dataset}/publish/", key=key).json == {"detail": "ok"}
    http.post(path, json={"isbn": "1", "loans": 1})
    created(http.post(f"{dataset}/fields/", key=key, json={"type": "delete", "field": "loans"}))
    resource["params"].update(null_values=["NA"], bootstrap={"isbn": "1", "loans": 1, "colour": "red"})
    http.put(f"{dataset}/resources/{resource['uid']}", key=key, json=resource)
    http.post(path, json={"isbn": "2", "title": "NA", "loans": 2, "colour": "red"})
    assert sorted(records(http), key=lambda r: r["isbn"]) == [
        {"title": None, "isbn": "1", "loans": 1},
        {"title": "NA", "isbn": "2", "loans": 2},
    ]
    http.post(f"{dataset}/publish/", key=key)
    http.post(path, json={"isbn": "3", "title": "NA", "loans": 2, "colour": "red"})
    assert {"isbn": "3", "colour": "red"} in [
        {name: value for name, value in r.items() if value is not None} for r in records(http)
    ]
    assert http.post(f"{dataset}/resources/{resource['uid']}/disable/", key=key).json["params"]["push_enabled"] is False
    assert http.post(path, json={"isbn": "4"}).status == 403
    assert http.post(f"{dataset}/resources/{resource['uid']}/enable", key=key).json["params"]["push_enabled"] is True
    assert http.post(path, json={"isbn": "4"}).status == 200
    renewed = http.post(f"{dataset}/resources/{resource['uid']}/renew_api_key", key=key).json
    assert http.post(path, json={"isbn": "5"}).status == 401
    assert http.post(push_path(renewed), json={"isbn": "5"}).status == 200


def test_publish_needs_a_resource_and_a_field(http: Http, key: str) -> None:
    dataset = a_dataset(http, key)
    assert list(http.post(f"{dataset}/publish", key=key).json["detail"]) == ["resources"]
    resource = a_resource(http, key, dataset, params={})
    assert list(http.post(f"{dataset}/publish", key=key).json["detail"]) == ["fields"]
    status = http.get(f"{dataset}/status/", key=key).json
    assert (status["status"], status["is_published"]) == ("idle", False)
    assert "bootstrap" in status["message"]
    created(http.post(f"{dataset}/fields", key=key, json={"type": "type", "field": "isbn", "type_param": "text"}))
    assert http.post(f"{dataset}/publish", key=key).status == 200
    assert http.post(push_path(resource), json={"isbn": "1"}).status == 200


def test_a_changed_unique_key_gives_records_new_ids_and_loses_none_unasked(http: Http, key: str) -> None:
    dataset = a_dataset(http, key)
    path = push_path(a_resource(http, key, dataset))
    http.post(f"{dataset}/publish", key=key)
    created(http.post(f"{dataset}/fields", key=key, json={"type": "annotate", "annotation": "id", "field": "isbn"}))
    assert http.post(f"{dataset}/publish", key=key).status == 200
    http.post(path, json={"isbn": "1"})
    created(http.post(f"{dataset}/fields", key=key, json={"type": "annotate", "annotation": "id", "field": "title"}))
    answer = http.post(f"{dataset}/publish", key=key)
    assert (answer.status, answer.json["error_code"]) == (409, "records_would_be_lost")
    assert "1 would have no id" in answer.json["message"]
    assert http.post(path, json={"isbn": "2"}).status == 200
    http.post(path, json={"isbn": "3", "title": "Emma"})
    assert http.post(f"{dataset}/publish", key=key, json={"accept_loss": "yes"}).status == 400
    assert http.post(f"{dataset}/publish", key=key, json={"accept_loss": True}).status == 200
    assert [record["isbn"] for record in records(http)] == ["3"]
    http.post(f"{dataset}/unpublish", key=key)
    assert records(http) is None
    assert http.post(f"{dataset}/publish", key=key).status == 200
    assert records(http) == []


def test_fields_are_a_stack_that_is_checked_at_every_change(http: Http, key: str) -> None:
    dataset = a_dataset(http, key)
    a_resource(http, key, dataset)
    rename = created(
        http.post(f"{dataset}/fields/", key=key, json={"type": "rename", "from_name": "isbn", "to_name": "number"})
    )
    annotate = created(
        http.post(f"{dataset}/fields/", key=key, json={"type": "annotate", "annotation": "id", "field": "number"})
    )
    path = f"{dataset}/fields/{rename['uid']}"
    assert http.get(path, key=key).json == rename
    assert list(http.delete(path, key=key).json["detail"]) == ["field"], "the annotation needs the rename"
    assert http.delete(f"{dataset}/fields/{annotate['uid']}", key=key).status == 204
    assert http.put(path, key=key, json={**rename, "to_name": "code"}).json["to_name"] == "code"
    assert http.put(path, key=key, json={**rename, "uid": "fi_000000"}).status == 400
    assert http.delete(path, key=key).status == 204
    assert http.get(f"{dataset}/fields/", key=key).json["results"] == []
    assert http.get(path, key=key).status == 404


def test_processors_run_in_order_before_the_fields_and_act_at_publish(http: Http, key: str) -> None:
    dataset = a_dataset(http, key)
    path = push_path(
        a_resource(http, key, dataset, params={"bootstrap": {"isbn": "1", "price": "1"}, "null_values": ["NA"]})
    )
    http.post(f"{dataset}/publish", key=key)
    for processor in (
        {"type": "string_replace", "label": "comma", "field": "price", "old": ",", "new": "."},
        {
            "type": "expression",
            "output_field": "double_price",
            "expression": "float(price) * 2",
            "output_type": "double",
        },
        {"type": "skip_records", "field": "isbn", "values": ["skip"]},
    ):
        added = created(http.post(f"{dataset}/processors/", key=key, json=processor))
        assert re.fullmatch(r"pr_[0-9a-z]{6}", added["uid"])
    created(http.post(f"{dataset}/fields", key=key, json={"type": "annotate", "annotation": "id", "field": "isbn"}))
    http.post(path, json={"isbn": "0", "price": "1,5"})
    assert records(http) == [{"isbn": "0", "price": "1,5"}]
    http.post(f"{dataset}/unpublish", key=key)
    assert http.post(f"{dataset}/publish", key=key).status == 200
    body = [{"isbn": "1", "price": "1,5"}, {"isbn": "skip", "price": "3"}, {"isbn": "2", "price": "NA"}]
    receipt = http.post(path, json=body, headers={"prefer": "return=representation"}).json
    assert (receipt["records"], receipt["created"], receipt["skipped"]) == (3, 2, 1)
    assert sorted(records(http), key=lambda r: r["isbn"]) == [
        {"isbn": "1", "price": "1.5", "double_price": 3.0},
        {"isbn": "2", "price": None, "double_price": None},
    ]
    refused = http.post(path, json={"isbn": "4", "price": "much"}).json
    assert refused["details"][0]["error_code"] == "processor_failed"
    assert http.post(path.replace("/push/?", "/delete/?"), json={"isbn": "1"}).status == 200
    assert [r["isbn"] for r in records(http)] == ["2"]


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({"type": "teleport"}, ["type"]),
        ({"type": "string_replace", "field": "isbn"}, ["new", "old"]),
        ({"type": "regexp_replace", "field": "isbn", "pattern": "(", "replacement": ""}, ["pattern"]),
        ({"type": "expression", "output_field": "x", "expression": "1 +"}, ["expression"]),
    ],
)
def test_a_processor_that_cannot_be_names_every_problem(http: Http, key: str, body: Any, names: list[str]) -> None:
    dataset = a_dataset(http, key)
    a_resource(http, key, dataset)
    answer = http.post(f"{dataset}/processors", key=key, json=body)
    assert (answer.status, sorted(answer.json["detail"])) == (400, names)


def test_the_processors_there_are_come_with_the_schema_of_their_parameters(http: Http, key: str) -> None:
    listed = http.get("/automation/v1.0/processors/", key=key).json
    assert listed["total_count"] == 10
    assert all(entry["parameters"]["type"] == "object" and entry["description"] for entry in listed["results"])


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


ROUTES = [
    ("GET", "/datasets/", "browse"),
    ("POST", "/datasets/", "edit"),
    ("GET", "/datasets/{d}/", "browse"),
    ("PUT", "/datasets/{d}/", "edit"),
    ("DELETE", "/datasets/{d}/", "edit"),
    ("POST", "/datasets/{d}/publish/", "publish"),
    ("POST", "/datasets/{d}/unpublish/", "publish"),
    ("POST", "/datasets/{d}/abort/", "publish"),
    ("GET", "/datasets/{d}/status/", "browse"),
    ("GET", "/datasets/{d}/lane/", "browse"),
    ("POST", "/datasets/{d}/lane/resume/", "publish"),
    ("POST", "/datasets/{d}/lane/abort/", "publish"),
    ("GET", "/datasets/{d}/schedules/", "browse"),
    ("POST", "/datasets/{d}/schedules/", "edit"),
    ("GET", "/datasets/{d}/schedules/preview/", "browse"),
    ("GET", "/datasets/{d}/schedules/sc_000000/", "browse"),
    ("PUT", "/datasets/{d}/schedules/sc_000000/", "edit"),
    ("DELETE", "/datasets/{d}/schedules/sc_000000/", "edit"),
    ("GET", "/datasets/{d}/runs/", "browse"),
    ("POST", "/datasets/{d}/runs/", "publish"),
    ("GET", "/datasets/{d}/runs/ru_000000/", "browse"),
    ("POST", "/datasets/{d}/runs/ru_000000/abort/", "publish"),
    ("GET", "/datasets/{d}/metadata/", "browse"),
    ("PUT", "/datasets/{d}/metadata/", "edit"),
    ("GET", "/datasets/{d}/metadata/default/", "browse"),
    ("PUT", "/datasets/{d}/metadata/default/", "edit"),
    ("GET", "/datasets/{d}/metadata/default/title/", "browse"),
    ("PUT", "/datasets/{d}/metadata/default/title/", "edit"),
    ("GET", "/datasets/{d}/security/default/", "browse"),
    ("PUT", "/datasets/{d}/security/default/", "edit"),
    ("GET", "/datasets/{d}/fields/", "browse"),
    ("POST", "/datasets/{d}/fields/", "edit"),
    ("GET", "/datasets/{d}/fields/fi_000000/", "browse"),
    ("PUT", "/datasets/{d}/fields/fi_000000/", "edit"),
    ("DELETE", "/datasets/{d}/fields/fi_000000/", "edit"),
    ("GET", "/datasets/{d}/processors/", "browse"),
    ("POST", "/datasets/{d}/processors/", "edit"),
    ("GET", "/datasets/{d}/processors/pr_000000/", "browse"),
    ("PUT", "/datasets/{d}/processors/pr_000000/", "edit"),
    ("DELETE", "/datasets/{d}/processors/pr_000000/", "edit"),
    ("GET", "/processors/", "browse"),
    ("GET", "/datasets/{d}/resources/", "browse"),
    ("POST", "/datasets/{d}/resources/", "edit"),
    ("POST", "/datasets/{d}/resources/files/", "edit"),
    ("POST", "/datasets/{d}/resources/preview/", "edit"),
    ("GET", "/datasets/{d}/resources/{r}/", "browse"),
    ("PUT", "/datasets/{d}/resources/{r}/", "edit"),
    ("DELETE", "/datasets/{d}/resources/{r}/", "edit"),
    ("GET", "/datasets/{d}/resources/{r}/preview/", "browse"),
    ("GET", "/datasets/{d}/resources/{r}/alert/", "edit"),
    ("GET", "/datasets/{d}/export/", "browse"),
    ("POST", "/datasets/import/", "edit"),
    ("POST", "/datasets/{d}/resources/{r}/clean_cache/", "edit"),
    ("POST", "/datasets/{d}/resources/{r}/enable/", "edit"),
    ("POST", "/datasets/{d}/resources/{r}/disable/", "edit"),
    ("POST", "/datasets/{d}/resources/{r}/renew_api_key/", "edit"),
    ("POST", "/datasets/{d}/resources/{r}/recover/", "publish"),
    ("POST", "/datasets/{d}/resources/{r}/recover/abort/", "publish"),
    ("POST", "/datasets/{d}/resources/{r}/delete_recover_data/", "publish"),
    ("GET", "/datasets/{d}/resources/{r}/recovery/", "browse"),
    ("GET", "/datasets/{d}/resources/{r}/backup/", "edit"),
    ("GET", "/datasets/{d}/resources/{r}/backup/download/", "edit"),
    ("GET", "/apikeys/", "admin"),
    ("POST", "/apikeys/", "admin"),
    ("GET", "/apikeys/ak_000000/", "admin"),
    ("DELETE", "/apikeys/ak_000000/", "admin"),
]
_EXAMPLES = r"\{\w\}|\w\w_000000|(?<=metadata/)default|(?<=default/)title"


def test_every_route_asks_for_its_permission(http: Http, key: str) -> None:
    dataset = a_dataset(http, key)
    resource = a_resource(http, key, dataset)["uid"]
    keys = {permission: http.api_key(permission) for permission in ("browse", "edit", "publish")}
    for method, template, needed in ROUTES:
        path = "/automation/v1.0" + template.format(d=dataset.rpartition("/")[2], r=resource)
        assert http.request(method, path).status == 401, (method, path)
        assert http.request(method, path, key="0" * 56).status == 401, (method, path)
        for permission in keys.keys() - {needed}:
            answer = http.request(method, path, key=keys[permission])
            assert (answer.status, answer.json["error_code"]) == (403, "forbidden"), (method, path, permission)


def test_the_permission_matrix_has_every_route_and_method_with_the_permission_that_is_documented() -> None:
    routes = {re.sub(r"\{\w+\}", "{}", operation) for operation in routed(app, AUTOMATION)}
    matrix = {
        f"{method} {re.sub(_EXAMPLES, '{}', template.rstrip('/'))}": needed for method, template, needed in ROUTES
    }
    assert (routes, len(ROUTES)) == (set(matrix), len(matrix))
    documented = {re.sub(r"\{\w+\}", "{}", name): o.permission for name, o in AUTOMATION.operations.items()}
    assert documented == matrix


def a_remote_resource(url: str = "https://data.example.org", **changes: Any) -> dict[str, Any]:
    connection = {"type": "http", "url": url, "auth": None}
    source = {"type": "http", "connection": connection, "headers": [], "relative_url": "/a.csv", **changes}
    return {"type": "csvfile", "title": "a.csv", "datasource": source}


def test_schedules_are_kept_for_remote_resources_only(http: Http, key: str) -> None:
    dataset = a_dataset(http, key)
    a_resource(http, key, dataset)
    body = {"cron_schedule": "0 2 * * *"}
    assert list(http.post(f"{dataset}/schedules/", key=key, json=body).json["detail"]) == ["cron_schedule"]
    remote = created(http.post(f"{dataset}/resources/", key=key, json=a_remote_resource()))
    assert remote["datasource"] == a_remote_resource()["datasource"]
    made = [
        created(http.post(f"{dataset}/schedules/", key=key, json={"cron_schedule": c}))
        for c in ("0 2 * * *", "30 7 * * 1")
    ]
    assert re.fullmatch(r"sc_[0-9a-z]{6}", made[0]["uid"])
    assert http.get(f"{dataset}/schedules/", key=key).json["results"] == made
    path = f"{dataset}/schedules/{made[0]['uid']}/"
    assert http.put(path, key=key, json={**made[0], "cron_schedule": "0  3 * * *"}).json["cron_schedule"] == "0 3 * * *"
    assert http.delete(path, key=key).status == 204
    assert http.get(path, key=key).status == 404
    created(http.post(f"{dataset}/fields", key=key, json={"type": "type", "field": "a", "type_param": "int"}))
    assert http.post(f"{dataset}/publish", key=key).status == 200


@pytest.mark.parametrize(
    ("cron", "says"),
    [
        ("every day", "five fields"),
        ("every day at noon", "five fields"),
        ("60 2 * * *", "bad minute"),
        ("0 0 31 2 *", "never runs"),
        ("0 0 L * *", "five fields"),
        ("0 0 * * 1#2", "five fields"),
        ("0 0 * * * *", "five fields"),
        ("*/5 * * * *", "allows every 60"),
        ("0,30 8 * * *", "allows every 60"),
        (["0 2 * * *"], "expected text"),
    ],
)
def test_a_cron_that_cannot_be_says_why(http: Http, key: str, cron: Any, says: str) -> None:
    dataset = a_dataset(http, key)
    created(http.post(f"{dataset}/resources/", key=key, json=a_remote_resource()))
    answer = http.post(f"{dataset}/schedules/", key=key, json={"cron_schedule": cron})
    assert (answer.status, list(answer.json["detail"])) == (400, ["cron_schedule"])
    assert says in answer.json["detail"]["cron_schedule"][0]


def test_what_a_deployment_does_not_offer_is_refused_and_says_whom_to_ask(
    http: Http, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = a_dataset(http, key)
    created(http.post(f"{dataset}/resources/", key=key, json=a_remote_resource()))
    monkeypatch.setenv("FRESHWIRE_FEATURES", "push,scheduling,minute_schedules")
    wiring.settings.cache_clear()
    created(http.post(f"{dataset}/schedules/", key=key, json={"cron_schedule": "*/5 * * * *"}))
    monkeypatch.setenv("FRESHWIRE_FEATURES", "")
    wiring.settings.cache_clear()
    answer = http.post(f"{dataset}/schedules/", key=key, json={"cron_schedule": "0 2 * * *"})
    assert (answer.status, answer.json["error_code"]) == (403, "feature_not_available")
    assert "ask the people who run it" in answer.json["message"]
    push = http.post(push_path(a_resource(http, key, dataset)), json={"isbn": "1"})
    assert (push.status, push.json["error_code"]) == (403, "feature_not_available")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (a_remote_resource("file:///etc/passwd"), "begin with https"),
        (a_remote_resource("https://"), "name a host"),
        (a_remote_resource("https://user:secret@data.example.org"), "credentials"),
        (a_remote_resource("https://[bad"), "name a host"),
        (a_remote_resource(headers=[{"name": "Host", "value": "y"}]), "leave it out"),
        (a_remote_resource(headers=[{"name": "X", "value": None}]), "the value of X is missing"),
        (a_remote_resource(relative_url="x" * 3000), "characters"),
        (a_remote_resource(colour="red"), "colour"),
    ],
)
def test_a_remote_source_that_cannot_be_says_why(http: Http, key: str, body: Any, says: str) -> None:
    answer = http.post(f"{a_dataset(http, key)}/resources", key=key, json=body)
    assert (answer.status, list(answer.json["detail"])) == (400, ["datasource"])
    assert says in answer.json["detail"]["datasource"][0]


def test_metadata_are_read_and_written_whole_by_template_and_by_entry(http: Http, key: str) -> None:
    dataset = a_dataset(http, key)
    assert http.get(f"{dataset}/metadata/", key=key).json == METADATA
    assert http.get(f"{dataset}/metadata/default/title/", key=key).json == {"value": "Library books"}
    put = http.put(f"{dataset}/metadata/default/title/", key=key, json={"value": "Books"})
    assert (put.status, put.json) == (200, {"value": "Books"})
    http.put(f"{dataset}/metadata/dcat/creator", key=key, json={"value": "The library"})
    assert http.get(f"{dataset}/metadata", key=key).json == {
        "default": {"title": {"value": "Books"}},
        "dcat": {"creator": {"value": "The library"}},
    }
    http.put(f"{dataset}/metadata/dcat", key=key, json={"issued": {"value": "2026-01-01"}})
    assert list(http.get(f"{dataset}/metadata/dcat", key=key).json) == ["issued"]
    assert http.get(f"{dataset}/metadata/nothing/here", key=key).status == 404
    assert http.put(f"{dataset}/metadata/default/title", key=key, json="Books").status == 400


def test_api_keys_are_shown_once_listed_and_revoked_at_once(http: Http) -> None:
    admin = http.api_key("admin")
    body = {"label": "loader", "permissions": ["browse"], "expires_at": "2030-01-01T00:00:00Z"}
    made = created(http.post("/automation/v1.0/apikeys/", key=admin, json=body))
    assert http.get(ROOT, key=made["key"]).status == 200
    listed = http.get("/automation/v1.0/apikeys/", key=admin)
    assert made["key"] not in listed.text
    (shown,) = [k for k in listed.json["results"] if k["uid"] == made["uid"]]
    assert (shown["label"], shown["prefix"], shown["permissions"]) == ("loader", made["key"][:6], ["browse"])
    assert shown["expires_at"] == "2030-01-01T00:00:00+00:00"
    assert shown["last_used_at"]
    path = f"/automation/v1.0/apikeys/{made['uid']}/"
    assert http.get(path, key=admin).json == shown
    assert http.delete(path, key=admin).status == 204
    assert http.get(ROOT, key=made["key"]).status == 401
    assert http.get(path, key=admin).status == 404


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"permissions": ["fly"]}, "permissions"),
        ({"permissions": []}, "permissions"),
        ({"permissions": [[]]}, "permissions"),
        ({"label": ""}, "label"),
        ({"expires_at": "2020-01-01"}, "expires_at"),
        ({"expires_at": "soon"}, "expires_at"),
        ({"expires_at": "9999-12-31T23:59:59-14:00"}, "expires_at"),
        ({"key": "mine"}, "key"),
    ],
)
def test_an_api_key_that_cannot_be_names_the_problem(http: Http, change: dict[str, Any], name: str) -> None:
    body = {"label": "loader", "permissions": ["browse"], **change}
    answer = http.post("/automation/v1.0/apikeys", key=http.api_key("admin"), json=body)
    assert (answer.status, list(answer.json["detail"])) == (400, [name])


@pytest.mark.parametrize("scheme", ["Apikey", "apikey", "ApiKey", "APIKEY"])
def test_the_key_is_read_whatever_the_case_of_its_scheme(http: Http, key: str, scheme: str) -> None:
    assert http.get(ROOT, headers={"authorization": f"{scheme} {key}"}).status == 200
    assert http.get(ROOT, query={"apikey": key}).status == 200


def test_a_wrong_method_names_the_right_ones(http: Http, key: str) -> None:
    answer = http.request("PATCH", ROOT, key=key)
    assert (answer.status, answer.headers["allow"], answer.json["error_code"]) == (
        405,
        "GET, POST",
        "method_not_allowed",
    )


def test_an_answer_larger_than_the_gateway_carries_says_what_to_do(http: Http, key: str) -> None:
    dataset = a_dataset(http, key)
    path = push_path(a_resource(http, key, dataset))
    http.post(f"{dataset}/publish", key=key)
    for number in range(0, 20, 10):
        body = [{"isbn": str(n), "title": "x" * 340_000} for n in range(number, number + 10)]
        assert http.post(path, json=body).status == 200
    explore = "/explore/v2.1/catalog/datasets/library-books/records"
    answer = http.get(explore, query={"limit": 20})
    assert (answer.status, "limit" in answer.json["message"]) == (400, True)
    assert len(http.get(explore, query={"limit": 5}).json["results"]) == 5


def test_a_junk_host_header_does_not_break_links(http: Http, key: str) -> None:
    dataset = a_dataset(http, key)
    a_resource(http, key, dataset)
    answer = http.get(f"{dataset}/resources", key=key, headers={"host": "a\udc80b"})
    assert "https://localhost/api/push" in answer.text
