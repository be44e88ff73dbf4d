"""A dataset's whole configuration as one JSON document: exported here, imported elsewhere.

Secrets, uids and contents of files stay behind: an imported dataset has its own push keys, a resource with an
uploaded file waits for the file, and a remote one for the password, token or header values that it had.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from chalicelib.domain import shape
from chalicelib.domain.errors import ValidationFailed
from chalicelib.domain.schema import FIELD_TYPES
from chalicelib.domain.shape import Key, checked
from chalicelib.services.alerts.settings import NOBODY, Requester
from chalicelib.services.datasets import datasets, stacks
from chalicelib.services.datasets.schedule_marks import stored_schedules
from chalicelib.services.resources import resource_drafts, resources
from chalicelib.services.schedules import schedules
from chalicelib.services.schedules.schedules import Offer
from chalicelib.store.catalog.drafts import DatasetItem
from chalicelib.store.stores import Stores

FORMAT = 1
_OWN = ("uid", "created_at", "updated_at", "problem")  # what belongs to one deployment


def export_configuration(stores: Stores, dataset_uid: str) -> dict[str, Any]:
    """The configuration of a dataset's draft, as `import_configuration` takes it."""
    dataset = datasets.find_dataset(dataset_uid)
    return {
        "freshwire": FORMAT,
        "dataset_id": dataset.dataset_id,
        "is_restricted": dataset.is_restricted,
        "default_security": datasets.security_of(dataset),
        "metadata": dataset.metadata,
        "resources": [_portable_resource(stores, draft) for draft in resources.list_resources(dataset_uid)],
        "processors": _portable(stacks.processors.entries(dataset_uid)),
        "fields": _portable(stacks.fields.entries(dataset_uid)),
        "schedules": _portable([schedules.described(item) for item in stored_schedules(dataset_uid)]),
    }


def import_configuration(
    stores: Stores, body: Any, offer: Offer, now: datetime, requester: Requester = NOBODY
) -> DatasetItem:
    """Create a dataset, not published yet, from an exported configuration: the whole of it, or nothing."""
    document = checked(body, _DOCUMENT)
    described = {name: document[name] for name in ("dataset_id", "is_restricted", "metadata") if name in document}
    dataset = datasets.create_dataset(described, now)
    try:
        take = partial(_import_resource, stores, dataset.uid, requester)
        _each(document, "resources", now, take)
        _each(document, "processors", now, lambda part, _: stacks.processors.add(dataset.uid, part))
        _each(document, "fields", now, lambda part, _: stacks.fields.add(dataset.uid, part))
        _each(
            document,
            "schedules",
            now,
            lambda part, at: schedules.create_schedule(stores, dataset.uid, part, offer, at, requester=requester),
        )
        if "default_security" in document:  # last: it names fields
            datasets.edit_dataset(dataset.uid, {"default_security": document["default_security"]}, now)
    except BaseException:
        datasets.delete_dataset(stores, dataset.uid, now)
        raise
    return datasets.find_dataset(dataset.uid)


def _each(document: dict[str, Any], name: str, now: datetime, take: Callable[[Any, datetime], Any]) -> None:
    """Take every part of one list, each a millisecond after the one before: what is listed by its creation keeps its
    order. What is wrong with a part is told with its place in the document."""
    for number, part in enumerate(document.get(name, [])):
        try:
            take(part, now + timedelta(milliseconds=number))
        except ValidationFailed as failed:
            place = f"{name}[{number}]"
            raise ValidationFailed({f"{place}.{key}": problems for key, problems in failed.detail.items()}) from None


def _import_resource(stores: Stores, dataset_uid: str, requester: Requester, part: Any, now: datetime) -> None:
    if not isinstance(part, dict):
        raise ValidationFailed({"resource": ["expected a JSON object"]})
    source_fields = part.get("source_fields", [])
    if not _are_source_fields(source_fields):
        raise ValidationFailed({"source_fields": ["expected a list of [name, type]"]})
    described = {name: value for name, value in part.items() if name != "source_fields"}
    resources.create_resource(stores, dataset_uid, described, now, source_fields=source_fields, requester=requester)


def _are_source_fields(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str) and pair[1] in FIELD_TYPES
        for pair in value
    )


def _portable(entries: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in entry.items() if name not in _OWN} for entry in entries]


def _portable_resource(stores: Stores, draft: resource_drafts.Draft) -> dict[str, Any]:
    (shown,) = _portable([resources.shown(stores, draft)])
    if draft.resource.file_uid:
        shown["datasource"] = {"type": "uploaded_file", "file": None}
    return {**shown, "source_fields": [list(pair) for pair in draft.resource.source_fields or []]}


_DOCUMENT = {
    "freshwire": Key(problem=shape.one_of(FORMAT), required=True),
    "dataset_id": Key(problem=shape.text(least=1, most=100), required=True),
    "is_restricted": Key(problem=shape.flag),
    "default_security": Key(problem=shape.an_object),
    "metadata": Key(problem=shape.an_object, required=True),
    "resources": Key(problem=shape.anything_list),
    "processors": Key(problem=shape.anything_list),
    "fields": Key(problem=shape.anything_list),
    "schedules": Key(problem=shape.anything_list),
}
