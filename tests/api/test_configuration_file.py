"""A dataset's configuration travels as one document, and a script's whole set-up with it."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.conftest import Http, a_deployment
from tests.api.management import BOUNDARY, ROOT, a_remote_resource, created, upload
from tests.sources.web import Site, a_site, reply

FIELDS = [
    {"type": "type", "field": "loans", "type_param": "double"},
    {"type": "rename", "from_name": "title", "to_name": "name", "field_label": "Title"},
    {"type": "annotate", "annotation": "id", "field": "isbn"},
    {"type": "description", "field": "isbn", "description": "Ten or thirteen digits"},
    {"type": "order", "args": ["isbn"]},
]
PROCESSORS = [
    {"type": "string_replace", "label": "dashes", "field": "isbn", "old": "-", "new": ""},
    {"type": "concatenate", "fields": ["title", "isbn"], "separator": " ", "output_field": "both"},
    {"type": "copy", "field": "loans", "output_field": "lent"},
]
SCHEDULES = [{"cron_schedule": "0 2 * * *"}, {"cron_schedule": "30 7 * * 1"}]
MANAGED = ("", "/status", "/metadata", "/security/default", "/resources", "/processors", "/fields", "/schedules")
SORTED = {"order_by": "isbn", "include_app_metas": "true"}
OWN = {"uid", "dataset_uid", "created_at", "updated_at", "since", "push_url", "modified", "_timestamp", "problem"}
BOOTSTRAP = {"isbn": "0-1", "title": "Emma", "loans": 1}


@pytest.fixture
def site() -> Iterator[Site]:
    with a_site() as running:
        yield running


@pytest.fixture
def key(http: Http) -> Iterator[str]:
    return http.api_key("browse", "edit", "publish")


def set_up(http: Http, key: str, url: str = "https://data.example.org") -> str:
    dataset = f"{ROOT}/{created(http.post(ROOT, key=key, json={'metadata': {}, 'dataset_id': 'books'}))['uid']}"
    realtime = {"type": "realtime", "params": {"bootstrap": BOOTSTRAP, "null_values": ["NA"]}}
    for body in (realtime, a_remote_resource(url)):
        created(http.post(f"{dataset}/resources", key=key, json=body))
    for name, parts in (("processors", PROCESSORS), ("fields", FIELDS), ("schedules", SCHEDULES)):
        for part in parts:
            created(http.post(f"{dataset}/{name}", key=key, json=part))
    return dataset


def a_script_key(http: Http) -> str:
    """A key that an administrator orders for a script."""
    body = {"label": "script", "permissions": ["browse", "edit", "publish"]}
    ordered = created(http.post("/automation/v1.0/apikeys/", key=http.api_key("admin"), json=body))
    return str(ordered["key"])


def answers_of(http: Http, key: str, dataset: str) -> Any:
    """All that the dataset answers once it is published and pushed to, but for what is a deployment's own."""
    assert http.post(f"{dataset}/publish", key=key).status == 200
    (realtime, _) = http.get(f"{dataset}/resources", key=key).json["results"]
    push, _, push_key = realtime["params"]["push_url"].partition("/api")[2].partition("?pushkey=")
    pushed = http.post(push, query={"pushkey": push_key}, json=[BOOTSTRAP, {"isbn": "0-2", "title": "NA"}])
    assert pushed.status == 200
    explore = "/explore/v2.1/catalog/datasets/books"
    answers = [http.get(f"{dataset}{path}", key=key).json for path in MANAGED]
    answers += [http.get(explore).json, http.get(f"{explore}/records", query=SORTED).json]
    return without_own(answers), http.get(f"{explore}/exports/csv").text


def without_own(answer: Any) -> Any:
    if isinstance(answer, dict):
        return {name: without_own(value) for name, value in answer.items() if name not in OWN}
    return [without_own(each) for each in answer] if isinstance(answer, list) else answer


def test_a_script_sets_up_a_dataset_and_its_configuration_answers_the_same_elsewhere(site: Site) -> None:
    site.routes["/a.csv"] = reply(b"isbn,title,loans\n0-3,Persuasion,2\n")
    with a_deployment() as http:
        key = a_script_key(http)
        original = set_up(http, key, site.base)
        answers = answers_of(http, key, original)
        document = http.get(f"{original}/export", key=key).json
    with a_deployment() as http:
        key = a_script_key(http)
        again = f"{ROOT}/{created(http.post(f'{ROOT}/import/', key=key, json=document))['uid']}"
        assert http.get(f"{again}/export/", key=key).json == document
        assert answers_of(http, key, again) == answers
    counted = [len(document[name]) for name in ("resources", "fields", "processors", "schedules")]
    assert counted == [2, 5, 3, 2]
    assert "pushkey" not in str(document)
    first, second, fetched = answers[0][-1]["results"]
    assert (first["isbn"], first["name"], first["both"]) == ("01", "Emma", "Emma 01")
    assert (second["isbn"], second["name"]) == ("02", None)
    assert (fetched["isbn"], fetched["name"]) == ("03", "Persuasion")


def test_an_uploaded_files_fields_travel_and_its_content_does_not(http: Http, key: str) -> None:
    dataset = f"{ROOT}/{created(http.post(ROOT, key=key, json={'metadata': {}, 'dataset_id': 'books'}))['uid']}"
    file = upload(http, key, dataset, b"isbn;loans\n1;2\n")
    source = {"type": "uploaded_file", "file": {"uid": file["uid"]}}
    created(http.post(f"{dataset}/resources", key=key, json={"type": "csvfile", "datasource": source}))
    created(http.post(f"{dataset}/fields", key=key, json={"type": "annotate", "annotation": "id", "field": "isbn"}))
    document = http.get(f"{dataset}/export", key=key).json
    assert file["uid"] not in str(document)
    again = f"{ROOT}/{created(http.post(f'{ROOT}/import', key=key, json={**document, 'dataset_id': 'new'}))['uid']}"
    assert http.post(f"{again}/publish", key=key).status == 200
    (resource,) = http.get(f"{again}/resources", key=key).json["results"]
    resource["datasource"]["file"] = {"uid": upload(http, key, again, b"isbn;loans\n1;2\n")["uid"]}
    assert http.put(f"{again}/resources/{resource['uid']}", key=key, json=resource).status == 200
    assert http.post(f"{again}/publish", key=key).status == 200
    results = http.get("/explore/v2.1/catalog/datasets/new/records").json["results"]
    assert results == [{"isbn": 1, "loans": 2}]


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"freshwire": 2}, "freshwire"),
        ({"colour": "red"}, "colour"),
        ({"dataset_id": "books"}, "dataset_id"),
        ({"resources": [{"type": "pigeon"}]}, "resources[0].type"),
        ({"resources": ["x"]}, "resources[0].resource"),
        ({"resources": [{"type": "realtime", "source_fields": [["a", "number"]]}]}, "resources[0].source_fields"),
        ({"fields": [FIELDS[0], {"type": "delete", "field": "nope"}]}, "fields[1].field"),
        ({"processors": [{"type": "teleport"}]}, "processors[0].type"),
        ({"schedules": [{"cron_schedule": "never"}]}, "schedules[0].cron_schedule"),
    ],
)
def test_a_document_that_cannot_be_is_refused_whole_with_the_place(
    http: Http, key: str, change: dict[str, Any], name: str
) -> None:
    document = http.get(f"{set_up(http, key)}/export", key=key).json
    answer = http.post(f"{ROOT}/import", key=key, json={**document, "dataset_id": "new", **change})
    assert (answer.status, list(answer.json["detail"])) == (400, [name]), answer.text
    assert http.get(ROOT, key=key).json["total_count"] == 1


def test_a_preview_shows_records_as_publishing_would_make_them(http: Http, key: str) -> None:
    dataset = set_up(http, key)
    realtime, _ = http.get(f"{dataset}/resources", key=key).json["results"]
    shown = http.get(f"{dataset}/resources/{realtime['uid']}/preview/", key=key).json
    assert [(r["isbn"], r["name"]) for r in shown["results"]] == [("01", "Emma")]
    file = upload(http, key, dataset, b"isbn;title;loans\n1;A;2\n2;B;many\n" + b"3;C;1\n" * 30)
    source = {"type": "uploaded_file", "file": {"uid": file["uid"]}}
    resource = created(http.post(f"{dataset}/resources", key=key, json={"type": "csvfile", "datasource": source}))
    shown = http.get(f"{dataset}/resources/{resource['uid']}/preview/", key=key).json
    assert len(shown["results"]) == 19
    assert [(error["line"], error["field"]) for error in shown["errors"]] == [(3, "loans")]


def test_a_large_file_is_announced_and_sent_to_a_form(http: Http, key: str) -> None:
    dataset = f"{ROOT}/{created(http.post(ROOT, key=key, json={'metadata': {}, 'dataset_id': 'books'}))['uid']}"
    announced = created(
        http.post(f"{dataset}/resources/files", key=key, json={"filename": "books.csv", "size": 200_000_000})
    )
    assert announced["upload"]["url"].startswith("https://")
    assert announced["upload"]["fields"]["key"].endswith(announced["uid"])
    source = {"type": "uploaded_file", "file": {"uid": announced["uid"]}}
    early = http.post(f"{dataset}/resources", key=key, json={"type": "csvfile", "datasource": source})
    assert (early.status, "not uploaded" in early.json["message"]) == (400, True)
    for body, status in (
        ({"filename": "books.csv", "size": 300_000_000}, 413),
        ({"filename": "books.csv"}, 400),
        ({"filename": "", "size": 5}, 400),
    ):
        assert http.post(f"{dataset}/resources/files", key=key, json=body).status == status
    assert http.post(f"{dataset}/resources/files", key=key, body=b"x", headers=BOUNDARY).status == 400
