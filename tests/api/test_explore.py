"""The reading API over HTTP: shapes, visibility, errors."""

from typing import Any

import pytest
from chalice.app import Request

from chalicelib.api.explore_parameters import Parameters
from chalicelib.domain.errors import InvalidQuery
from tests.api.conftest import Answer, Http
from tests.builders import a_dataset, a_schema

API = "/explore/v2.1/catalog/datasets"
BASE = f"https://data.example.org/api{API}"
SCHEMA = a_schema(unique_key=["isbn"], isbn="text", title="text", pages="int", cover="file", leaflet="file")
JPEG = {"content": "aGVsbG8=", "content-type": "image/jpg", "filename": "é.jpg"}


def a_library(http: Http, *books: dict[str, Any], **options: Any) -> str:
    """A published dataset with these books; its path."""
    target = a_dataset(**{"schema": SCHEMA, "unique_key": ["isbn"], **options})
    path = f"/push/1.0/{target.dataset_id}/{target.resource_id}/push"
    if books:
        assert http.post(path, query={"pushkey": target.push_key}, json=list(books)).status == 200
    return f"{API}/{target.dataset_id}"


def refused(answer: Answer, status: int, code: str) -> str:
    """The sentence of a refusal of that status and code."""
    assert (answer.status, answer.json["error_code"]) == (status, code)
    assert answer.headers["access-control-allow-origin"] == "*"
    return str(answer.json["message"])


def test_the_catalog_shows_published_datasets_a_page_at_a_time(http: Http) -> None:
    for name in ("one", "two", "three"):
        a_library(http, dataset_id=name)
    a_library(http, dataset_id="draft", is_published=False)
    first = http.get(f"{API}/", query={"limit": 2}).json
    second = http.get(API, query={"limit": 2, "offset": 2}).json
    assert first["total_count"] == second["total_count"] == 3
    assert {d["dataset_id"] for d in first["results"] + second["results"]} == {"one", "two", "three"}


def test_a_dataset_shows_its_metas_and_fields_and_moves_only_when_data_changed(http: Http) -> None:
    path = a_library(http)
    before = http.get(path).json
    assert before["metas"]["default"].keys() == {"title", "modified", "records_count"}
    assert (before["has_records"], before["metas"]["default"]["records_count"]) == (False, 0)
    assert before["fields"][0] == {
        "name": "isbn", "label": "isbn", "type": "text", "annotations": {"id": []}, "description": None,
    }  # fmt: skip
    target = a_dataset("other", schema=SCHEMA)
    push = {"path": "/push/1.0/other/realtime/push", "query": {"pushkey": target.push_key}, "json": {"isbn": "1"}}
    assert http.post(**push).status == 200
    changed = http.get(f"{API}/other").json
    assert (changed["has_records"], changed["metas"]["default"]["records_count"]) == (True, 1)
    assert changed["metas"]["default"]["modified"] > before["metas"]["default"]["modified"]
    assert http.post(**push).status == 200
    assert http.get(f"{API}/other/").json == changed


def test_records_show_every_field_and_app_metas_when_asked(http: Http) -> None:
    path = a_library(http, {"isbn": "1", "title": "Emma"})
    plain = {"isbn": "1", "title": "Emma", "pages": None, "cover": None, "leaflet": None}
    assert http.get(f"{path}/records").json == {"total_count": 1, "results": [plain]}
    (shown,) = http.get(f"{path}/records/", query={"include_app_metas": "true"}).json["results"]
    assert shown.keys() - plain.keys() == {"_id", "_timestamp", "_size"}
    assert (len(shown["_id"]), shown["_size"]) == (40, len('{"isbn":"1","title":"Emma"}'))
    assert http.get(f"{path}/records/{shown['_id']}").json == plain
    assert http.get(f"{path}/records/{shown['_id']}", query={"include_app_metas": "true"}).json == shown
    assert http.get(f"{path}/records/{shown['_id']}/", query={"select": "title as t"}).json == {"t": "Emma"}


def test_records_are_chosen_sorted_and_paged(http: Http) -> None:
    path = a_library(http, *({"isbn": str(n), "pages": n} for n in range(30)))
    asked = {"select": "pages", "where": "pages >= 10 and isbn != '12'", "order_by": "-pages", "limit": 2, "offset": 16}
    answer = http.get(f"{path}/records", query=asked).json
    assert answer == {"total_count": 19, "results": [{"pages": 13}, {"pages": 11}]}
    assert [len(http.get(f"{path}/records", query=q).json["results"]) for q in ({}, {"limit": -1}, {"limit": 0})] == [
        10, 30, 0,
    ]  # fmt: skip


def test_a_file_is_found_by_its_url_until_its_record_changes(http: Http) -> None:
    target = a_dataset(schema=SCHEMA)
    path, push = f"{API}/library-books", f"/push/1.0/library-books/realtime/push?pushkey={target.push_key}"
    pdf = {"content": "aGVsbG8h", "content-type": "image/svg+xml"}
    http.post(push, json={"isbn": "1", "cover": JPEG, "leaflet": pdf})
    (record,) = http.get(f"{path}/records").json["results"]
    assert record["cover"].keys() == {"filename", "mimetype", "size", "url"}
    assert record["cover"]["url"].startswith(f"{BASE}/library-books/files/")
    links = [record[name]["url"].removeprefix("https://data.example.org/api") for name in ("cover", "leaflet")]
    shown, downloaded = (http.get(link) for link in links)
    assert (shown.status, downloaded.status) == (302, 302)
    assert "response-content-disposition=inline" in shown.headers["location"]
    assert "response-content-type=image%2Fjpeg" in shown.headers["location"]
    assert "response-content-disposition=attachment" in downloaded.headers["location"]
    http.post(push, json={"isbn": "1", "cover": {**JPEG, "content": "aGk="}})
    for link in (*links, f"{path}/files/x", f"{path}/files/{'0' * 40}.{'0' * 16}"):
        assert "read the record again" in refused(http.get(link), 404, "NotFoundException")


def test_exports_are_listed_and_answered_as_files(http: Http) -> None:
    path = a_library(http, {"isbn": "1", "title": "Emma; or"})
    links = http.get(f"{path}/exports").json["links"]
    assert [link["rel"] for link in links] == ["self", "csv", "geojson", "json", "jsonl"]
    csv = http.get(links[1]["href"].removeprefix("https://data.example.org/api"))
    assert csv.headers["content-type"] == "text/csv; charset=utf-8"
    assert csv.headers["content-disposition"] == "attachment; filename*=UTF-8''library-books.csv"
    assert csv.text == '\ufeffisbn;title;pages;cover;leaflet\r\n1;"Emma; or";;;\r\n'
    plain = {"delimiter": ",", "with_bom": "false", "select": "title", "limit": 1}
    assert http.get(f"{path}/exports/csv/", query=plain).text == "title\r\nEmma; or\r\n"
    assert http.get(f"{path}/exports/jsonl").headers["content-type"] == "application/jsonl"
    assert "use csv, geojson, json, jsonl" in refused(http.get(f"{path}/exports/parquet"), 400, "ODSQLError")
    assert "no geo_point_2d" in refused(http.get(f"{path}/exports/geojson"), 400, "ODSQLError")


def test_a_large_export_is_answered_by_where_it_lies(http: Http) -> None:
    target = a_dataset(schema=SCHEMA)
    for start in range(0, 20, 10):
        books = [{"isbn": str(n), "title": "x" * 300_000} for n in range(start, start + 10)]
        http.post("/push/1.0/library-books/realtime/push", query={"pushkey": target.push_key}, json=books)
    answer = http.get(f"{API}/library-books/exports/json")
    assert (answer.status, answer.body) == (302, b"")
    assert "/freshwire-test-exports-" in answer.headers["location"]
    head = http.head(f"{API}/library-books/exports/json")
    assert (head.status, head.headers["content-type"], head.body) == (200, "application/json", b"")


def test_a_restricted_dataset_is_there_only_for_keys_that_may_browse(http: Http) -> None:
    path = a_library(http, {"isbn": "1"}, is_restricted=True)
    a_library(http, dataset_id="open")
    reader, publisher = http.api_key("browse"), http.api_key("publish")
    below = ("", "/records", f"/records/{'0' * 40}", "/exports", "/exports/csv", f"/files/{'0' * 40}.{'0' * 16}")
    unknown = [http.get(f"{API}/unknown-names{rest}") for rest in below]
    for key in (None, publisher):
        for rest, other in zip(below, unknown, strict=True):
            said = refused(http.get(path + rest, key=key), 404, "NotFoundException")
            assert said.replace("library-books", "unknown-names") == other.json["message"]
        assert http.get(API, key=key).json["total_count"] == 1
    assert http.get(API, key=reader).json["total_count"] == 2
    assert http.get(f"{path}/records", query={"apikey": reader}).json["total_count"] == 1
    assert "API key" in refused(http.get(f"{API}/open", key="x" * 56), 401, "unauthorized")


def test_a_dataset_that_is_not_published_is_not_there(http: Http) -> None:
    path = a_library(http, is_published=False)
    for rest in ("", "/records", "/exports/csv"):
        refused(http.get(path + rest, key=http.api_key("admin")), 404, "NotFoundException")


def test_other_methods_are_refused_in_the_shape_of_this_api(http: Http) -> None:
    path = a_library(http)
    for rest in ("", "/records", "/exports/csv"):
        answer = http.post(path + rest, json={})
        assert "use GET or HEAD" in refused(answer, 405, "method_not_allowed")
        assert answer.headers["allow"] == "GET, HEAD"
    head = http.head(f"{path}/records")
    assert (head.status, head.body, head.headers["content-type"]) == (200, b"", "application/json")
    assert http.head(f"{API}/unknown").body == b""


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"limit": "101"}, "limit must be a whole number from -1 to 100, not '101'"),
        ({"limit": "-2"}, "limit must be"),
        ({"limit": "ten"}, "limit must be"),
        ({"limit": ""}, "limit must be"),
        ({"limit": "1" * 5000}, "limit must be"),
        ({"limit": "١"}, "limit must be"),
        ({"offset": "-1"}, "offset must be"),
        ({"limit": "100", "offset": "9900"}, "offset + limit is 10000 and must be below 10000: use an export"),
        ({"limit": ["1", "2"]}, "limit is given 2 times"),
        ({"where": ["pages = 1", "pages = 2"]}, "where is given 2 times"),
        ({"include_app_metas": "yes"}, "include_app_metas must be true or false"),
        ({"where": "isbn = 1"}, "compare it with a text"),
        (
            {"where": "nope = 1"},
            "There is no field 'nope': the dataset has isbn, title, pages, cover, leaflet, _id, _timestamp.",
        ),
        ({"order_by": "nope"}, "There is no field 'nope'"),
        ({"select": "nope"}, "There is no field 'nope'"),
        ({"refine": "title:Emma"}, "refine is not offered here"),
    ],
)
def test_a_bad_parameter_is_refused_with_what_was_expected(http: Http, query: dict[str, Any], said: str) -> None:
    path = a_library(http)
    assert said in refused(http.get(f"{path}/records", query=query), 400, "ODSQLError")


def test_a_parameter_with_half_a_character_is_refused() -> None:
    """A URL cannot carry one, the JSON of a Lambda event can."""
    event = {
        "multiValueQueryStringParameters": {"where": ["title = '\ud800'"]}, "headers": {}, "pathParameters": {},
        "requestContext": {"httpMethod": "GET", "resourcePath": "/"}, "body": None, "stageVariables": None,
    }  # fmt: skip
    with pytest.raises(InvalidQuery, match="is not Unicode text"):
        Parameters(Request(event))


def test_the_last_page_that_may_be_asked_for_is_answered(http: Http) -> None:
    path = a_library(http, {"isbn": "1"})
    assert http.get(f"{path}/records", query={"limit": 100, "offset": 9899}).json == {"total_count": 1, "results": []}
    assert http.get(f"{path}/records", query={"lang": "fr", "timezone": "UTC"}).json["total_count"] == 1
