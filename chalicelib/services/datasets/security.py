"""Changing what readers see of a dataset's data: at once, and only to what the dataset's fields allow."""

from typing import Any

from chalicelib.domain.errors import ValidationFailed
from chalicelib.domain.schema import Schema
from chalicelib.domain.security import DefaultSecurity
from chalicelib.services.datasets.drafts import draft_resources, draft_schema, load_stack
from chalicelib.store.catalog.keys import FIELDS, PROCESSORS
from chalicelib.store.catalog.published import LiveItem


def changed_security(dataset_uid: str, live: LiveItem, body: Any) -> DefaultSecurity:
    """The security that a body asks for. Its visible fields must be of the draft or published, and among them those
    that record ids are made of: else ValidationFailed, since a hidden value could be found by its record's id."""
    before = DefaultSecurity.from_json(live.security)
    after = before.changed(body)
    if after.visible_fields is not None and after.visible_fields != before.visible_fields:
        _check_fields(after, _schemas(dataset_uid, live))
    return after


def _schemas(dataset_uid: str, live: LiveItem) -> list[Schema]:
    """The schema of the draft, and the published one."""
    processors, fields = load_stack(dataset_uid, PROCESSORS).stack, load_stack(dataset_uid, FIELDS).stack
    draft = draft_schema(draft_resources(dataset_uid), processors, fields)
    return [draft, Schema.from_json(live.configuration["schema"])] if live.is_published else [draft]


def _check_fields(security: DefaultSecurity, schemas: list[Schema]) -> None:
    known = dict.fromkeys(field.name for schema in schemas for field in schema.fields)
    if unknown := [name for name in security.visible_fields or () if name not in known]:
        names = ", ".join(known)[:2000] or "none yet: add a resource first"
        raise ValidationFailed({"visible_fields": [f"there is no field '{unknown[0]}'; the fields are: {names}"]})
    if hidden := [name for schema in schemas for name in security.hidden_identity(schema)]:
        raise ValidationFailed(
            {
                "visible_fields": [
                    f"'{hidden[0]}' must be visible: record ids are made of the unique key, or of all fields when none "
                    "is marked. Add it, or mark other fields as the unique key and publish"
                ]
            }
        )
