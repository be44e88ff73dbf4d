"""What readers see of a dataset's data."""

from chalice.app import Response

from chalicelib.api.automation.routing import DATASET, body, method, now, require, route
from chalicelib.api.http import json_answer
from chalicelib.services.datasets import datasets


@route(DATASET + "/security/default", "GET", "PUT")
def security_default(dataset_uid: str) -> Response:
    """What of a dataset's data readers see who have no API key that may browse."""
    if method() == "GET":
        require("browse")
        return json_answer(datasets.security_of(datasets.find_dataset(dataset_uid)))
    require("edit")
    edited = datasets.edit_dataset(dataset_uid, {"default_security": body()}, now())
    return json_answer(datasets.security_of(edited))
