"""Preview: what publishing a draft would make of the first records of a resource."""

from collections.abc import Iterable
from itertools import islice
from typing import Any

import orjson

from chalicelib.domain.payload import Payload
from chalicelib.services.drafts import draft_configuration, draft_resources
from chalicelib.services.processing import time_to_process
from chalicelib.services.resources import find_resource
from chalicelib.services.source_files import read_source
from chalicelib.store.catalog import ResourceItem
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.stores import Stores

RECORDS = 20


def preview_resource(stores: Stores, dataset_uid: str, resource_uid: str, deadline: Deadline) -> dict[str, Any]:
    """{"fields", "results", "errors"}: the draft's fields, the first 20 records as they would be stored, and what is
    wrong with those that would be refused, with their line. Of a realtime resource its bootstrap data is taken."""
    resource = find_resource(dataset_uid, resource_uid).resource
    configuration = draft_configuration(dataset_uid, draft_resources(dataset_uid))
    preparer = configuration.preparer(resource.uid)
    is_late = time_to_process(deadline).has_passed
    results: list[Any] = []
    errors: list[dict[str, Any]] = []
    for place, values in _sample(stores, dataset_uid, resource):
        prepared = preparer.prepare(Payload(objects=[values]), is_late)
        results += [orjson.loads(record.text) for record in prepared.records.values()]
        errors += [{"line": place, "field": r.field, "message": r.message} for r in prepared.refusals]
    fields = [field.as_json() for field in configuration.schema.fields]
    names = [field["name"] for field in fields]
    return {
        "fields": fields,
        "results": [{name: values.get(name) for name in names} for values in results],
        "errors": errors,
    }


def _sample(stores: Stores, dataset_uid: str, resource: ResourceItem) -> Iterable[tuple[int, dict[str, Any]]]:
    if resource.type == "realtime":
        bootstrap = resource.params.get("bootstrap", [])
        records = bootstrap if isinstance(bootstrap, list) else [bootstrap]
        return list(enumerate(records[:RECORDS], start=1))
    if not resource.file_uid:
        return []  # nothing has been uploaded or fetched yet
    return [(record.number, record.values) for record in islice(read_source(stores, dataset_uid, resource), RECORDS)]
