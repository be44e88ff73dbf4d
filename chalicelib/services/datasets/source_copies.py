"""Copies of remote sources: the file that the records of a resource were last made of, its manifest, and what tells
that the file has not changed since.

An item (`CopyItem`) says which copy that is. It changes only when a job of the lane has been applied: what was fetched
for a job that comes to nothing never makes a later run say that nothing has changed. While a job is writing over the
records, the item says so; a job that is given up half-way leaves it like that, and the next run takes the whole file.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.exceptions import DoesNotExist

from chalicelib.domain.errors import EditConflict, JobPayloadMissing
from chalicelib.domain.job import Job
from chalicelib.domain.manifest import Manifest
from chalicelib.sources.formats.opening import open_records
from chalicelib.sources.formats.source_record import SourceRecord
from chalicelib.sources.transfer import Fetched
from chalicelib.store.catalog.incoming import CopyItem
from chalicelib.store.catalog.keys import COPY, dataset_pk
from chalicelib.store.catalog.transactions import conflicts_as_edit_conflict
from chalicelib.store.dynamodb import aws_faults_as_unavailable
from chalicelib.store.stores import Stores


def content_key(dataset_uid: str, resource_uid: str, batch_id: str) -> str:
    """Where the file that was fetched for a job lies in the sources bucket."""
    return f"{dataset_uid}/copies/{resource_uid}/{batch_id}"


def staged_copy(key: str, fetched: Fetched) -> dict[str, Any]:
    """What a job keeps in its options of a file that was fetched to this key: the attributes of the `CopyItem` that
    it makes once it is applied."""
    return {
        "content_key": key,
        "manifest_key": f"{key}.manifest",
        "validators": vars(fetched.validators),
        "sha256": fetched.sha256,
        "size": fetched.size,
        "records": 0,
    }


def keep_manifest(stores: Stores, staged: dict[str, Any], manifest: Manifest) -> None:
    """Store the manifest of a staged copy that was read to its end."""
    staged["records"] = len(manifest)
    with aws_faults_as_unavailable():
        stores.sources.put(staged["manifest_key"], manifest.packed(), "application/octet-stream")


def read_copy(
    stores: Stores, key: str, kind: str, params: Mapping[str, Any], check: Callable[[], None]
) -> Iterator[SourceRecord]:
    """The records of a copy, each with its place; BrokenFile when they cannot be read to their end. `check` is called
    again and again meanwhile, and what it raises ends the reading."""
    with aws_faults_as_unavailable():
        stream = stores.sources.open(key)
        if stream is None:
            raise JobPayloadMissing(f"The file that was fetched to {key} is gone.")
        yield from open_records(stream, kind, params, check=check)


def find_copy(dataset_uid: str, resource_uid: str) -> CopyItem | None:
    """The copy that the records of a resource were made of, or None."""
    with suppress(DoesNotExist):
        return CopyItem.get(dataset_pk(dataset_uid), COPY + resource_uid, consistent_read=True)
    return None


def copy_item(job: Job, resource_uid: str, version: int, copy: Mapping[str, Any]) -> CopyItem:
    """The item of a staged copy, once its job has been applied."""
    return CopyItem(
        dataset_pk(job.dataset_uid),
        COPY + resource_uid,
        batch_id=job.batch_id,
        generation=job.generation,
        version=version,
        **copy,
    )


def renew_validators(copy: CopyItem, fetched: Fetched) -> None:
    """Keep what the server says now of a file that has not changed, unless a job has come between."""
    validators = vars(fetched.validators)
    if validators != copy.validators:
        with suppress(EditConflict), conflicts_as_edit_conflict():
            copy.update([CopyItem.validators.set(validators)], condition=CopyItem.batch_id == copy.batch_id)


def drop_source_copy(stores: Stores, dataset_uid: str, resource_uid: str) -> None:
    """Remove the copy of a remote source that was fetched last; none is fine. The next refresh fetches it anew, and
    whole. A job that is being applied still finds the manifest."""
    copy = find_copy(dataset_uid, resource_uid)
    if copy is None:
        return
    with suppress(EditConflict), conflicts_as_edit_conflict():
        copy.update(
            [CopyItem.content_key.remove(), CopyItem.validators.remove(), CopyItem.sha256.remove()],
            condition=CopyItem.batch_id == copy.batch_id,
        )
    stores.sources.delete([content_key(dataset_uid, resource_uid, copy.batch_id)])


def drop_copies(stores: Stores, dataset_uid: str) -> None:
    """Forget all copies of a dataset: its records are about to be made of others, or of none."""
    for copy in CopyItem.query(dataset_pk(dataset_uid), CopyItem.sk.startswith(COPY), consistent_read=True):
        copy.delete()
        discard_objects(stores, objects_of(copy))


def objects_of(copy: CopyItem) -> list[str]:
    """The keys of a copy's objects."""
    return [key for key in (copy.content_key, copy.manifest_key) if key]


def discard_staged_copies(stores: Stores, jobs: Iterable[Job]) -> None:
    """Remove the copies that jobs brought which will not be applied."""
    copies = [copy for job in jobs for copy in job.options.get("copies", {}).values()]
    discard_objects(stores, [copy[name] for copy in copies for name in ("content_key", "manifest_key")])


def discard_objects(stores: Stores, keys: Sequence[str]) -> None:
    """Remove objects that nothing refers to. What cannot be removed now goes with the dataset."""
    if keys:
        with suppress(ClientError, BotoCoreError):
            stores.sources.delete(keys)
