"""Sweeping: what lay under a generation of a dataset that is out of reach is removed, some time after.

Whoever opens a new generation notes the old one in the same transaction, so that none is forgotten. The sweep begins
when every request that may still write there has long ended. It removes whatever it finds: dying half-way it goes on
where it was, and doing it twice does nothing.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import islice

from pynamodb.exceptions import DoesNotExist
from pynamodb.transactions import TransactWrite

from chalicelib.domain.errors import TemporarilyUnavailable
from chalicelib.services.bells import SWEEP
from chalicelib.services.writing.left_contents import LEFT_FOR, remove_left
from chalicelib.store.catalog.drafts import DatasetItem
from chalicelib.store.catalog.incoming import SourceSecretsItem
from chalicelib.store.catalog.keys import CONFIG, DATASETS, SECRETS, SWEEPS, dataset_pk, live_pk
from chalicelib.store.catalog.published import LiveItem, SweepItem
from chalicelib.store.due import due_shard
from chalicelib.store.dynamodb import Deadline, aws_faults_as_unavailable
from chalicelib.store.objects import ObjectStore, job_prefix, upload_prefix
from chalicelib.store.records import shard_keys
from chalicelib.store.stores import Stores

SWEPT_AFTER = timedelta(minutes=10)
DELETED_AT_ONCE = 2000  # records


def sweep_later(transaction: TransactWrite, dataset_uid: str, generation: float, now: datetime) -> None:
    """Note, in the transaction that puts a generation out of reach, that it is to be swept."""
    partition = f"{dataset_uid}.{int(generation)}"
    due_at = int((now + SWEPT_AFTER).timestamp())
    transaction.save(SweepItem(partition=partition, due=due_shard(SWEEP, partition), due_at=due_at))


def sweep_generations_later(transaction: TransactWrite, live: LiveItem, now: datetime) -> None:
    """The same for all that a dataset has: the present generation, and the one that its records are being re-keyed
    into."""
    sweep_later(transaction, live.dataset_uid, live.generation, now)
    if live.coming_generation:
        sweep_later(transaction, live.dataset_uid, live.coming_generation, now)


def sweep(stores: Stores, partition: str, clock: Callable[[], datetime], deadline: Deadline) -> None:
    """Remove what lies under `{dataset_uid}.{generation}`: records, file contents, jobs; of a dataset that is gone, its
    source files, uploads and secrets too. Of a generation that is in use, remove the file contents that were noted.
    Raises TemporarilyUnavailable at the deadline, with less left to do."""
    try:
        item = SweepItem.get(SWEEPS, partition, consistent_read=True)
    except DoesNotExist:
        return
    if clock().timestamp() < item.due_at:
        return
    if item.contents is not None:
        _drop_noted(stores, item, clock(), deadline)
        return
    dataset_uid, _, generation = partition.rpartition(".")
    dataset = _dataset(dataset_uid)
    if dataset is not None and _is_in_use(dataset, int(generation)):
        item.delete()
        return
    _drop_records(stores, partition, deadline)
    _drop_objects(stores.files, f"{partition}/", deadline)
    _drop_objects(stores.jobs, job_prefix(partition), deadline)
    if dataset is None:
        _drop_objects(stores.sources, f"{dataset_uid}/", deadline)
        _drop_objects(stores.jobs, upload_prefix(dataset_uid), deadline)
        drop_secrets(stores, dataset_uid)
    item.delete()


def drop_secrets(stores: Stores, dataset_uid: str) -> None:
    """Delete the secrets of the sources of a dataset that is gone, then the list of them. TemporarilyUnavailable when
    AWS does not answer."""
    with suppress(DoesNotExist), aws_faults_as_unavailable():
        listed = SourceSecretsItem.get(dataset_pk(dataset_uid), SECRETS, consistent_read=True)
        stores.source_secrets.delete(sorted(listed.names or ()))
        listed.delete()


def _drop_noted(stores: Stores, item: SweepItem, now: datetime, deadline: Deadline) -> None:
    """Remove file contents that were noted; later, while a job is pending that may write them again."""
    partition = item.partition.partition("/")[0]
    dataset = _dataset(partition.rpartition(".")[0])
    live = stores.live.read(dataset.dataset_id, deadline) if dataset is not None else None
    if live is not None and live.has_jobs:
        item.update([SweepItem.due_at.set(int((now + LEFT_FOR).timestamp()))])
        return
    remove_left(stores, partition, item.contents, deadline)
    item.delete()


def _drop_records(stores: Stores, partition: str, deadline: Deadline) -> None:
    ids = (found for shard in shard_keys(partition) for found, _ in stores.reader.owners(shard, deadline))
    while some := list(islice(ids, DELETED_AT_ONCE)):
        stores.records.write(partition, [], some, trailing=lambda: (), deadline=deadline)


def _drop_objects(bucket: ObjectStore, prefix: str, deadline: Deadline) -> None:
    keys: Iterator[list[str]] = bucket.keys(prefix)
    while True:
        with aws_faults_as_unavailable():
            page = next(keys, None)
            if page is None:
                return
            bucket.delete(page)
        if deadline.remaining() <= 0:
            raise TemporarilyUnavailable


def _is_in_use(dataset: DatasetItem, generation: int) -> bool:
    """Whether records are, or are about to be, in a generation, whatever was noted of it."""
    with suppress(DoesNotExist):
        live = LiveItem.get(live_pk(dataset.dataset_id), CONFIG, consistent_read=True)
        return live.dataset_uid == dataset.uid and generation in (live.generation, live.coming_generation)
    return False


def _dataset(dataset_uid: str) -> DatasetItem | None:
    with suppress(DoesNotExist):
        return DatasetItem.get(DATASETS, dataset_uid, consistent_read=True)
    return None
