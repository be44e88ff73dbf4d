"""Preview: what publishing a draft would make of the first records of a resource."""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from chalicelib.domain.errors import ValidationFailed
from chalicelib.domain.payload import Payload
from chalicelib.domain.resource_shape import checked_preview
from chalicelib.services.datasets.datasets import find_dataset
from chalicelib.services.datasets.drafts import draft_configuration, draft_resources
from chalicelib.services.push.processing import time_to_process
from chalicelib.services.resources.remote_sources import completed, fetchable
from chalicelib.services.resources.resources import find_resource
from chalicelib.services.resources.showing import shown_records
from chalicelib.services.resources.source_files import read_first
from chalicelib.services.resources.source_head import Fetching, Head, fetch_head, look_at
from chalicelib.sources.failures import FetchFailed
from chalicelib.store.catalog.drafts import ResourceItem
from chalicelib.store.stores import Stores

RECORDS = 20


def preview_source(stores: Stores, dataset_uid: str, body: Any, fetching: Fetching) -> dict[str, Any]:
    """{"type", "params", "filename", "records", "problem"} of a remote source that is not saved: what its file is, or
    is read as, and the first 20 records as the file has them, or as many as an answer carries. `problem` says what is
    wrong with the file; a failed fetch is a ValidationFailed."""
    find_dataset(dataset_uid)
    asked = checked_preview(body)
    resource = find_resource(dataset_uid, asked["uid"]).resource if "uid" in asked else None
    head = _head(completed(stores, resource, asked["datasource"]), fetching)
    look = look_at(head, asked["type"], asked["params"], fetching.deadline)
    return {
        "type": look.kind,
        "params": dict(look.params),
        "filename": head.filename,
        "records": shown_records(record.values for record in look.first),
        "problem": look.problem,
    }


def preview_resource(stores: Stores, dataset_uid: str, resource_uid: str, fetching: Fetching) -> dict[str, Any]:
    """{"fields", "results", "errors"}: the draft's fields, the first 20 records as they would be stored, or as many as
    an answer carries, and what is wrong with those that would be refused, with their line. Of a realtime resource its
    bootstrap data is taken, of a remote one the beginning of its file."""
    resource = find_resource(dataset_uid, resource_uid).resource
    sample = _sample(stores, dataset_uid, resource, fetching)  # first: a source that fails may be why there is no field
    configuration = draft_configuration(dataset_uid, draft_resources(dataset_uid))
    preparer = configuration.preparer(resource.uid)
    is_late = time_to_process(fetching.deadline).has_passed
    results: list[Any] = []
    errors: list[dict[str, Any]] = []
    for place, values in sample:
        prepared = preparer.prepare(Payload(objects=[values]), is_late)
        results += [orjson.loads(record.text) for record in prepared.records.values()]
        errors += [{"line": place, "field": r.field, "message": r.message} for r in prepared.refusals]
    fields = [field.as_json() for field in configuration.schema.fields]
    names = [field["name"] for field in fields]
    return {
        "fields": fields,
        "results": shown_records({name: values.get(name) for name in names} for values in results),
        "errors": errors,
    }


def _sample(
    stores: Stores, dataset_uid: str, resource: ResourceItem, fetching: Fetching
) -> Iterable[tuple[int, dict[str, Any]]]:
    if resource.type == "realtime":
        bootstrap = resource.params.get("bootstrap", [])
        records = bootstrap if isinstance(bootstrap, list) else [bootstrap]
        return list(enumerate(records[:RECORDS], start=1))
    if resource.source:
        source = fetchable(stores, {"source": resource.source, "secret": resource.secret_name})
        look = look_at(_head(source, fetching), resource.type, resource.params, fetching.deadline)
        if look.problem and not look.records:
            raise ValidationFailed({"datasource": [look.problem]})
        return [(record.number, record.values) for record in look.first]
    if not resource.file_uid:
        return []  # nothing has been uploaded or fetched yet
    return [(record.number, record.values) for record in read_first(stores, dataset_uid, resource, RECORDS)]


def _head(source: Mapping[str, Any], fetching: Fetching) -> Head:
    try:
        return fetch_head(source, fetching)
    except FetchFailed as failure:
        raise ValidationFailed({"datasource": [failure.message]}, error_key=failure.code) from None
