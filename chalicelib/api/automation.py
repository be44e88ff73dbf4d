"""The management API v1.0: datasets, their fields and resources, publication. Authenticated by API keys."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from chalice.app import Blueprint, Response

from chalicelib import wiring
from chalicelib.api.auth import require_caller
from chalicelib.api.errors import automation_error
from chalicelib.api.form import uploaded_part
from chalicelib.api.http import answers, base_url, json_answer, json_body_of, query_of, started
from chalicelib.domain.errors import ValidationFailed
from chalicelib.services import datasets, fields, publication, resources, source_files
from chalicelib.services.access import Caller

routes = Blueprint(__name__)

_PATH = "/automation/v1.0"
_DATASET = "/datasets/{dataset_uid}"
_RESOURCE = _DATASET + "/resources/{resource_uid}"
_ALL_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
_OK = {"detail": "ok"}
MAX_LIMIT, DEFAULT_LIMIT = 1000, 20

View = Callable[..., Response]


def _route(path: str, *methods: str) -> Callable[[View], View]:
    """A route of this API that takes these methods; the others get our 405."""

    def decorate(view: View) -> View:
        answered = answers(automation_error, lambda: routes.current_request, *methods)(view)
        routed: View = routes.route(path, methods=_ALL_METHODS, content_types=["*/*"])(answered)
        return routed

    return decorate


@_route("/datasets", "GET", "POST")
def dataset_list() -> Response:
    """List the datasets, or create one."""
    if _method() == "GET":
        _require("browse")
        return _page(
            [datasets.shown(d) for d in datasets.list_datasets(query_of(routes.current_request, "dataset_id"))]
        )
    _require("edit")
    return json_answer(datasets.shown(datasets.create_dataset(_body(), _now())), status=201)


@_route(_DATASET, "GET", "PUT", "DELETE")
def dataset_one(dataset_uid: str) -> Response:
    """Read, edit or delete a dataset."""
    if _method() == "GET":
        _require("browse")
        return json_answer(datasets.shown(datasets.find_dataset(dataset_uid)))
    _require("edit")
    if _method() == "PUT":
        return json_answer(datasets.shown(datasets.edit_dataset(dataset_uid, _body(), _now())))
    datasets.delete_dataset(wiring.stores(), dataset_uid)
    return _no_content()


@_route(_DATASET + "/publish", "POST")
def dataset_publish(dataset_uid: str) -> Response:
    """Make the draft the published configuration."""
    _require("publish")
    now, deadline = started(routes.current_request)
    publication.publish(wiring.stores(), dataset_uid, now, deadline)
    return json_answer(_OK)


@_route(_DATASET + "/unpublish", "POST")
def dataset_unpublish(dataset_uid: str) -> Response:
    """Take the dataset and its records off."""
    _require("publish")
    publication.unpublish(dataset_uid, _now())
    return json_answer(_OK)


@_route(_DATASET + "/status", "GET")
def dataset_status(dataset_uid: str) -> Response:
    """What the dataset is doing."""
    _require("browse")
    return json_answer(publication.status_of(dataset_uid))


@_route(_DATASET + "/fields", "GET", "POST")
def field_list(dataset_uid: str) -> Response:
    """List the field configurations, or put one on the stack."""
    if _method() == "GET":
        _require("browse")
        return _page(fields.list_configurations(dataset_uid))
    _require("edit")
    return json_answer(fields.add_configuration(dataset_uid, _body()), status=201)


@_route(_DATASET + "/fields/{field_uid}", "GET", "PUT", "DELETE")
def field_one(dataset_uid: str, field_uid: str) -> Response:
    """Read, replace or delete a field configuration."""
    if _method() == "GET":
        _require("browse")
        return json_answer(fields.find_configuration(dataset_uid, field_uid))
    _require("edit")
    if _method() == "PUT":
        return json_answer(fields.edit_configuration(dataset_uid, field_uid, _body()))
    fields.delete_configuration(dataset_uid, field_uid)
    return _no_content()


@_route(_DATASET + "/resources", "GET", "POST")
def resource_list(dataset_uid: str) -> Response:
    """List the resources, or add one."""
    if _method() == "GET":
        caller = _require("browse")
        return _page([_shown(caller, dataset_uid, draft) for draft in resources.list_resources(dataset_uid)])
    caller = _require("edit")
    draft = resources.create_resource(wiring.stores(), dataset_uid, _body(), _now())
    return json_answer(_shown(caller, dataset_uid, draft), status=201)


@_route(_DATASET + "/resources/files", "POST")
def file_list(dataset_uid: str) -> Response:
    """Upload a file for a resource to use."""
    _require("edit")
    filename, content = uploaded_part(routes.current_request)
    item = source_files.upload_file(wiring.stores(), dataset_uid, filename, content, _now())
    return json_answer(source_files.shown(item), status=201)


@_route(_RESOURCE, "GET", "PUT", "DELETE")
def resource_one(dataset_uid: str, resource_uid: str) -> Response:
    """Read, edit or delete a resource."""
    if _method() == "GET":
        caller = _require("browse")
        return json_answer(_shown(caller, dataset_uid, resources.find_resource(dataset_uid, resource_uid)))
    caller = _require("edit")
    if _method() == "PUT":
        draft = resources.edit_resource(wiring.stores(), dataset_uid, resource_uid, _body(), _now())
        return json_answer(_shown(caller, dataset_uid, draft))
    resources.delete_resource(dataset_uid, resource_uid)
    return _no_content()


@_route(_RESOURCE + "/enable", "POST")
def resource_enable(dataset_uid: str, resource_uid: str) -> Response:
    """Let the resource take pushes."""
    caller = _require("edit")
    return json_answer(_shown(caller, dataset_uid, resources.set_push_enabled(dataset_uid, resource_uid, True)))


@_route(_RESOURCE + "/disable", "POST")
def resource_disable(dataset_uid: str, resource_uid: str) -> Response:
    """Refuse pushes to the resource."""
    caller = _require("edit")
    return json_answer(_shown(caller, dataset_uid, resources.set_push_enabled(dataset_uid, resource_uid, False)))


@_route(_RESOURCE + "/renew_api_key", "POST")
def resource_renew_api_key(dataset_uid: str, resource_uid: str) -> Response:
    """Give the resource a new push key."""
    caller = _require("edit")
    body = json_body_of(routes.current_request, default={})
    draft = resources.renew_push_key(wiring.stores(), dataset_uid, resource_uid, body, _now())
    return json_answer(_shown(caller, dataset_uid, draft))


def _method() -> str:
    return str(routes.current_request.method)


def _now() -> Any:
    return started(routes.current_request)[0]


def _body() -> Any:
    return json_body_of(routes.current_request)


def _require(permission: str) -> Caller:
    return require_caller(routes.current_request, _now(), permission)


def _no_content() -> Response:
    return Response(body="", status_code=204, headers={"Content-Type": "application/json"})


def _shown(caller: Caller, dataset_uid: str, draft: resources.Draft) -> dict[str, Any]:
    """The resource; its push URL only for those who may edit: whoever has it can push."""
    if draft.switches is None or not caller.may("edit"):
        return resources.shown(wiring.stores(), draft)
    base = base_url(routes.current_request, wiring.settings().public_url)
    dataset_id = datasets.find_dataset(dataset_uid).dataset_id
    return resources.shown(wiring.stores(), draft, f"{base}/push/1.0/{dataset_id}")


def _page(results: list[dict[str, Any]]) -> Response:
    """One page of a list, by `limit` and `offset`, with absolute links to its neighbours."""
    limit = _number("limit", DEFAULT_LIMIT, MAX_LIMIT)
    offset = _number("offset", 0, 10**9)
    total = len(results)
    body = {
        "total_count": total,
        "next": _link(limit, offset + limit) if limit and offset + limit < total else None,
        "previous": _link(limit, max(0, offset - limit)) if offset else None,
        "results": results[offset : offset + limit],
    }
    return json_answer(body)


def _number(name: str, default: int, most: int) -> int:
    given = query_of(routes.current_request, name)
    if given is None:
        return default
    if given.isascii() and given.isdigit() and len(given) <= 10 and int(given) <= most:
        return int(given)
    raise ValidationFailed({name: [f"expected a whole number from 0 to {most}"]})


def _link(limit: int, offset: int) -> str:
    request = routes.current_request
    base = base_url(request, wiring.settings().public_url)
    path = request.context.get("path", "").partition(_PATH)[2]
    kept = {
        name: value for name, value in (request.query_params or {}).items() if name not in ("apikey", "limit", "offset")
    }
    return f"{base}{_PATH}{path}?{urlencode({**kept, 'limit': limit, 'offset': offset})}"
