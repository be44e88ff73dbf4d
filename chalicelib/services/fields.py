"""Field configurations of a dataset's draft: an ordered stack, checked as a whole at every change."""

from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.domain.errors import NotFound, ValidationFailed
from chalicelib.domain.field_stack import check_configuration, compile_schema
from chalicelib.domain.identifiers import new_uid
from chalicelib.domain.inference import merge_fields
from chalicelib.domain.schema import Schema
from chalicelib.services.datasets import find_dataset
from chalicelib.store.catalog import (
    FIELDS,
    RESOURCE,
    FieldStackItem,
    ResourceItem,
    conflicts_as_edit_conflict,
    dataset_pk,
)

MAX_CONFIGURATIONS = 1000

Stack = list[dict[str, Any]]


def list_configurations(dataset_uid: str) -> Stack:
    """The stack, in order; each configuration with its uid."""
    find_dataset(dataset_uid)
    stack: Stack = _load(dataset_uid).stack
    return stack


def find_configuration(dataset_uid: str, field_uid: str) -> dict[str, Any]:
    """One configuration of the stack, else NotFound."""
    stack = list_configurations(dataset_uid)
    return stack[_position(stack, field_uid)]


def add_configuration(dataset_uid: str, body: Any) -> dict[str, Any]:
    """Put a configuration on the stack."""
    find_dataset(dataset_uid)
    stored = _load(dataset_uid)
    added = {"uid": new_uid("fi"), **check_configuration(body)}
    if len(stored.stack) >= MAX_CONFIGURATIONS:
        raise ValidationFailed({"fields": [f"there are {MAX_CONFIGURATIONS} configurations already: delete some"]})
    _save(dataset_uid, stored, [*stored.stack, added])
    return added


def edit_configuration(dataset_uid: str, field_uid: str, body: Any) -> dict[str, Any]:
    """Replace a configuration, in its place on the stack."""
    find_dataset(dataset_uid)
    stored = _load(dataset_uid)
    position = _position(stored.stack, field_uid)
    if isinstance(body, dict) and body.get("uid", field_uid) == field_uid:
        body = {name: value for name, value in body.items() if name != "uid"}
    edited = {"uid": field_uid, **check_configuration(body)}
    _save(dataset_uid, stored, [*stored.stack[:position], edited, *stored.stack[position + 1 :]])
    return edited


def delete_configuration(dataset_uid: str, field_uid: str) -> None:
    """Take a configuration off the stack."""
    find_dataset(dataset_uid)
    stored = _load(dataset_uid)
    position = _position(stored.stack, field_uid)
    _save(dataset_uid, stored, [*stored.stack[:position], *stored.stack[position + 1 :]])


def draft_schema(resources: Sequence[ResourceItem], stack: Sequence[Mapping[str, Any]]) -> Schema:
    """The schema that publishing the draft would give."""
    sources = merge_fields([(name, kind) for name, kind in resource.source_fields] for resource in resources)
    return compile_schema(sources, stack)


def draft_resources(dataset_uid: str) -> list[ResourceItem]:
    """The resources of a dataset's draft, oldest first."""
    found = ResourceItem.query(dataset_pk(dataset_uid), ResourceItem.sk.startswith(RESOURCE), consistent_read=True)
    return sorted(found, key=lambda resource: (resource.created_at, resource.uid))


def _load(dataset_uid: str) -> FieldStackItem:
    return FieldStackItem.get(dataset_pk(dataset_uid), FIELDS, consistent_read=True)


def _save(dataset_uid: str, stored: FieldStackItem, stack: Stack) -> None:
    draft_schema(draft_resources(dataset_uid), stack)  # refuses a stack that could not be published
    with conflicts_as_edit_conflict():
        stored.update([FieldStackItem.stack.set(stack)])


def _position(stack: Stack, field_uid: str) -> int:
    for position, configuration in enumerate(stack):
        if configuration["uid"] == field_uid:
            return position
    raise NotFound(f"This dataset has no field configuration '{field_uid[:40]}': list them with GET fields/.")
