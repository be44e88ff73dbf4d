"""Schedules of a dataset."""

from chalice.app import Response

from chalicelib import wiring
from chalicelib.api.automation.routing import (
    DATASET,
    body,
    method,
    no_content,
    now,
    page,
    requester,
    require,
    route,
    routes,
)
from chalicelib.api.http import json_answer, query_of
from chalicelib.services.schedules import schedules
from chalicelib.services.schedules.preview import preview_schedule
from chalicelib.services.schedules.schedules import HOUR, MINUTES, Offer


@route(DATASET + "/schedules", "GET", "POST")
def schedule_list(dataset_uid: str) -> Response:
    """List the schedules, or add one."""
    if method() == "GET":
        require("browse")
        return page(schedules.list_schedules(wiring.stores(), dataset_uid, now()))
    asking = requester(require("edit"))
    created = schedules.create_schedule(wiring.stores(), dataset_uid, body(), offer(), now(), requester=asking)
    return json_answer(created, status=201)


@route(DATASET + "/schedules/preview", "GET")
def schedule_preview(dataset_uid: str) -> Response:
    """What a schedule would do, without saving it."""
    require("browse")
    request = routes.current_request
    cron, recurrence = query_of(request, "cron"), query_of(request, "recurrence")
    return json_answer(preview_schedule(dataset_uid, cron, recurrence, offer(), now()))


@route(DATASET + "/schedules/{schedule_uid}", "GET", "PUT", "DELETE")
def schedule_one(dataset_uid: str, schedule_uid: str) -> Response:
    """Read, change or delete a schedule."""
    if method() == "GET":
        require("browse")
        return json_answer(schedules.find_schedule(wiring.stores(), dataset_uid, schedule_uid, now()))
    require("edit")
    if method() == "PUT":
        changed = schedules.edit_schedule(wiring.stores(), dataset_uid, schedule_uid, body(), offer(), now=now())
        return json_answer(changed)
    schedules.delete_schedule(wiring.stores(), dataset_uid, schedule_uid, now())
    return no_content()


def offer() -> Offer:
    """What this deployment offers of schedules."""
    features = wiring.settings().features
    return Offer(
        scheduling="scheduling" in features, minimum_minutes=MINUTES if "minute_schedules" in features else HOUR
    )
