"""The OpenAPI document is valid and complete, and the answers of the application conform to it."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openapi_spec_validator import OpenAPIV31SpecValidator
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import APIOperation, BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from app import app
from chalicelib.api.errors import STATUSES
from chalicelib.api.openapi.document import APIS, document, routed
from chalicelib.api.openapi.operation import Api
from chalicelib.domain.processors import types as processor_types
from chalicelib.domain.schema import FIELD_TYPES
from tests.api.conftest import Answer, Http, segment
from tests.deployment import Tables

AUTOMATION = "/automation/v1.0"
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
MANAGED = "/automation/v1.0/datasets/{dataset_uid}"
OPERATIONS = [(method.upper(), path) for path, operations in document(app)["paths"].items() for method in operations]
BY_OPERATION = pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=[" ".join(each) for each in OPERATIONS])
EXAMPLES = 10
Environ = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class World:
    """A published dataset with one of everything: values for the path parameters, and its keys."""

    parts: Mapping[str, str]
    api_key: str
    push_key: str


def a_world(http: Http) -> World:
    key = http.api_key("admin")

    def make(path: str, body: Any) -> Any:
        answer = http.post(AUTOMATION + path, key=key, json=body)
        assert answer.status in (200, 201), answer.text
        return answer.json

    dataset = make("/datasets", {"metadata": {"default": {"title": {"value": ""}}}})
    uid = dataset["uid"]
    bootstrap = {"title": "Emma", "isbn": "1", "loans": 0, "place": {"lat": 48.8, "lon": 2.3}, "cover": None}
    resource = make(f"/datasets/{uid}/resources", {"type": "realtime", "params": {"bootstrap": bootstrap}})
    field = make(f"/datasets/{uid}/fields", {"type": "type", "field": "cover", "type_param": "file"})
    processor = make(f"/datasets/{uid}/processors", {"type": "copy", "field": "title", "output_field": "also"})
    published = http.post(f"{AUTOMATION}/datasets/{uid}/publish", key=key)
    assert published.status == 200, published.text
    source = {"type": "http", "connection": {"type": "http", "url": "https://example.org"}}
    # Added once it is published: a worker would fetch it.
    make(f"/datasets/{uid}/resources", {"type": "csvfile", "datasource": source})
    schedule = make(f"/datasets/{uid}/schedules", {"cron_schedule": "0 2 * * *"})
    key_uid = make("/apikeys", {"label": "another", "permissions": ["browse"]})["uid"]
    push_path, _, push_key = resource["params"]["push_url"].partition("/api")[2].partition("?pushkey=")
    cover = {"content": "R0lGODlhAQABAAAAACw=", "content-type": "image/gif"}
    pushed = http.post(
        push_path,
        query={"pushkey": push_key},
        json={**bootstrap, "cover": cover},
        headers={"prefer": "return=representation"},
    )
    assert pushed.status == 200, pushed.text
    records = f"/explore/v2.1/catalog/datasets/{dataset['dataset_id']}/records"
    shown = http.get(records, key=key).json["results"][0]
    parts = {
        "dataset_uid": uid,
        "dataset_id": dataset["dataset_id"],
        "resource_uid": resource["uid"],
        "resource_id": resource["resource_id"],
        "field_uid": field["uid"],
        "processor_uid": processor["uid"],
        "schedule_uid": schedule["uid"],
        "run_id": make(f"/datasets/{uid}/runs", {})["run_id"],
        "api_key_uid": key_uid,
        "record_id": pushed.json["record_ids"][0],
        "batch_id": pushed.headers["x-batch-id"],
        "upload_id": http.post(f"{push_path}upload", query={"pushkey": push_key}).json["upload_id"],
        "file_id": shown["cover"]["url"].rpartition("/")[2],
        "format_name": "geojson",
        "template": "default",
        "name": "title",
    }
    return World(parts=parts, api_key=key, push_key=push_key)


def wsgi(http: Http) -> Callable[[Environ, Callable[..., Any]], Iterable[bytes]]:
    """The application as WSGI, which is how schemathesis sends requests without a server."""

    def answer(environ: Environ, start: Callable[..., Any]) -> list[bytes]:
        headers = {
            name.removeprefix("HTTP_").replace("_", "-").lower(): value
            for name, value in environ.items()
            if name.startswith("HTTP_") or (name in ("CONTENT_TYPE",) and value)
        }
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace").removeprefix("/api")
        query = f"?{environ['QUERY_STRING']}" if environ["QUERY_STRING"] else ""
        url = "/".join(segment(part) for part in path.split("/")) + query
        got: Answer = http.request(environ["REQUEST_METHOD"], url, body=body, headers=headers)
        start(f"{got.status} {HTTPStatus(got.status).phrase}", list(got.headers.items()))
        return [got.body]

    return answer


@pytest.fixture(scope="module")
def schema(shared_http: Http) -> Iterator[BaseSchema]:
    yield schemathesis.openapi.from_wsgi("/api/openapi.json", wsgi(shared_http))


@pytest.fixture(scope="module")
def readable(shared_http: Http) -> World:
    """A world for those operations that only read."""
    return a_world(shared_http)


@pytest.fixture(scope="module")
def tables(readable: World) -> Tables:
    """The tables with the readable world alone."""
    return Tables()


def a_world_of_its_own(http: Http, tables: Tables) -> World:
    """A world to write to, with none of those that other tests have written to."""
    tables.put_back()
    return a_world(http)


def test_the_document_is_served_to_every_origin_and_valid(http: Http) -> None:
    answer = http.get("/openapi.json")
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, "*")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json["servers"] == [{"url": "https://data.example.org/api"}]
    assert list(OpenAPIV31SpecValidator(answer.json).iter_errors()) == []
    assert answer.json == {**document(app), "servers": answer.json["servers"]}
    refused = http.post("/openapi.json")
    assert refused.status in (403, 405)


@pytest.mark.parametrize("api", APIS, ids=lambda api: api.tag)
def test_every_route_is_declared_and_every_declaration_has_a_route(api: Api) -> None:
    assert routed(app, api) == set(api.operations)


def test_no_route_is_left_out_of_the_apis() -> None:
    prefixes = tuple(api.prefix for api in APIS)
    assert {path for path in app.routes if not path.startswith(prefixes)} == {
        "/health",
        "/openapi.json",
        "/mail/confirm",
        "/mail/unsubscribe",
    }


def test_every_operation_has_an_id_of_its_own_and_a_summary() -> None:
    operations = [operation for path in document(app)["paths"].values() for operation in path.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations) > 60
    for operation in operations:
        assert operation["summary"]
        assert not operation["summary"].endswith(".")


def test_every_refusal_but_those_of_the_method_is_documented_with_its_status() -> None:
    documented = {
        (int(status), code)
        for path in document(app)["paths"].values()
        for operation in path.values()
        for status, answer in operation["responses"].items()
        for code in answer.get("$ref", "").rpartition("/")[2].split(".")[1:]
    }
    expected = {(status, refusal.code) for refusal, status in STATUSES.items() if refusal.code != "method_not_allowed"}
    assert documented == expected | {(500, "internal_error")}


def test_processors_field_types_and_resources_come_from_their_registries() -> None:
    schemas = document(app)["components"]["schemas"]
    processors = [variant["properties"]["type"]["const"] for variant in schemas["ProcessorInput"]["anyOf"]]
    assert processors == processor_types()
    typing = next(v for v in schemas["FieldConfigurationInput"]["oneOf"] if "type_param" in v["properties"])
    assert typing["properties"]["type_param"] == {"enum": list(FIELD_TYPES)}
    csv = next(v for v in schemas["ResourceInput"]["oneOf"] if v["properties"]["type"] == {"const": "csvfile"})
    assert csv["properties"]["params"]["properties"]["first_row_no"] == {
        "type": "integer",
        "minimum": 1,
        "maximum": 1000,
    }


@pytest.mark.parametrize("key", [key for key, operation in APIS[1].operations.items()])
def test_the_documented_permission_is_the_one_that_is_asked_for(shared_http: Http, key: str) -> None:
    method, _, path = key.partition(" ")
    filled = re.sub(r"{\w+}", "da_a1b2c3", AUTOMATION + path)
    refused = shared_http.request(method, filled, key=shared_http.api_key(), json={})
    assert refused.status == 403
    assert f"'{APIS[1].operations[key].permission}'" in refused.json["message"]


@BY_OPERATION
def test_the_documented_example_comes_through(
    shared_http: Http, schema: BaseSchema, readable: World, tables: Tables, method: str, path: str
) -> None:
    world = readable if only_reads(method, path) else a_world_of_its_own(shared_http, tables)
    operation: APIOperation = schema[path][method]
    documented = document(app)["paths"][path][method.lower()]
    examples = {p["name"]: p["example"] for p in documented["parameters"] if p.get("in") == "query" and "example" in p}
    case = operation.Case(
        path_parameters={name: world.parts[name] for name in re.findall(r"{(\w+)}", path)},
        headers={"Authorization": f"Apikey {world.api_key}", "Prefer": "return=representation"},
        query={"pushkey": world.push_key} if path.startswith("/push/") else examples,
    )
    content = documented.get("requestBody", {}).get("content", {})
    if "application/json" in content:
        shown = content["application/json"]
        case.body = shown["example"] if "example" in shown else shown["examples"]["several"]["value"]
        case.media_type = "application/json"
    answer = case.call_and_validate(checks=CHECKS)
    # There is nothing to abort or to resume: a publication ends before its request does, and the lane is empty.
    nothing_to_do = {
        f"{MANAGED}/resources/{{resource_uid}}/recover/abort": (409,),
        f"{MANAGED}/abort": (400,),
        f"{MANAGED}/lane/abort": (409,),
        f"{MANAGED}/lane/resume": (409,),
        f"{MANAGED}/resources/preview": (400,),  # the tests reach no server elsewhere
    }
    nothing_to_do["/push/1.0/{dataset_id}/{resource_id}/push/upload/{upload_id}/commit"] = (409,)  # no file has arrived
    assert answer.status_code in nothing_to_do.get(path, (200, 201, 204, 302)), answer.text


@BY_OPERATION
def test_answers_conform(
    shared_http: Http, schema: BaseSchema, readable: World, tables: Tables, method: str, path: str
) -> None:
    """Requests that the document allows, and such as it does not; half of them to what exists."""
    operation: APIOperation = schema[path][method]
    world = readable if only_reads(method, path) else a_world_of_its_own(shared_http, tables)
    cases = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    if operation.body or operation.query or operation.path_parameters:  # else nothing of it can be wrong
        cases |= operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)

    @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=HealthCheck)
    @given(case=cases, exists=st.booleans(), has_key=st.integers(0, 9))
    def conform(case: schemathesis.Case, exists: bool, has_key: int) -> None:
        if exists:
            kept = {name: world.parts[name] for name in case.path_parameters if name in world.parts}
            case.path_parameters = {**case.path_parameters, **kept}
        if has_key:
            case.headers = {**(case.headers or {}), "Authorization": f"Apikey {world.api_key}"}
            if path.startswith("/push/"):
                case.query = {**(case.query or {}), "pushkey": world.push_key}
        case.call_and_validate(checks=CHECKS)

    conform()


def only_reads(method: str, path: str) -> bool:
    return method in ("GET", "HEAD") and not path.endswith("/delete")  # GET deletes records too
