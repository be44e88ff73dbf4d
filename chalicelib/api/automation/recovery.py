"""Recovery of a resource, and its backup."""

from chalice.app import Response

from chalicelib import wiring
from chalicelib.api.automation.resources import RESOURCE, shown_resource
from chalicelib.api.automation.routing import expect_nothing, now, page, require, route, routes
from chalicelib.api.http import json_answer, json_body_of, started
from chalicelib.services.recovery import backup_access, recovery


@route(RESOURCE + "/recover", "POST")
def resource_recover(dataset_uid: str, resource_uid: str) -> Response:
    """Apply the backup anew: all of it, or a range of time."""
    caller = require("publish")
    moment, deadline = started(routes.current_request)
    body = json_body_of(routes.current_request, default={})
    draft = recovery.start_recovery(wiring.stores(), dataset_uid, resource_uid, body, now=moment, deadline=deadline)
    return json_answer(shown_resource(caller, dataset_uid, draft))


@route(RESOURCE + "/recover/abort", "POST")
def resource_recover_abort(dataset_uid: str, resource_uid: str) -> Response:
    """Stop the recovery that is under way."""
    caller = require("publish")
    expect_nothing()
    _, deadline = started(routes.current_request)
    draft = recovery.abort_recovery(wiring.stores(), dataset_uid, resource_uid, deadline)
    return json_answer(shown_resource(caller, dataset_uid, draft))


@route(RESOURCE + "/recovery", "GET")
def resource_recovery(dataset_uid: str, resource_uid: str) -> Response:
    """Since when recovery is on, what is backed up, and how recoveries went."""
    require("browse")
    moment, deadline = started(routes.current_request)
    return json_answer(recovery.show_recovery(wiring.stores(), dataset_uid, resource_uid, moment, deadline))


@route(RESOURCE + "/delete_recover_data", "POST")
def resource_delete_recover_data(dataset_uid: str, resource_uid: str) -> Response:
    """Delete the backup for good."""
    caller = require("publish")
    moment, deadline = started(routes.current_request)
    body = json_body_of(routes.current_request, default={})
    draft = backup_access.scratch_backup(
        wiring.stores(), dataset_uid, resource_uid, body, now=moment, deadline=deadline
    )
    return json_answer(shown_resource(caller, dataset_uid, draft))


@route(RESOURCE + "/backup", "GET")
def resource_backup(dataset_uid: str, resource_uid: str) -> Response:
    """List what is backed up, newest first."""
    require("edit")
    return page(backup_access.list_backup(wiring.stores(), dataset_uid, resource_uid))


@route(RESOURCE + "/backup/download", "GET")
def resource_backup_download(dataset_uid: str, resource_uid: str) -> Response:
    """Download what is backed up as NDJSON."""
    require("edit")
    _, deadline = started(routes.current_request)
    file = backup_access.download_backup(wiring.stores(), dataset_uid, resource_uid, now(), deadline)
    if file.url is not None:
        return Response(body="", status_code=302, headers={"Location": file.url})
    return Response(body=file.text, headers={"Content-Type": file.mimetype})
