"""Schedules of a dataset."""

from chalice.app import Response

from chalicelib import wiring
from chalicelib.api.automation.routing import DATASET, body, method, no_content, now, page, require, route
from chalicelib.api.http import json_answer
from chalicelib.services import schedules
from chalicelib.services.schedules import HOUR, MINUTES, Offer


@route(DATASET + "/schedules", "GET", "POST")
def schedule_list(dataset_uid: str) -> Response:
    """List the schedules, or add one."""
    if method() == "GET":
        require("browse")
        return page(schedules.list_schedules(dataset_uid))
    require("edit")
    return json_answer(schedules.create_schedule(dataset_uid, body(), offer(), now()), status=201)


@route(DATASET + "/schedules/{schedule_uid}", "GET", "PUT", "DELETE")
def schedule_one(dataset_uid: str, schedule_uid: str) -> Response:
    """Read, change or delete a schedule."""
    if method() == "GET":
        require("browse")
        return json_answer(schedules.find_schedule(dataset_uid, schedule_uid))
    require("edit")
    if method() == "PUT":
        return json_answer(schedules.edit_schedule(dataset_uid, schedule_uid, body(), offer()))
    schedules.delete_schedule(dataset_uid, schedule_uid)
    return no_content()


def offer() -> Offer:
    """What this deployment offers of schedules."""
    features = wiring.settings().features
    return Offer(
        scheduling="scheduling" in features, minimum_minutes=MINUTES if "minute_schedules" in features else HOUR
    )
