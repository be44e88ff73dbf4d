"""A dataset's configuration as a file."""

from chalice.app import Response

from chalicelib import wiring
from chalicelib.api.automation.routing import DATASET, body, now, requester, require, route
from chalicelib.api.automation.schedules import offer
from chalicelib.api.http import json_answer
from chalicelib.services import configuration_file
from chalicelib.services.datasets import datasets


@route(DATASET + "/export", "GET")
def dataset_export(dataset_uid: str) -> Response:
    """The whole configuration as one JSON document, without secrets."""
    require("browse")
    return json_answer(configuration_file.export_configuration(wiring.stores(), dataset_uid))


@route("/datasets/import", "POST")
def dataset_import() -> Response:
    """Create a dataset from an exported configuration."""
    caller = require("edit")
    created = configuration_file.import_configuration(wiring.stores(), body(), offer(), now(), requester(caller))
    return json_answer(datasets.shown(created), status=201)
