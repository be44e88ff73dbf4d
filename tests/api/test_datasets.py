"""Datasets over HTTP: create, find, edit, delete, list, publish."""

import re
from typing import Any

import pytest

from tests.api.conftest import Http
from tests.api.management import METADATA, ROOT, a_dataset, a_resource, created, push_path, records


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
