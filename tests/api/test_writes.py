"""Every write of the management API says by name what it does not take: nothing is passed over in silence.

The requests are made of the OpenAPI document: of each example, with one thing wrong.
"""

import copy
import re
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from app import app
from chalicelib.api.openapi.automation_operations import AUTOMATION
from chalicelib.api.openapi.document import document
from chalicelib.domain.shape import MOVING
from tests.api.conftest import Answer, Http
from tests.api.management import ROOT, a_remote_resource, created
from tests.api.test_configuration_file import FIELDS, PROCESSORS
from tests.api.test_openapi import World, a_world

FREE = {"metadata", "default", "bootstrap"}  # what a publisher names as he likes
CONNECTION = {"type": "http", "url": "https://example.org", "auth": {"type": "bearer", "token": "t"}}
MORE: dict[str, list[Any]] = {
    "POST /datasets/{dataset_uid}/resources": [
        a_remote_resource(),
        a_remote_resource(headers=[{"name": "X-Key", "value": "x"}], connection=CONNECTION),
        {"type": "csvfile", "datasource": {"url": "https://data.example.org/books.csv"}},
        {"type": "jsonl", "datasource": {"type": "uploaded_file", "file": None}},
        {
            "type": "xlsx",
            "params": {"sheet": "A"},
            "datasource": {"type": "uploaded_file", "file": {"uid": "fl_000000"}},
        },
        {"type": "csvfile", "datasource": {"type": "ftp", "connection": {"type": "ftp", "url": "ftp://example.org"}}},
    ],
    "POST /datasets/{dataset_uid}/fields": [*FIELDS, {"type": "delete", "field": "isbn"}],
    "POST /datasets/{dataset_uid}/processors": PROCESSORS,
    "PUT /datasets/{dataset_uid}": [{"default_security": {"is_data_visible": True}}],
}
WRITES = sorted(name for name in AUTOMATION.operations if name.startswith(("POST ", "PUT ")))
READ_AND_WRITTEN = sorted(name[4:] for name in WRITES if name.startswith("PUT "))
MADE = sorted(name for name, operation in AUTOMATION.operations.items() if 201 in operation.answers)
_numbers = count()


@pytest.fixture(scope="module")
def world(shared_http: Http) -> Iterator[World]:
    yield a_world(shared_http)


def send(http: Http, world: World, operation: str, body: Any) -> Answer:
    method, _, path = operation.partition(" ")
    filled = re.sub(r"{(\w+)}", lambda name: world.parts[name[1]], AUTOMATION.prefix + path)
    return http.request(method, filled, key=world.api_key, json=body)


def examples(operation: str) -> list[Any]:
    """Bodies that fit; {} for an operation that takes none."""
    method, _, path = operation.partition(" ")
    described = document(app)["paths"][AUTOMATION.prefix + path][method.lower()]
    content = described.get("requestBody", {}).get("content", {})
    return [content["application/json"]["example"] if content else {}, *MORE.get(operation, ())]


def objects_in(value: Any, name: str = "") -> Iterator[dict[str, Any]]:
    """The objects in a body that have a shape."""
    if isinstance(value, dict):
        if name not in FREE:
            yield value
        if name != "bootstrap":
            for key, inner in value.items():
                yield from objects_in(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from objects_in(inner, name)


def with_a_stranger(body: Any) -> Iterator[Any]:
    """The body with an unknown field, in each of its objects in turn."""
    for place in range(len(list(objects_in(body)))):
        changed = copy.deepcopy(body)
        list(objects_in(changed))[place]["colour"] = "red"
        yield changed


def named(answer: Answer) -> str:
    """All that a refusal says."""
    assert (answer.status, answer.json["error_code"]) == (400, "validation_error"), answer.text
    return str(answer.json["detail"])


@pytest.mark.parametrize("operation", WRITES)
def test_an_unknown_field_is_refused_by_name_at_any_depth(shared_http: Http, world: World, operation: str) -> None:
    is_named_freely = operation.endswith(("/metadata", "/metadata/{template}"))
    tried = 0
    for example in examples(operation):
        for body in with_a_stranger(example):
            if not (is_named_freely and "colour" in body):
                assert "colour" in named(send(shared_http, world, operation, body)), body
                tried += 1
    assert tried


@pytest.mark.parametrize("path", READ_AND_WRITTEN)
def test_what_was_read_may_be_sent_back_and_each_of_its_fields_changes_or_is_refused_by_name(
    shared_http: Http, world: World, path: str
) -> None:
    shown = send(shared_http, world, f"GET {path}", None).json
    assert send(shared_http, world, f"PUT {path}", shown).status == 200
    for name, value in shown.items():
        changed = {bool: lambda v: not v, str: lambda v: f"{v}x"}.get(type(value), lambda _: {"colour": 1})(value)
        answer = send(shared_http, world, f"PUT {path}", {**shown, name: changed})
        if answer.status == 200 and name not in MOVING:
            assert send(shared_http, world, f"GET {path}", None).json[name] == changed
        elif name not in MOVING:
            assert name in named(answer) or "colour" in named(answer)


@pytest.mark.parametrize("operation", MADE)
def test_each_field_of_what_is_made_may_be_chosen_or_is_refused_by_name(
    shared_http: Http, world: World, operation: str
) -> None:
    def body() -> dict[str, Any]:
        (example, *_) = examples(operation)
        return {**example, "dataset_id": f"made-{next(_numbers)}"} if "dataset_id" in example else dict(example)

    made = created(send(shared_http, world, operation, body()))
    for name, value in made.items():
        if name not in body():
            answer = send(shared_http, world, operation, {**body(), name: value})
            assert answer.json[name] == value if answer.status == 201 else name in named(answer)


def test_a_secret_has_no_place_in_a_configuration_that_is_imported(shared_http: Http, world: World) -> None:
    document = send(shared_http, world, "GET /datasets/{dataset_uid}/export", None).json
    realtime = document["resources"][0]
    shown = send(shared_http, world, "GET /datasets/{dataset_uid}/resources/{resource_uid}", None).json
    realtime["params"]["push_url"] = shown["params"]["push_url"]
    refused = shared_http.post(f"{ROOT}/import", key=world.api_key, json={**document, "dataset_id": "secret"})
    assert "resources[0].push_url" in named(refused)
    assert world.push_key not in refused.text
