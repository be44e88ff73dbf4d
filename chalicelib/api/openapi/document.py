"""The OpenAPI document: routes, docstrings, refusals and shapes from the code, joined with what is declared."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from chalice.app import Chalice

from chalicelib.api.errors import STATUSES
from chalicelib.api.http import methods_of
from chalicelib.api.openapi.automation_operations import AUTOMATION
from chalicelib.api.openapi.bodies import body_schemas
from chalicelib.api.openapi.components import SECURITY, answer_schemas
from chalicelib.api.openapi.explore_operations import EXPLORE
from chalicelib.api.openapi.operation import Api, Json, Operation, json_of, ref
from chalicelib.api.openapi.push_operations import PUSH
from chalicelib.domain.errors import Refused

APIS = (PUSH, AUTOMATION, EXPLORE)
_INTERNAL = ("internal_error", "Something went wrong on our side: send the request again.")
_RETRY_AFTER = {"description": "seconds to wait before the same request is sent again", "schema": {"type": "integer"}}


@cache
def document(app: Chalice) -> Json:
    """The document of this application's APIs, without `servers`: they depend on how it is reached."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Freshwire",
            "version": "1.0",
            "description": "Open datasets, kept up to date. Every path answers with and without a slash at its end.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "tags": [{"name": api.tag, "description": api.description} for api in APIS],
        "paths": _paths(app),
        "components": {
            "schemas": {**answer_schemas(), **body_schemas()},
            "responses": {name: answer for api in APIS for name, answer in _refusal_answers(api).items()},
            "securitySchemes": SECURITY,
        },
    }


def routed(app: Chalice, api: Api) -> set[str]:
    """The operations that the application has routes for, as they are declared: `GET /datasets/{dataset_uid}`.

    HEAD is not among them, it follows from GET.
    """
    return {f"{method} {path}" for method, path, _ in _views(app, api) if method != "HEAD"}


def _views(app: Chalice, api: Api) -> Iterator[tuple[str, str, Any]]:
    """Method, path after the prefix, and view of every operation of an API."""
    for path, entries in app.routes.items():
        if path.startswith(api.prefix + "/"):
            for method in methods_of(next(iter(entries.values())).view_function):
                yield method, path.removeprefix(api.prefix), entries[method].view_function


def _paths(app: Chalice) -> Json:
    paths: Json = {}
    for api in APIS:
        for method, path, view in _views(app, api):
            declared = api.operations[f"{'GET' if method == 'HEAD' else method} {path}"]
            operation = _operation(api, method, path, view, declared)
            paths.setdefault(api.prefix + path, {})[method.lower()] = operation
    return paths


def _operation(api: Api, method: str, path: str, view: Any, declared: Operation) -> Json:
    documentation = " ".join((view.__doc__ or "").split())
    summary = declared.summary or re.split(r"[.:] ", documentation)[0].rstrip(".")
    allowed = f"Needs an API key with the permission `{declared.permission}`." if declared.permission else ""
    operation: Json = {
        "operationId": f"{api.tag}_{view.__name__}_{method.lower()}",
        "tags": [api.tag],
        "summary": summary,
        "description": f"{documentation} {allowed}".strip(),
        "parameters": [*_path_parameters(api, path), *declared.parameters],
        "security": list(api.security),
        "responses": _responses(api, method, path, declared),
    }
    if declared.body is not None:
        operation["requestBody"] = {"required": declared.body_required, "content": dict(declared.body)}
    return operation


def _path_parameters(api: Api, path: str) -> list[Json]:
    return [{"name": name, **api.path_parameters[name]} for name in re.findall(r"{(\w+)}", path)]


def _responses(api: Api, method: str, path: str, declared: Operation) -> Json:
    answers: Json = {}
    for status, content in declared.answers.items():
        answer: Json = {"description": _SUCCESSES[status]}
        if content and method != "HEAD":
            answer["content"] = dict(content)
        if headers := declared.headers.get(status):
            answer["headers"] = dict(headers)
        answers[str(status)] = answer
    for status, codes in _by_status(api.refusals(method, path, declared)).items():
        if method == "HEAD":
            answers[str(status)] = {"description": _sentences(codes)}
        else:
            answers[str(status)] = {"$ref": f"#/components/responses/{_name(api, codes)}"}
    return answers


def _by_status(refusals: Sequence[type[Refused]]) -> dict[int, dict[str, str]]:
    """Codes and their sentences by status, sorted; what nobody foresaw among them."""
    statuses: dict[int, dict[str, str]] = {}
    for refusal in sorted(set(refusals), key=lambda refusal: (STATUSES[refusal], refusal.code)):
        statuses.setdefault(STATUSES[refusal], {})[refusal.code] = " ".join((refusal.__doc__ or "").split())
    return {**statuses, 500: dict([_INTERNAL])}


def _refusal_answers(api: Api) -> Json:
    """Every answer that refuses, once: operations refer to them."""
    answers: Json = {}
    for key, declared in api.operations.items():
        method, _, path = key.partition(" ")
        for status, codes in _by_status(api.refusals(method, path, declared)).items():
            schema = {"allOf": [ref(api.error), {"properties": {"error_code": {"enum": list(codes)}}}]}
            answer: Json = {"description": _sentences(codes), "content": json_of(schema)}
            if status in (429, 503):
                answer["headers"] = {"Retry-After": _RETRY_AFTER}
            answers[_name(api, codes)] = answer
    return answers


def _name(api: Api, codes: Mapping[str, str]) -> str:
    return ".".join([api.tag, *codes])


def _sentences(codes: Mapping[str, str]) -> str:
    return "\n".join(f"- `{code}`: {sentence}" for code, sentence in codes.items())


_SUCCESSES = {
    200: "Done.",
    201: "Made.",
    202: "Not done yet: the same request asks again.",
    204: "Done, and nothing to show.",
    302: "It lies there: follow the Location, which is valid for some minutes.",
}
