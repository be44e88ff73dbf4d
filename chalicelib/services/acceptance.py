"""Acceptance: the one place that decides how an operation is made durable, and does it.

`OK` may be answered once `accept` has returned. Every writer of records goes through here; the writing itself is
`RecordStore.write`.
"""

from collections.abc import Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.domain.errors import RecordRefusal
from chalicelib.domain.live import LiveDataset
from chalicelib.domain.receipt import Counts, Receipt
from chalicelib.domain.record import PreparedRecord
from chalicelib.store.dynamodb import Deadline, aws_faults_as_unavailable
from chalicelib.store.objects import file_key
from chalicelib.store.parallel import run_all
from chalicelib.store.records import RecordWrite, StoredMark
from chalicelib.store.stores import Stores


@dataclass(frozen=True, kw_only=True)
class Operation:
    """A validated batch: records to put by their id, ids to delete, and what the receipt tells beside the counts.
    Records that now belong to one of the resources in `yields_to` are left as they are."""

    batch_id: str
    resource_uid: str
    name: str
    puts: Mapping[str, PreparedRecord] = field(default_factory=dict)
    deletes: Sequence[str] = ()
    record_ids: Sequence[str] = ()
    ignored_fields: Sequence[str] = ()
    skipped: int = 0
    yields_to: Set[str] = frozenset()
    refusals: Sequence[RecordRefusal] = ()


def accept(stores: Stores, live: LiveDataset, operation: Operation, now: datetime, deadline: Deadline) -> Receipt:
    """Make the operation durable and tell what it changed.

    It is written directly, within the request: unchanged records are read strongly and skipped, file contents go
    before their records, the receipt with the last of them. At the deadline TemporarilyUnavailable is raised: the
    operation is not acknowledged, and sending it again is safe.
    """
    marks = stores.records.marks(live.partition, [*operation.puts, *operation.deletes], deadline)
    changed = [r for r in operation.puts.values() if _is_to_write(r, marks.get(r.id), operation)]
    deletes = [record_id for record_id in dict.fromkeys(operation.deletes) if record_id in marks]
    writes = [_record_write(live, record, operation.batch_id) for record in changed]
    with aws_faults_as_unavailable():
        _store_contents(stores, changed, writes)
    receipt = _receipt(operation, now, changed, deletes, marks)
    trailing = [stores.activity.batch_write(live.dataset_uid, operation.batch_id, receipt.as_stored(), now)]
    if writes or deletes:
        trailing.append(stores.activity.modified_write(live.dataset_uid, now))
    stores.records.write(
        live.partition,
        writes,
        deletes,
        resource_uid=operation.resource_uid,
        accepted_at=int(now.timestamp() * 1000),
        trailing=trailing,
        deadline=deadline,
    )
    replaced = [marks[record_id] for record_id in (*(r.id for r in changed), *deletes) if record_id in marks]
    _drop_contents(stores, [key for mark in replaced for key in mark.files.values()])
    return replace(receipt, record_ids=operation.record_ids)


def _is_to_write(record: PreparedRecord, mark: StoredMark | None, operation: Operation) -> bool:
    if mark is None:
        return True
    differs = mark.hash != record.hash or mark.resource_uid != operation.resource_uid
    return differs and mark.resource_uid not in operation.yields_to


def _record_write(live: LiveDataset, record: PreparedRecord, batch_id: str) -> RecordWrite:
    if not record.files:
        return RecordWrite(record.id, record.text, record.hash, {})
    keys = {
        name: file_key(live.partition, record.id, name, content.sha256, batch_id)
        for name, content in record.files.items()
    }
    return RecordWrite(record.id, record.text, record.hash, keys)


def _store_contents(stores: Stores, records: Sequence[PreparedRecord], writes: Sequence[RecordWrite]) -> None:
    contents = [
        (write.files[name], content)
        for record, write in zip(records, writes, strict=True)
        for name, content in record.files.items()
    ]
    run_all(lambda part: stores.files.put(part[0], part[1].content, part[1].mimetype), contents)


def _drop_contents(stores: Stores, keys: Sequence[str]) -> None:
    """Remove contents that no record refers to any more. The write stands whatever happens here: what cannot be
    removed now stays unreachable until the generation is swept."""
    if keys:
        with suppress(ClientError, BotoCoreError):
            stores.files.delete(keys)


def _receipt(
    operation: Operation,
    now: datetime,
    changed: Sequence[PreparedRecord],
    deletes: Sequence[str],
    marks: Mapping[str, StoredMark],
) -> Receipt:
    updated = sum(1 for record in changed if record.id in marks)
    rejected = len({refusal.index for refusal in operation.refusals})
    counts = Counts(
        records=len(operation.record_ids) + rejected + operation.skipped,
        created=len(changed) - updated,
        updated=updated,
        unchanged=len(operation.puts) - len(changed),
        deleted=len(deletes),
        rejected=rejected,
        skipped=operation.skipped,
    )
    return Receipt(
        batch_id=operation.batch_id,
        resource_uid=operation.resource_uid,
        received_at=now,
        operation=operation.name,
        state="applied",
        counts=counts,
        ignored_fields=operation.ignored_fields,
        refusals=operation.refusals,
    )
