"""Datasets: create, find, list, edit and delete their drafts."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from pynamodb.exceptions import DoesNotExist

from chalicelib.domain import shape
from chalicelib.domain.errors import EditConflict, NotFound, TemporarilyUnavailable, ValidationFailed
from chalicelib.domain.identifiers import is_slug, is_uid, new_uid, slugified
from chalicelib.domain.metadata import metadata_problem, title_of
from chalicelib.domain.security import EVERYTHING, DefaultSecurity
from chalicelib.domain.shape import Key, checked
from chalicelib.services.alerts.settings import drop_watches, watch_items
from chalicelib.services.bells import LANE, ring
from chalicelib.services.datasets.schedule_marks import mark, mark_all, stored_schedules
from chalicelib.services.datasets.security import changed_security
from chalicelib.services.datasets.source_copies import drop_copies
from chalicelib.services.datasets.sweep import drop_secrets, sweep_generations_later
from chalicelib.store.catalog.drafts import DatasetItem, ResourceItem, StackItem, UploadedFileItem
from chalicelib.store.catalog.incoming import AcceptedRefreshItem
from chalicelib.store.catalog.keys import (
    ACCEPTED_REFRESH,
    CONFIG,
    DATASETS,
    FIELDS,
    FILE,
    PROCESSORS,
    PUBLICATION,
    RESOURCE,
    SOURCES,
    dataset_pk,
    live_pk,
)
from chalicelib.store.catalog.published import LiveItem, PublicationItem, PublishedSourcesItem
from chalicelib.store.catalog.transactions import conflicts_as_edit_conflict, one_transaction
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.stores import Stores

_FORGETTING = 5.0  # seconds


def _slug_problem(value: Any) -> str | None:
    if isinstance(value, str) and is_slug(value):
        return None
    return "expected 1 to 100 of a-z, 0-9, - and _, with a letter or digit at both ends"


_KEYS = {
    "metadata": Key(problem=metadata_problem, required=True),
    "dataset_id": Key(problem=_slug_problem),
    "is_restricted": Key(problem=shape.flag),
    "default_security": Key(problem=shape.an_object),
}


def create_dataset(body: Any, now: datetime) -> DatasetItem:
    """Create a dataset, not published yet. Its id is given, or comes from the title."""
    values = checked(body, _KEYS)
    uid = new_uid("da")
    title = title_of(values["metadata"])
    dataset_id = values.get("dataset_id") or slugified(title) or uid.replace("_", "-")
    moment = now.isoformat(timespec="milliseconds")
    dataset = DatasetItem(
        uid=uid,
        dataset_id=dataset_id,
        metadata=values["metadata"],
        is_restricted=values.get("is_restricted", False),
        security=_first_security(values).as_json(),
        created_at=moment,
        updated_at=moment,
        status_since=moment,
    )
    live = LiveItem(
        live_pk(dataset_id),
        dataset_uid=uid,
        # Jobs of a former dataset of this id may still be on its lane: numbers are never used twice.
        seq=int(now.timestamp() * 1000),
        is_restricted=dataset.is_restricted,
        security=dataset.security,
        title=title or dataset_id,
        switches={},
    )
    try:
        with one_transaction() as transaction:
            transaction.save(dataset)
            transaction.save(live)
            for name in (PROCESSORS, FIELDS):
                transaction.save(StackItem(dataset_pk(uid), name, stack=[]))
    except EditConflict:
        raise ValidationFailed(
            {"dataset_id": [f"there is already a dataset '{dataset_id}': choose another dataset_id"]}
        ) from None
    return dataset


def _first_security(values: Mapping[str, Any]) -> DefaultSecurity:
    security = EVERYTHING.changed(values.get("default_security", {}))
    if security.visible_fields is not None:
        raise ValidationFailed({"visible_fields": ["the dataset has no field yet: add a resource first"]})
    return security


def find_dataset(dataset_uid: str) -> DatasetItem:
    """The dataset of that uid, else NotFound."""
    if is_uid(dataset_uid):
        with suppress(DoesNotExist):
            return DatasetItem.get(DATASETS, dataset_uid, consistent_read=True)
    raise NotFound(f"There is no dataset '{dataset_uid[:40]}': find its uid with GET /datasets/?dataset_id=...")


def list_datasets(dataset_id: str | None) -> list[DatasetItem]:
    """All datasets by creation, or the one with that human id."""
    if dataset_id is None:
        return sorted(DatasetItem.query(DATASETS, consistent_read=True), key=lambda d: (d.created_at, d.uid))
    if is_slug(dataset_id):
        with suppress(DoesNotExist, NotFound):
            return [find_dataset(live_item(dataset_id).dataset_uid)]
    return []


def live_item(dataset_id: str) -> LiveItem:
    """The live item of a dataset, for those who change it."""
    try:
        return LiveItem.get(live_pk(dataset_id), CONFIG, consistent_read=True)
    except DoesNotExist:
        raise NotFound(f"The dataset '{dataset_id}' has just been deleted.") from None


def edit_dataset(dataset_uid: str, body: Any, now: datetime) -> DatasetItem:
    """Change metadata, visibility and default security, at once; what the body leaves out stays. The dataset id cannot
    change: it is part of every push URL."""
    dataset = find_dataset(dataset_uid)
    keys = {name: Key(problem=key.problem) for name, key in _KEYS.items() if name != "dataset_id"}
    values = checked(body, keys, read_only=shown(dataset))
    live = live_item(dataset.dataset_id)
    dataset.metadata = values.get("metadata", dataset.metadata)
    dataset.is_restricted = values.get("is_restricted", dataset.is_restricted)
    if "default_security" in values:
        dataset.security = changed_security(dataset_uid, live, values["default_security"]).as_json()
    dataset.updated_at = now.isoformat(timespec="milliseconds")
    with one_transaction() as transaction:
        transaction.save(dataset)
        transaction.update(
            live,
            [
                LiveItem.title.set(title_of(dataset.metadata) or dataset.dataset_id),
                LiveItem.is_restricted.set(dataset.is_restricted),
                LiveItem.security.set(security_of(dataset)),
            ],
        )
    return dataset


def read_metadata(dataset_uid: str, template: str | None = None, name: str | None = None) -> Any:
    """The metadata of a dataset: all, of one template, or one entry (`{"value": ...}`); else NotFound."""
    metadata = find_dataset(dataset_uid).metadata
    if template is None:
        return metadata
    if name is None:
        return _entry(metadata, template)
    return _entry(_entry(metadata, template), name)


def write_metadata(
    dataset_uid: str, body: Any, now: datetime, template: str | None = None, name: str | None = None
) -> Any:
    """Replace all metadata, those of one template, or one entry; at once. Returns what was written."""
    metadata = find_dataset(dataset_uid).metadata
    if template is None:
        written = body
    elif name is None:
        written = {**metadata, template: body}
    else:
        entries = metadata.get(template)
        written = {**metadata, template: {**(entries or {}), name: body}}
    edit_dataset(dataset_uid, {"metadata": written}, now)
    return body


def security_of(dataset: DatasetItem) -> dict[str, Any]:
    """What of a dataset's data readers see who have no API key that may browse."""
    return DefaultSecurity.from_json(dataset.security).as_json()


def delete_dataset(stores: Stores, dataset_uid: str, now: datetime) -> None:
    """Delete a dataset with its draft, its files, and the secrets and copies of its sources. Its records are out of
    reach at once, since nothing leads to their partition any more, and are swept later; pending jobs are dropped, and
    its schedules do nothing until Scheduler forgets them."""
    dataset = find_dataset(dataset_uid)
    mark_all(dataset_uid, now)
    pk = dataset_pk(dataset_uid)
    files = list(UploadedFileItem.query(pk, UploadedFileItem.sk.startswith(FILE), consistent_read=True))
    live = live_item(dataset.dataset_id)
    with one_transaction() as transaction:
        transaction.delete(dataset)
        transaction.delete(live)
        sweep_generations_later(transaction, live, now)
        for name in (PROCESSORS, FIELDS):
            transaction.delete(StackItem.get(pk, name, consistent_read=True))
        for resource in ResourceItem.query(pk, ResourceItem.sk.startswith(RESOURCE), consistent_read=True):
            transaction.delete(resource)
        drop_watches(transaction, watch_items(dataset_uid))
    for schedule in stored_schedules(dataset_uid):
        with one_transaction() as transaction:
            transaction.delete(schedule, add_version_condition=False)
            mark(transaction, schedule, now)
    stores.runs.forget_dataset(dataset_uid, Deadline(_FORGETTING))
    stores.sources.delete([source_key(dataset_uid, file.uid) for file in files])
    for file in files:
        with conflicts_as_edit_conflict():
            file.delete()
    for accepted in AcceptedRefreshItem.query(pk, AcceptedRefreshItem.sk.startswith(ACCEPTED_REFRESH)):
        accepted.delete()
    drop_copies(stores, dataset_uid)
    PublicationItem(pk, PUBLICATION).delete()
    PublishedSourcesItem(pk, SOURCES).delete()
    ring(stores, LANE, dataset.dataset_id)  # its jobs are dropped, before another dataset of this id finds them
    with suppress(TemporarilyUnavailable):  # the sweep drops what is left of them
        drop_secrets(stores, dataset_uid)


def source_key(dataset_uid: str, file_uid: str) -> str:
    """Where an uploaded file lies in the sources bucket."""
    return f"{dataset_uid}/{file_uid}"


def shown(dataset: DatasetItem) -> dict[str, Any]:
    """The dataset as the API shows it."""
    return {
        "uid": dataset.uid,
        "dataset_id": dataset.dataset_id,
        "created_at": dataset.created_at,
        "updated_at": dataset.updated_at,
        "is_published": dataset.is_published,
        "is_restricted": dataset.is_restricted,
        "metadata": dataset.metadata,
        "default_security": security_of(dataset),
    }


def _entry(entries: Mapping[str, Any], name: str) -> Any:
    if name not in entries:
        raise NotFound(f"There is nothing under '{name[:60]}': use {', '.join(entries) or 'PUT to write it'}.")
    return entries[name]
