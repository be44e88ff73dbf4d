"""The backup of a resource for those who manage it: listed, downloaded, scratched."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import orjson

from chalicelib.domain import shape
from chalicelib.domain.backup import Entry
from chalicelib.domain.errors import BackupBeingSwept, RecoveryUnderWay, TemporarilyUnavailable, ValidationFailed
from chalicelib.domain.identifiers import new_batch_id
from chalicelib.domain.shape import Key, checked
from chalicelib.services.reading.export import ExportFile, Outlet
from chalicelib.services.recovery.recovery import COUNTED_OBJECTS, find_realtime
from chalicelib.services.recovery.state import UNDER_WAY, job_failure, load_recovery
from chalicelib.services.resources.resource_drafts import Draft
from chalicelib.store.backups import GREATEST, BackupObject, upload_copies
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.stores import Stores

NDJSON = "application/x-ndjson"
SCRATCH_KEYS = {"confirm": Key(problem=shape.text(most=100))}
_SCRATCHED_AT_ONCE = 1000  # objects


def list_backup(stores: Stores, dataset_uid: str, resource_uid: str) -> list[dict[str, Any]]:
    """The objects of a resource's backup, newest first, up to 20,000 of them: what each holds, and a signed URL that
    downloads it (NDJSON, gzipped) for five minutes."""
    draft = find_realtime(dataset_uid, resource_uid)
    objects = islice(stores.backups.objects(dataset_uid, resource_uid), COUNTED_OBJECTS)
    return [_shown(stores, draft, found) for found in objects]


def download_backup(
    stores: Stores, dataset_uid: str, resource_uid: str, now: datetime, deadline: Deadline
) -> ExportFile:
    """All entries of a resource's backup as NDJSON, newest first: answered, or built in S3 when they are many."""
    name = f"{find_realtime(dataset_uid, resource_uid).resource.resource_id}-backup.jsonl"
    outlet = Outlet(stores.exports, f"{dataset_uid}/{new_batch_id(now)}.jsonl", NDJSON, deadline)
    with outlet.dropped_on_failure():
        for entry in _entries(stores, dataset_uid, resource_uid):
            if deadline.remaining() <= 0:
                raise TemporarilyUnavailable(_TOO_LONG)
            outlet.add(orjson.dumps(_with_link(stores, entry)) + b"\n")
        text = outlet.close()
    if text is not None:
        return ExportFile(filename=name, mimetype=NDJSON, text=text)
    return ExportFile(filename=name, mimetype=NDJSON, url=outlet.link(name))


def scratch_backup(
    stores: Stores, dataset_uid: str, resource_uid: str, body: Any, *, now: datetime, deadline: Deadline
) -> Draft:
    """Delete all that is backed up of a resource, for good. `confirm` must be the resource's id. Raises
    TemporarilyUnavailable when there is more than a request deletes: the rest goes when it is sent again; and
    BackupBeingSwept while a sweep may put back what it has read."""
    draft = find_realtime(dataset_uid, resource_uid)
    wanted = draft.resource.resource_id
    if checked(body, SCRATCH_KEYS).get("confirm") != wanted:
        raise ValidationFailed(
            {"confirm": [f'this deletes the backup for good: send {{"confirm": "{wanted}"}} if that is wanted']}
        )
    item = load_recovery(dataset_uid)
    if item is not None and item.state in UNDER_WAY and job_failure(stores, item, deadline) is None:
        raise RecoveryUnderWay
    if not stores.backups.begin_scratch(dataset_uid, now, deadline):
        raise BackupBeingSwept
    bucket = stores.backups.bucket
    for prefix in (f"{dataset_uid}/{resource_uid}/", upload_copies(dataset_uid, resource_uid)):
        keys = (key for key, _ in bucket.listed(prefix))
        while some := list(islice(keys, _SCRATCHED_AT_ONCE)):
            if deadline.remaining() <= 0:
                raise TemporarilyUnavailable
            bucket.delete(some)
    return draft


def _entries(stores: Stores, dataset_uid: str, resource_uid: str) -> Iterator[Entry]:
    return stores.backup_reader.newest_first(dataset_uid, below=GREATEST, resource_uid=resource_uid)


def _with_link(stores: Stores, entry: Entry) -> dict[str, Any]:
    """The entry as it is shown; one of a large file says where that is, for five minutes."""
    shown = entry.as_json()
    if entry.upload is not None:
        key = entry.upload["key"]
        url = stores.backups.bucket.link(key, filename=entry.batch_id, mimetype=_BINARY, inline=False)
        shown["upload"] = {"format": entry.upload["format"], "url": url}
    return shown


def _shown(stores: Stores, draft: Draft, found: BackupObject) -> dict[str, Any]:
    name = f"{draft.resource.resource_id}-{found.first}-{found.last}.jsonl.gz"
    return {
        "first": found.first,
        "last": found.last,
        "entries": found.count,
        "first_accepted_at": _moment(found.first_at),
        "last_accepted_at": _moment(found.last_at),
        "bytes": found.size,
        "url": stores.backups.bucket.link(found.key, filename=name, mimetype="application/gzip", inline=False),
    }


def _moment(epoch_ms: int) -> str:
    return datetime.fromtimestamp(epoch_ms / 1000, UTC).isoformat(timespec="milliseconds")


_BINARY = "application/octet-stream"
_TOO_LONG = "The backup is too large for one request: download the objects that backup/ lists, by their urls."
