"""Datasets, their metadata, processors and field configurations, and publication."""

from chalice.app import Response

from chalicelib import wiring
from chalicelib.api.automation.routing import (
    DATASET,
    OK,
    body,
    expect_nothing,
    method,
    no_content,
    now,
    optional_body,
    page,
    require,
    route,
    routes,
)
from chalicelib.api.http import json_answer, query_of, started
from chalicelib.domain.processors import describe
from chalicelib.domain.shape import Key, flag
from chalicelib.services.datasets import datasets, stacks
from chalicelib.services.datasets.stacks import Stack
from chalicelib.services.datasets.status import status_of
from chalicelib.services.publication import publication
from chalicelib.services.runs import runs

_PUBLISHING = {"accept_loss": Key(problem=flag)}


@route("/datasets", "GET", "POST")
def dataset_list() -> Response:
    """List the datasets, or create one."""
    if method() == "GET":
        require("browse")
        return page([datasets.shown(d) for d in datasets.list_datasets(query_of(routes.current_request, "dataset_id"))])
    require("edit")
    return json_answer(datasets.shown(datasets.create_dataset(body(), now())), status=201)


@route(DATASET, "GET", "PUT", "DELETE")
def dataset_one(dataset_uid: str) -> Response:
    """Read, edit or delete a dataset."""
    if method() == "GET":
        require("browse")
        return json_answer(datasets.shown(datasets.find_dataset(dataset_uid)))
    require("edit")
    if method() == "PUT":
        return json_answer(datasets.shown(datasets.edit_dataset(dataset_uid, body(), now())))
    datasets.delete_dataset(wiring.stores(), dataset_uid, now())
    return no_content()


@route(DATASET + "/publish", "POST")
def dataset_publish(dataset_uid: str) -> Response:
    """Make the draft the published configuration. Records that another unique key leaves no place for are lost only
    when that is accepted."""
    require("publish")
    accepts_loss = optional_body(_PUBLISHING).get("accept_loss", False)
    now, deadline = started(routes.current_request)
    stores, limits = wiring.stores(), wiring.limits()
    publication.publish(stores, dataset_uid, now, deadline, limits=limits, accepts_loss=accepts_loss)
    return json_answer(OK)


@route(DATASET + "/unpublish", "POST")
def dataset_unpublish(dataset_uid: str) -> Response:
    """Take the dataset and its records off."""
    require("publish")
    expect_nothing()
    publication.unpublish(wiring.stores(), dataset_uid, now())
    return json_answer(OK)


@route(DATASET + "/abort", "POST")
def dataset_abort(dataset_uid: str) -> Response:
    """Stop a publication, or a run, that is under way."""
    require("publish")
    expect_nothing()
    now, deadline = started(routes.current_request)
    runs.abort(wiring.stores(), dataset_uid, now, deadline)
    return json_answer(OK)


@route(DATASET + "/status", "GET")
def dataset_status(dataset_uid: str) -> Response:
    """What the dataset is doing."""
    require("browse")
    return json_answer(status_of(dataset_uid, now()))


@route(DATASET + "/metadata", "GET", "PUT")
def metadata_all(dataset_uid: str) -> Response:
    """Read or replace all metadata."""
    return _metadata(dataset_uid)


@route(DATASET + "/metadata/{template}", "GET", "PUT")
def metadata_template(dataset_uid: str, template: str) -> Response:
    """Read or replace the metadata of one template."""
    return _metadata(dataset_uid, template)


@route(DATASET + "/metadata/{template}/{name}", "GET", "PUT")
def metadata_entry(dataset_uid: str, template: str, name: str) -> Response:
    """Read or write one entry of the metadata, `{"value": ...}`."""
    return _metadata(dataset_uid, template, name)


@route(DATASET + "/fields", "GET", "POST")
def field_list(dataset_uid: str) -> Response:
    """List the field configurations, or put one on the stack."""
    return _entries(stacks.fields, dataset_uid)


@route(DATASET + "/fields/{field_uid}", "GET", "PUT", "DELETE")
def field_one(dataset_uid: str, field_uid: str) -> Response:
    """Read, replace or delete a field configuration."""
    return _entry(stacks.fields, dataset_uid, field_uid)


@route(DATASET + "/processors", "GET", "POST")
def processor_list(dataset_uid: str) -> Response:
    """List the processors of a dataset, or put one on the stack."""
    return _entries(stacks.processors, dataset_uid)


@route(DATASET + "/processors/{processor_uid}", "GET", "PUT", "DELETE")
def processor_one(dataset_uid: str, processor_uid: str) -> Response:
    """Read, replace or delete a processor."""
    return _entry(stacks.processors, dataset_uid, processor_uid)


@route("/processors", "GET")
def processor_types() -> Response:
    """The processors there are, each with the JSON Schema of its parameters."""
    require("browse")
    return page(describe())


def _entries(stack: Stack, dataset_uid: str) -> Response:
    if method() == "GET":
        require("browse")
        return page(stack.entries(dataset_uid))
    require("edit")
    return json_answer(stack.add(dataset_uid, body()), status=201)


def _entry(stack: Stack, dataset_uid: str, uid: str) -> Response:
    if method() == "GET":
        require("browse")
        return json_answer(stack.find(dataset_uid, uid))
    require("edit")
    if method() == "PUT":
        return json_answer(stack.edit(dataset_uid, uid, body()))
    stack.delete(dataset_uid, uid)
    return no_content()


def _metadata(dataset_uid: str, *names: str) -> Response:
    if method() == "GET":
        require("browse")
        return json_answer(datasets.read_metadata(dataset_uid, *names))
    require("edit")
    return json_answer(datasets.write_metadata(dataset_uid, body(), now(), *names))
