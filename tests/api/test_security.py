"""Default security over HTTP: what readers without an API key that may browse see, on every way to the data."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from chalicelib.api.openapi.explore_operations import OPERATIONS
from tests.api.conftest import Http
from tests.api.management import ROOT, a_resource, created, push_path

SAMPLE = {"isbn": "1", "title": "Emma", "reader": "Secret name", "scan": None, "cover": None}
FILE = {"content": "R0lGODlhAQABAAAAACw=", "content-type": "image/gif"}
EVERYTHING = {"is_data_visible": True, "visible_fields": None, "filter_query": "", "api_calls_quota": None}
BELOW = ["records", "records/{record_id}", "exports/csv", "exports/json", "exports/jsonl", "files/{file_id}"]


@dataclass(frozen=True, kw_only=True)
class Library:
    """A published dataset with one record, that has two files: its paths, and keys with and without `browse`."""

    http: Http
    path: str
    explore: str
    publisher: str
    pusher: str
    record_id: str

    def put(self, **security: Any) -> Any:
        return self.http.put(f"{self.path}/security/default/", key=self.publisher, json=security)

    def read(self, rest: str = "", key: str | None = None, **query: Any) -> Any:
        return self.http.get(f"{self.explore}{rest}", key=key, query=query)

    def file_id(self, field: str) -> str:
        """The id of the file in that field, as its URL has it."""
        (record,) = self.read("/records", self.publisher).json["results"]
        return str(record[field]["url"].rpartition("/")[2])


@pytest.fixture
def library(shared_http: Http) -> Library:
    return a_library(shared_http)


@pytest.fixture(scope="module")
def open_library(shared_http: Http) -> Iterator[Library]:
    """One for those tests that change nothing."""
    yield a_library(shared_http)


def a_library(http: Http) -> Library:
    key = http.api_key("browse", "edit", "publish")
    dataset = created(http.post(ROOT, key=key, json={"metadata": {}}))
    path = f"{ROOT}/{dataset['uid']}"
    push = push_path(a_resource(http, key, path, params={"bootstrap": SAMPLE}))
    for field in ("cover", "scan"):
        created(http.post(f"{path}/fields", key=key, json={"type": "type", "field": field, "type_param": "file"}))
    created(http.post(f"{path}/fields", key=key, json={"type": "annotate", "annotation": "id", "field": "isbn"}))
    assert http.post(f"{path}/publish", key=key).status == 200
    record = {**SAMPLE, "cover": FILE, "scan": {**FILE, "content": "R0lGODlhAQABAAAAACw7"}}
    pushed = http.post(push, json=record, headers={"prefer": "return=representation"})
    return Library(
        http=http,
        path=path,
        explore=f"/explore/v2.1/catalog/datasets/{dataset['dataset_id']}",
        publisher=key,
        pusher=http.api_key("publish"),
        record_id=pushed.json["record_ids"][0],
    )


def test_a_dataset_begins_open_and_what_is_left_out_stays(library: Library) -> None:
    shown = library.http.get(f"{library.path}/security/default", key=library.publisher)
    assert (shown.status, shown.json) == (200, EVERYTHING)
    assert library.put(visible_fields=["isbn", "title", "isbn"]).json["visible_fields"] == ["isbn", "title"]
    hidden = {**EVERYTHING, "visible_fields": ["isbn", "title"], "is_data_visible": False}
    assert library.put(is_data_visible=False).json == hidden
    dataset = library.http.get(library.path, key=library.publisher).json
    assert dataset["default_security"] == hidden
    body = {**dataset, "default_security": {**hidden, **EVERYTHING}}
    edited = library.http.put(library.path, key=library.publisher, json=body)
    assert (edited.status, edited.json["default_security"]) == (200, EVERYTHING)


def test_hidden_data_is_out_of_reach_at_once_on_every_path_and_the_dataset_is_not(library: Library) -> None:
    declared = {path.partition("{dataset_id}/")[2].partition("/")[0] for path in OPERATIONS}
    assert declared - {""} == {path.partition("/")[0] for path in BELOW}, "a path to the data that is not tested"
    names = {"record_id": library.record_id, "file_id": library.file_id("cover")}
    assert library.put(is_data_visible=False).status == 200
    for path in BELOW:
        rest = "/" + path.format(**names)
        for key, status, code in ((None, 401, "unauthorized"), (library.pusher, 403, "forbidden")):
            for method in ("GET", "HEAD"):
                assert library.http.request(method, library.explore + rest, key=key).status == status
            assert library.read(rest, key).json["error_code"] == code
        assert library.read(rest, library.publisher).status in (200, 302)
    described = library.read().json
    assert (described["data_visible"], described["has_records"], len(described["fields"])) == (False, True, 5)
    assert library.read("/exports").status == 200
    assert library.read(key=library.publisher).json["data_visible"] is True
    library.put(is_data_visible=True)
    assert library.read("/records").json["total_count"] == 1


def test_a_hidden_field_is_no_field_to_those_who_may_not_browse(library: Library) -> None:
    scan, cover = library.file_id("scan"), library.file_id("cover")
    whole = library.read("/records", library.publisher, include_app_metas="true").json["results"][0]["_size"]
    assert library.put(visible_fields=["title", "isbn", "cover"]).status == 200
    listed = library.http.get(library.explore.rpartition("/")[0], query={"limit": 100}).json["results"]
    for described in (library.read().json, next(d for d in listed if library.explore.endswith(f"/{d['dataset_id']}"))):
        assert [field["name"] for field in described["fields"]] == ["isbn", "title", "cover"]
    (record,) = library.read("/records", include_app_metas="true").json["results"]
    assert set(record) == {"isbn", "title", "cover", "_id", "_timestamp", "_size"}
    assert record["_size"] < whole, "the size of the whole would tell of hidden values"
    assert set(library.read(f"/records/{library.record_id}").json) == {"isbn", "title", "cover"}
    assert library.read("/exports/csv").text.startswith("\ufeffisbn;title;cover\r\n")
    assert "Secret" not in library.read("/exports/jsonl").text + library.read("/exports/json").text
    for name, asked in (
        ("where", "reader = 'x'"),
        ("order_by", "reader"),
        ("select", "reader"),
        ("select", "`reader`"),
    ):
        for rest in ("/records", "/exports/csv"):
            refused = library.read(rest, **{name: asked})
            assert (refused.status, "isbn, title, cover" in refused.json["message"]) == (400, True)
            assert library.read(rest, library.publisher, **{name: asked}).status == 200
    assert library.read(f"/files/{cover}").status == 302
    assert library.read(f"/files/{scan}").status == 404
    assert library.read(f"/files/{scan}", library.publisher).status == 302
    assert library.read("/records", library.publisher).json["results"][0]["reader"] == "Secret name"


@pytest.mark.parametrize(
    ("security", "name", "says"),
    [
        ({"visible_fields": ["isbn", "nope"]}, "visible_fields", "there is no field 'nope'; the fields are: isbn"),
        ({"visible_fields": ["title"]}, "visible_fields", "'isbn' must be visible: record ids"),
        ({"visible_fields": []}, "visible_fields", "set is_data_visible to false"),
        ({"visible_fields": "isbn"}, "visible_fields", "list"),
        ({"visible_fields": [["isbn"]]}, "visible_fields", "names"),
        ({"filter_query": "loans > 1"}, "filter_query", "not offered by this version"),
        ({"api_calls_quota": {"unit": "day", "limit": 5}}, "api_calls_quota", "not offered by this version"),
        ({"is_data_visible": "no"}, "is_data_visible", "true or false"),
        ({"is_visible": False}, "is_visible", "unknown field"),
    ],
)
def test_a_security_that_cannot_be_is_refused_and_changes_nothing(
    open_library: Library, security: dict[str, Any], name: str, says: str
) -> None:
    library = open_library
    for answer in (
        library.put(**security),
        library.http.put(library.path, key=library.publisher, json={"default_security": security}),
    ):
        assert (answer.status, list(answer.json["detail"])) == (400, [name])
        assert says in answer.json["detail"][name][0]
    assert library.http.get(f"{library.path}/security/default", key=library.publisher).json == EVERYTHING


def test_records_whose_ids_would_tell_of_hidden_fields_are_hidden_with_them(library: Library) -> None:
    """A publication may make a hidden field identifying; the records are then out of sight until that is mended."""
    assert library.put(visible_fields=["isbn", "title"]).status == 200
    http, key = library.http, library.publisher
    http.post(f"{library.path}/unpublish", key=key)
    created(
        http.post(f"{library.path}/fields", key=key, json={"type": "annotate", "annotation": "id", "field": "reader"})
    )
    assert http.post(f"{library.path}/publish", key=key).status == 200
    assert (library.read("/records").status, library.read().json["data_visible"]) == (401, False)
    assert library.read("/records", key).status == 200
    assert library.put(is_data_visible=True).status == 200, "what does not touch the fields is no question of them"
    assert library.put(visible_fields=["isbn", "title", "reader"]).status == 200
    assert library.read("/records").status == 200


def test_a_new_dataset_may_hide_its_data_but_has_no_fields_to_hide(shared_http: Http) -> None:
    key = shared_http.api_key("edit")
    body = {"metadata": {}, "default_security": {"is_data_visible": False}}
    assert created(shared_http.post(ROOT, key=key, json=body))["default_security"]["is_data_visible"] is False
    refused = shared_http.post(ROOT, key=key, json={**body, "default_security": {"visible_fields": ["isbn"]}})
    assert (refused.status, list(refused.json["detail"])) == (400, ["visible_fields"])


def test_security_travels_with_the_configuration(library: Library) -> None:
    library.put(visible_fields=["isbn", "title"], is_data_visible=False)
    document = library.http.get(f"{library.path}/export", key=library.publisher).json
    body = {**document, "dataset_id": f"{document['dataset_id']}-again"}
    imported = created(library.http.post(f"{ROOT}/import", key=library.publisher, json=body))
    assert imported["default_security"] == document["default_security"] != EVERYTHING
    body = {**body, "dataset_id": "elsewhere", "default_security": {"visible_fields": ["nope"]}}
    refused = library.http.post(f"{ROOT}/import", key=library.publisher, json=body)
    assert (refused.status, list(refused.json["detail"])) == (400, ["visible_fields"])
    assert library.http.get(ROOT, key=library.publisher, query={"dataset_id": "elsewhere"}).json["total_count"] == 0
