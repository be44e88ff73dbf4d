"""The field and processor stacks of a dataset over HTTP."""

import re
from typing import Any

import pytest

from tests.api.conftest import Http
from tests.api.management import a_dataset, a_resource, created, push_path, records


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
