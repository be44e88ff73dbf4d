"""Publish and unpublish: when a draft becomes what pushes and readers see, and when records go out of sight."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, TypeVar

from pynamodb.expressions.update import Action

from chalicelib.domain.errors import (
    EditConflict,
    InvalidDatasetStatus,
    PublicationAborted,
    RecordRefusal,
    Refused,
    UniqueKeyChangeRefused,
)
from chalicelib.domain.identifiers import new_batch_id
from chalicelib.domain.live import Configuration, LiveDataset
from chalicelib.domain.payload import Payload
from chalicelib.domain.schema import Schema
from chalicelib.services.acceptance import Operation, accept
from chalicelib.services.datasets import find_dataset, live_item
from chalicelib.services.drafts import draft_configuration, draft_resources
from chalicelib.services.source_files import read_source
from chalicelib.store.catalog import (
    DatasetItem,
    LiveItem,
    ResourceItem,
    conflicts_as_edit_conflict,
    one_transaction,
)
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.stores import Stores

READY = ("idle", "error", "limit_reached")
WORKING = ("queued", "processing")
ABORTING = "aborting_processing"
LEASE = timedelta(seconds=60)  # longer than a request may live: a status older than this belongs to nobody
BATCH = 2000  # records of a file that are prepared and written at once
MAX_ERRORS = 100

Part = TypeVar("Part")


def publish(stores: Stores, dataset_uid: str, now: datetime, deadline: Deadline) -> None:
    """Make the draft the published configuration, and load the uploaded files.

    Repeating it is safe: what a publish that ran out of time has written is found unchanged by the next one.
    """
    dataset = find_dataset(dataset_uid)
    with _status(dataset, "processing", now):
        resources = draft_resources(dataset_uid)
        configuration = draft_configuration(dataset_uid, resources)
        live = stores.live.read(dataset.dataset_id, deadline)
        if live is None:
            raise EditConflict
        _check_unique_key(stores, live, configuration.schema, deadline)
        loading = _Loading(stores=stores, live=live, configuration=configuration, now=now, deadline=deadline)
        with_files = [resource for resource in resources if resource.file_uid]
        for resource in with_files:
            # A file that is broken further down must not have changed records by then: it is read once before.
            for _ in read_source(stores, dataset_uid, resource):
                pass
        for resource in with_files:
            loading.load(resource)
        loading.drop_others(resources)
        _switch_over(dataset, live, configuration, loading.errors, now)


def unpublish(dataset_uid: str, now: datetime) -> None:
    """Take the dataset off: one conditional write opens a new, empty generation, so that its records are out of
    reach at once, whatever their number, and the next publish begins empty."""
    dataset = find_dataset(dataset_uid)
    with _status(dataset, "deleting", now):
        live = live_item(dataset.dataset_id)
        with one_transaction() as transaction:
            transaction.update(live, [LiveItem.is_published.set(False), LiveItem.generation.add(1)])
            transaction.update(dataset, [DatasetItem.is_published.set(False)])


def abort(dataset_uid: str, now: datetime) -> None:
    """Ask the worker of a publication to stop; it does so before its next batch, and always before it publishes."""
    dataset = find_dataset(dataset_uid)
    if dataset.status not in WORKING:
        raise InvalidDatasetStatus(dataset.status, WORKING)
    _set_status(dataset, ABORTING, None, now)


def status_of(dataset_uid: str) -> dict[str, Any]:
    """The status as the API shows it."""
    dataset = find_dataset(dataset_uid)
    return {
        "status": dataset.status,
        "previous": dataset.previous_status,
        "next": None if dataset.status in READY else "idle",
        "since": dataset.status_since,
        "is_published": dataset.is_published,
        "message": dataset.status_message,
        "records_errors": dataset.records_errors or [],
        "params": {},
    }


@contextmanager
def _status(dataset: DatasetItem, working: str, now: datetime) -> Iterator[None]:
    """Hold the dataset while something is done to it: the claim is a conditional write, so of two only one works.
    A refusal leaves the status as it was, a failure shows as `error`, and a dead worker's claim expires. An abort
    changes the dataset under the worker, whose last, conditional write then fails."""
    expired = now - datetime.fromisoformat(dataset.status_since) > LEASE
    if dataset.status not in READY and not expired:
        raise InvalidDatasetStatus(dataset.status, READY)
    before = dataset.status if dataset.status in READY else "error"
    try:
        _set_status(dataset, working, None, now)
    except EditConflict:
        raise InvalidDatasetStatus(find_dataset(dataset.uid).status, READY) from None
    try:
        yield
    except Refused as refused:
        current = find_dataset(dataset.uid)
        aborted = PublicationAborted() if current.status == ABORTING else None
        _set_status(current, before, (aborted or refused).message, now)
        raise (aborted or refused) from None
    except Exception:
        _set_status(find_dataset(dataset.uid), "error", "It did not finish: publish again.", now)
        raise
    _set_status(dataset, "idle", None, now)


def _set_status(dataset: DatasetItem, status: str, message: str | None, now: datetime) -> None:
    actions: list[Action] = [
        DatasetItem.previous_status.set(dataset.status),
        DatasetItem.status.set(status),
        DatasetItem.status_since.set(now.isoformat(timespec="milliseconds")),
        DatasetItem.status_message.set(message) if message else DatasetItem.status_message.remove(),
    ]
    with conflicts_as_edit_conflict():
        dataset.update(actions)


def _check_unique_key(stores: Stores, live: LiveDataset, schema: Schema, deadline: Deadline) -> None:
    """Records keep the ids of the key they came in under: refuse to mix two kinds of ids in one generation."""
    changed = live.is_published and live.configuration.schema.unique_key != schema.unique_key
    if changed and next(iter(stores.reader.scan(live.partition, deadline)), None) is not None:
        raise UniqueKeyChangeRefused


@dataclass(kw_only=True)
class _Loading:
    """Bringing the stored records in line with the resources of the configuration that is being published."""

    stores: Stores
    live: LiveDataset
    configuration: Configuration
    now: datetime
    deadline: Deadline
    errors: list[dict[str, Any]] = field(default_factory=list)
    loaded: set[str] = field(default_factory=set)

    def load(self, resource: ResourceItem) -> None:
        """Write the records of an uploaded file; those that do not fit are counted as errors and skipped."""
        preparer = self.configuration.preparer(resource.uid)
        source = read_source(self.stores, self.live.dataset_uid, resource)
        for number, records in enumerate(_in_batches(source)):
            prepared = preparer.prepare(Payload(objects=[record.values for record in records]))
            self.errors += [
                _record_error(refusal, number * BATCH, records[refusal.index].place) for refusal in prepared.refusals
            ]
            self.loaded |= prepared.records.keys()
            self._accept(
                resource_uid=resource.uid,
                puts=prepared.records,
                record_ids=prepared.ids,
                refusals=prepared.refusals,
                skipped=prepared.skipped,
            )

    def drop_others(self, resources: Sequence[ResourceItem]) -> None:
        """Delete the records of resources that are gone, and those that vanished from an uploaded file."""
        kept = {resource.uid for resource in resources if not resource.file_uid}
        others = self.stores.reader.ids_of_others(self.live.partition, kept, self.deadline)
        for ids in _in_batches(record_id for record_id in others if record_id not in self.loaded):
            self._accept(resource_uid="", deletes=ids, record_ids=ids)

    def _accept(self, **parts: Any) -> None:
        if find_dataset(self.live.dataset_uid).status == ABORTING:
            raise PublicationAborted
        operation = Operation(batch_id=new_batch_id(self.now), name="publish", **parts)
        accept(self.stores, self.live, operation, self.now, self.deadline)


def _switch_over(
    dataset: DatasetItem,
    live: LiveDataset,
    configuration: Configuration,
    errors: list[dict[str, Any]],
    now: datetime,
) -> None:
    """The moment of publication: one transaction, on condition that nothing was published or unpublished meanwhile."""
    item = live_item(dataset.dataset_id)
    same = (LiveItem.version == live.version) & (LiveItem.generation == live.generation)
    with one_transaction() as transaction:
        transaction.update(
            item,
            [
                LiveItem.configuration.set(configuration.as_json()),
                LiveItem.version.set(live.version + 1),
                LiveItem.is_published.set(True),
            ],
            condition=same,
        )
        transaction.update(
            dataset,
            [
                DatasetItem.is_published.set(True),
                DatasetItem.records_errors.set(errors[:MAX_ERRORS]),
                DatasetItem.updated_at.set(now.isoformat(timespec="milliseconds")),
            ],
        )


def _in_batches(parts: Iterable[Part]) -> Iterator[list[Part]]:
    iterator = iter(parts)
    while batch := list(islice(iterator, BATCH)):
        yield batch


def _record_error(refusal: RecordRefusal, before: int, place: str) -> dict[str, Any]:
    return {
        "record_id": None,
        "field_uid": refusal.field,
        "processor_uid": None,
        "message": f"record {before + refusal.index + 1} ({place}): {refusal.message}",
    }
