"""Runs of a dataset: what came of its schedules, and refreshing it now."""

from chalice.app import Response

from chalicelib import wiring
from chalicelib.api.automation.routing import DATASET, OK, expect_nothing, method, page, require, route, routes
from chalicelib.api.automation.schedules import offer
from chalicelib.api.http import json_answer, query_of, started
from chalicelib.services.runs import runs

_RUN = DATASET + "/runs/{run_id}"


@route(DATASET + "/runs", "GET", "POST")
def run_list(dataset_uid: str) -> Response:
    """List the runs, newest first, or ask for one now."""
    stores = wiring.stores()
    if method() == "GET":
        require("browse")
        _, deadline = started(routes.current_request)
        request = routes.current_request
        schedule_uid, state = query_of(request, "schedule_uid"), query_of(request, "state")
        found = runs.list_runs(stores, dataset_uid, deadline, schedule_uid=schedule_uid, state=state)
        return page(found, lambda some: runs.shown(stores, some, deadline))
    require("publish")
    expect_nothing()
    now, deadline = started(routes.current_request)
    made = runs.run_now(stores, dataset_uid, offer(), now, deadline)
    return json_answer(runs.shown(stores, [made], deadline)[0], status=201)


@route(_RUN, "GET")
def run_one(dataset_uid: str, run_id: str) -> Response:
    """What came of a run, and why records of its files were refused."""
    require("browse")
    _, deadline = started(routes.current_request)
    found = runs.find_run(wiring.stores(), dataset_uid, run_id, deadline)
    return json_answer(runs.shown_in_full(wiring.stores(), found, deadline))


@route(_RUN + "/abort", "POST")
def run_abort(dataset_uid: str, run_id: str) -> Response:
    """Stop a run that waits or is under way."""
    require("publish")
    expect_nothing()
    now, deadline = started(routes.current_request)
    runs.abort_run(wiring.stores(), dataset_uid, run_id, now, deadline)
    return json_answer(OK)
