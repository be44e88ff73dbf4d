"""The lane of a dataset: the batches that wait to be applied."""

from chalice.app import Response

from chalicelib import wiring
from chalicelib.api.automation.routing import DATASET, OK, expect_nothing, require, route, routes
from chalicelib.api.http import json_answer, started
from chalicelib.services.lane import control


@route(DATASET + "/lane", "GET")
def lane_one(dataset_uid: str) -> Response:
    """How many batches wait, and whether they are being applied."""
    require("browse")
    now, deadline = started(routes.current_request)
    return json_answer(control.show_lane(wiring.stores(), dataset_uid, now, deadline))


@route(DATASET + "/lane/resume", "POST")
def lane_resume(dataset_uid: str) -> Response:
    """Let a paused lane try again."""
    require("publish")
    expect_nothing()
    now, deadline = started(routes.current_request)
    control.resume_lane(wiring.stores(), dataset_uid, now, deadline)
    return json_answer(OK)


@route(DATASET + "/lane/abort", "POST")
def lane_abort(dataset_uid: str) -> Response:
    """Discard the first batch of a paused lane."""
    require("publish")
    expect_nothing()
    now, deadline = started(routes.current_request)
    control.abort_first_job(wiring.stores(), dataset_uid, now, deadline)
    return json_answer(OK)
