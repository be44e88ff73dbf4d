"""Publish and unpublish: when a draft becomes what pushes and readers see, and when records go out of sight."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

from chalicelib.domain.errors import (
    EditConflict,
    PublicationAborted,
    RecordRefusal,
    TemporarilyUnavailable,
    UniqueKeyChangeRefused,
)
from chalicelib.domain.identifiers import new_batch_id
from chalicelib.domain.live import Configuration, LiveDataset
from chalicelib.domain.payload import Payload
from chalicelib.domain.schema import Schema
from chalicelib.services.acceptance import Operation, accept
from chalicelib.services.dataset_status import ABORTING, TRIES, held
from chalicelib.services.datasets import find_dataset, live_item
from chalicelib.services.drafts import draft_configuration, draft_resources
from chalicelib.services.source_files import read_source
from chalicelib.store.catalog import (
    DatasetItem,
    LiveItem,
    ResourceItem,
    one_transaction,
)
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.stores import Stores

BATCH = 2000  # records of a file that are prepared and written at once
MAX_ERRORS = 100

Part = TypeVar("Part")


def publish(stores: Stores, dataset_uid: str, now: datetime, deadline: Deadline) -> None:
    """Make the draft the published configuration, and load the uploaded files.

    Repeating it is safe: what a publish that ran out of time has written is found unchanged by the next one.
    """
    dataset = find_dataset(dataset_uid)
    with held(dataset, "processing", now):
        resources = draft_resources(dataset_uid)
        configuration = draft_configuration(dataset_uid, resources)
        live = stores.live.read(dataset.dataset_id, deadline)
        if live is None:
            raise EditConflict
        _check_identity(stores, live, configuration.schema, deadline)
        loading = _Loading(
            stores=stores, live=live, configuration=configuration, resources=resources, now=now, deadline=deadline
        )
        loading.read_all()
        loading.load_all()
        loading.drop_others()
        _switch_over(dataset_uid, live, configuration, loading.errors, now)


def unpublish(dataset_uid: str, now: datetime) -> None:
    """Take the dataset off: one conditional write opens a new, empty generation, so that its records are out of
    reach at once, whatever their number, and the next publish begins empty."""
    dataset = find_dataset(dataset_uid)
    with held(dataset, "deleting", now):
        live = live_item(dataset.dataset_id)
        with one_transaction() as transaction:
            transaction.update(live, [LiveItem.is_published.set(False), LiveItem.generation.add(1)])
            transaction.update(dataset, [DatasetItem.is_published.set(False)])


def _check_identity(stores: Stores, live: LiveDataset, schema: Schema, deadline: Deadline) -> None:
    """Stored records keep the ids and the field names they came in under: refuse a schema that they would not fit."""
    if not live.is_published or _fits_stored(live.configuration.schema, schema):
        return
    if next(iter(stores.reader.scan(live.partition, deadline, most=1, consistent=True)), None) is not None:
        raise UniqueKeyChangeRefused


def _fits_stored(old: Schema, new: Schema) -> bool:
    now_by_source = {field.source: field for field in new.fields}
    renamed = any(f.source in now_by_source and now_by_source[f.source].name != f.name for f in old.fields)
    if renamed or old.unique_key != new.unique_key:
        return False
    # Without a unique key every value takes part in the id; a field that is added later is null in the old records.
    identifying = [f for f in old.fields if f.is_unique_key] or old.fields
    return all((g := now_by_source.get(f.source)) is not None and g.type == f.type for f in identifying)


@dataclass(kw_only=True)
class _Loading:
    """Bringing the stored records in line with the resources of the configuration that is being published."""

    stores: Stores
    live: LiveDataset
    configuration: Configuration
    resources: Sequence[ResourceItem]
    now: datetime
    deadline: Deadline
    errors: list[dict[str, Any]] = field(default_factory=list)
    loaded: set[str] = field(default_factory=set)

    def read_all(self) -> None:
        """Read every file once to its end: one that is broken further down must not have changed records by then."""
        for resource in self._with_files():
            for number, _ in enumerate(read_source(self.stores, self.live.dataset_uid, resource)):
                if number % BATCH == 0 and self.deadline.remaining() <= 0:
                    raise TemporarilyUnavailable(_TOO_LONG)

    def load_all(self) -> None:
        """Write the records of the files. What devices push to the same dataset is newer than any file: a record that
        belongs to a realtime resource is left alone."""
        realtime = frozenset(resource.uid for resource in self.resources if resource.type == "realtime")
        for resource in self._with_files():
            self._load(resource, realtime)

    def _with_files(self) -> list[ResourceItem]:
        return [resource for resource in self.resources if resource.file_uid]

    def _load(self, resource: ResourceItem, yields_to: frozenset[str]) -> None:
        """Write the records of one file; those that do not fit are counted as errors and skipped."""
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
                yields_to=yields_to,
            )

    def drop_others(self) -> None:
        """Delete the records of resources that are gone, and those that vanished from an uploaded file."""
        kept = {resource.uid for resource in self.resources if not resource.file_uid}
        others = self.stores.reader.ids_of_others(self.live.partition, kept, self.deadline)
        for ids in _in_batches(record_id for record_id in others if record_id not in self.loaded):
            self._accept(resource_uid="", deletes=ids, record_ids=ids)

    def _accept(self, **parts: Any) -> None:
        if find_dataset(self.live.dataset_uid).status == ABORTING:
            raise PublicationAborted
        operation = Operation(batch_id=new_batch_id(self.now), name="publish", **parts)
        accept(self.stores, self.live, operation, self.now, self.deadline)


def _switch_over(
    dataset_uid: str, live: LiveDataset, configuration: Configuration, errors: list[dict[str, Any]], now: datetime
) -> None:
    """The moment of publication: one transaction, on condition that nothing was published, unpublished or aborted
    meanwhile. An edit of the title at the same moment makes it try again."""
    for attempt in range(TRIES):
        dataset = find_dataset(dataset_uid)
        if dataset.status == ABORTING:
            raise PublicationAborted
        item = live_item(dataset.dataset_id)
        if (item.version, item.generation) != (live.version, live.generation):
            raise EditConflict
        try:
            with one_transaction() as transaction:
                transaction.update(
                    item,
                    [
                        LiveItem.configuration.set(configuration.as_json()),
                        LiveItem.version.set(live.version + 1),
                        LiveItem.is_published.set(True),
                    ],
                )
                transaction.update(
                    dataset,
                    [
                        DatasetItem.is_published.set(True),
                        DatasetItem.records_errors.set(errors[:MAX_ERRORS]),
                        DatasetItem.updated_at.set(now.isoformat(timespec="milliseconds")),
                    ],
                )
        except EditConflict:
            if attempt == TRIES - 1:
                raise
        else:
            return


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


_TOO_LONG = "The uploaded files take longer to read than a request has: split them, or push their records."
