"""What the draft of a dataset amounts to: its resources, and the schema that publishing it would give."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from pynamodb.exceptions import DoesNotExist

from chalicelib.domain.errors import NotFound, ValidationFailed
from chalicelib.domain.field_stack import compile_schema
from chalicelib.domain.inference import merge_fields
from chalicelib.domain.live import Configuration, Intake
from chalicelib.domain.processors import compile_processor, typed_fields
from chalicelib.domain.schema import Schema
from chalicelib.store.catalog.drafts import ResourceItem, StackItem
from chalicelib.store.catalog.keys import FIELDS, PROCESSORS, RESOURCE, dataset_pk

MAX_BYTES = 170_000  # of JSON: the published and the coming one, titles, switches and visible fields share 400 KB
Entries = Sequence[Mapping[str, Any]]


def draft_resources(dataset_uid: str) -> list[ResourceItem]:
    """The resources of a dataset's draft, oldest first."""
    found = ResourceItem.query(dataset_pk(dataset_uid), ResourceItem.sk.startswith(RESOURCE), consistent_read=True)
    return sorted(found, key=lambda resource: (resource.created_at, resource.uid))


def load_stack(dataset_uid: str, name: str) -> StackItem:
    """One of the two stacks of a dataset's draft."""
    try:
        return StackItem.get(dataset_pk(dataset_uid), name, consistent_read=True)
    except DoesNotExist:
        raise NotFound("The dataset has just been deleted.") from None


def draft_schema(resources: Sequence[ResourceItem], processors: Entries, fields: Entries) -> Schema:
    """The schema that comes of the resources' fields after the processors and the field configurations;
    ValidationFailed names the first entry that cannot be."""
    sources = merge_fields([(name, kind) for name, kind in resource.source_fields or []] for resource in resources)
    return compile_schema(typed_fields(sources, [compile_processor(entry) for entry in processors]), fields)


def draft_configuration(dataset_uid: str, resources: Sequence[ResourceItem]) -> Configuration:
    """The configuration that publishing the draft would publish; ValidationFailed says what it lacks."""
    processors = load_stack(dataset_uid, PROCESSORS).stack
    schema = draft_schema(resources, processors, load_stack(dataset_uid, FIELDS).stack)
    if not resources:
        raise ValidationFailed({"resources": ["the dataset has no resource: add one, then publish"]})
    if not schema.fields:
        raise ValidationFailed(
            {
                "fields": [
                    "the dataset has no field: give a resource bootstrap data, save a remote one again once its source "
                    "can be fetched, or add fields, then publish"
                ]
            }
        )
    intakes = {
        resource.uid: Intake(
            null_values=tuple(resource.params.get("null_values", [])),
            unknown_fields=resource.params.get("unknown_fields", "report"),
        )
        for resource in resources
    }
    return _bounded(Configuration(schema=schema, processors=processors, intakes=intakes))


def _bounded(configuration: Configuration) -> Configuration:
    """The configuration, unless it is too large to be published: pushes read it at every request, from one item."""
    size = len(orjson.dumps(configuration.as_json()))
    if size > MAX_BYTES:
        raise ValidationFailed(
            {
                "fields": [
                    f"fields, processors and null values take {size} bytes together, the limit is {MAX_BYTES}: delete "
                    "some, or shorten names, descriptions and parameters"
                ]
            }
        )
    return configuration


def check_draft(dataset_uid: str, *, processors: Entries | None = None, fields: Entries | None = None) -> None:
    """Refuse a change of a stack after which the draft could not be published."""
    if processors is None:
        processors = load_stack(dataset_uid, PROCESSORS).stack
    if fields is None:
        fields = load_stack(dataset_uid, FIELDS).stack
    draft_schema(draft_resources(dataset_uid), processors, fields)
