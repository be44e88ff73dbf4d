"""Resources of a dataset, their push keys, and uploaded files."""

from typing import Any

from chalice.app import Response

from chalicelib import wiring
from chalicelib.api.automation.routing import (
    DATASET,
    body,
    expect_nothing,
    method,
    no_content,
    now,
    page,
    requester,
    require,
    route,
    routes,
)
from chalicelib.api.form import is_json, uploaded_part
from chalicelib.api.http import base_url, json_answer, json_body_of, started
from chalicelib.services.access import Caller
from chalicelib.services.alerts.settings import shown_alert
from chalicelib.services.datasets import datasets
from chalicelib.services.resources import push_switches, resource_drafts, resources, source_files
from chalicelib.services.resources.preview import preview_resource, preview_source
from chalicelib.services.resources.source_head import Fetching

RESOURCE = DATASET + "/resources/{resource_uid}"


@route(DATASET + "/resources", "GET", "POST")
def resource_list(dataset_uid: str) -> Response:
    """List the resources, or add one."""
    if method() == "GET":
        caller = require("browse")
        return page([shown_resource(caller, dataset_uid, draft) for draft in resources.list_resources(dataset_uid)])
    caller = require("edit")
    stores, asking = wiring.stores(), requester(caller)
    draft = resources.create_resource(stores, dataset_uid, body(), now(), requester=asking, fetching=_fetching())
    return json_answer(shown_resource(caller, dataset_uid, draft), status=201)


@route(DATASET + "/resources/files", "POST")
def file_list(dataset_uid: str) -> Response:
    """Upload a file for a resource to use: a small one as a form, a large one announced as JSON."""
    require("edit")
    if is_json(routes.current_request):
        return json_answer(source_files.prepare_upload(wiring.stores(), dataset_uid, body(), now()), status=201)
    filename, content = uploaded_part(routes.current_request)
    return json_answer(source_files.upload_file(wiring.stores(), dataset_uid, filename, content, now()), status=201)


@route(DATASET + "/resources/preview", "POST")
def source_preview(dataset_uid: str) -> Response:
    """What the file of a remote source is, and its first 20 records, before anything is saved."""
    require("edit")
    return json_answer(preview_source(wiring.stores(), dataset_uid, body(), _fetching()))


@route(RESOURCE, "GET", "PUT", "DELETE")
def resource_one(dataset_uid: str, resource_uid: str) -> Response:
    """Read, edit or delete a resource."""
    if method() == "GET":
        caller = require("browse")
        return json_answer(shown_resource(caller, dataset_uid, resources.find_resource(dataset_uid, resource_uid)))
    caller = require("edit")
    if method() == "PUT":
        draft = resources.edit_resource(
            wiring.stores(),
            dataset_uid,
            resource_uid,
            body(),
            now(),
            push_base=_push_base(dataset_uid),
            fetching=_fetching(),
            requester=requester(caller),
        )
        return json_answer(shown_resource(caller, dataset_uid, draft))
    resources.delete_resource(wiring.stores(), dataset_uid, resource_uid, now())
    return no_content()


@route(RESOURCE + "/preview", "GET")
def resource_preview(dataset_uid: str, resource_uid: str) -> Response:
    """The first 20 records of a resource as publishing the draft would make them."""
    require("browse")
    return json_answer(preview_resource(wiring.stores(), dataset_uid, resource_uid, _fetching()))


@route(RESOURCE + "/alert", "GET")
def resource_alert(dataset_uid: str, resource_uid: str) -> Response:
    """How the inactivity alert of a resource stands, and which recipients its mails reach."""
    require("edit")
    resources.find_resource(dataset_uid, resource_uid)
    return json_answer(shown_alert(wiring.stores(), dataset_uid, resource_uid))


@route(RESOURCE + "/clean_cache", "POST")
def resource_clean_cache(dataset_uid: str, resource_uid: str) -> Response:
    """Drop the cached copy of a remote source."""
    require("edit")
    expect_nothing()
    resources.clean_cache(wiring.stores(), dataset_uid, resource_uid)
    return no_content()


@route(RESOURCE + "/enable", "POST")
def resource_enable(dataset_uid: str, resource_uid: str) -> Response:
    """Let the resource take pushes."""
    caller = require("edit")
    expect_nothing()
    draft = push_switches.set_push_enabled(dataset_uid, resource_uid, True, now())
    return json_answer(shown_resource(caller, dataset_uid, draft))


@route(RESOURCE + "/disable", "POST")
def resource_disable(dataset_uid: str, resource_uid: str) -> Response:
    """Refuse pushes to the resource."""
    caller = require("edit")
    expect_nothing()
    draft = push_switches.set_push_enabled(dataset_uid, resource_uid, False, now())
    return json_answer(shown_resource(caller, dataset_uid, draft))


@route(RESOURCE + "/renew_api_key", "POST")
def resource_renew_api_key(dataset_uid: str, resource_uid: str) -> Response:
    """Give the resource a new push key."""
    caller = require("edit")
    body = json_body_of(routes.current_request, default={})
    draft = push_switches.renew_push_key(wiring.stores(), dataset_uid, resource_uid, body, now())
    return json_answer(shown_resource(caller, dataset_uid, draft))


def shown_resource(caller: Caller, dataset_uid: str, draft: resource_drafts.Draft) -> dict[str, Any]:
    """The resource; its push URL only for those who may edit: whoever has it can push."""
    if draft.switches is None or not caller.may("edit"):
        return resources.shown(wiring.stores(), draft)
    return resources.shown(wiring.stores(), draft, _push_base(dataset_uid))


def _push_base(dataset_uid: str) -> str:
    """The push API's URL with the dataset's id."""
    base = base_url(routes.current_request, wiring.settings().public_url)
    return f"{base}/push/1.0/{datasets.find_dataset(dataset_uid).dataset_id}"


def _fetching() -> Fetching:
    """How this request may fetch remote sources."""
    _, deadline = started(routes.current_request)
    return Fetching(guard=wiring.address_guard(), deadline=deadline)
