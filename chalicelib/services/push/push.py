"""Push, delete, and the receipts of both: what devices do.

The order is fixed: size, key, feature, switch, publication, parse, prepare, validate all, ids, gate, backup,
contents, write or job, sign of life. Until `accept` nothing has a trace but the note of a refusal; after it the answer
is OK or 503.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from chalicelib.domain.backup import DELETE, DELETE_BY_ID, PUSH, Entry
from chalicelib.domain.errors import (
    BatchNotFound,
    ConfigurationMoved,
    InvalidPayload,
    InvalidRecord,
    RecordIdsChange,
    TemporarilyUnavailable,
)
from chalicelib.domain.identifiers import is_batch_id, is_record_id
from chalicelib.domain.payload import Payload, check_size, check_text, parse_payload
from chalicelib.domain.prepared_record import PreparedPayload
from chalicelib.domain.receipt import QUEUED, Receipt, shown_receipt
from chalicelib.services.alerts.signs_of_life import note_sign_of_life
from chalicelib.services.push.acceptance import Operation, accept
from chalicelib.services.push.admission import Admitted, PushTarget, admit, check_open, refusals_noted
from chalicelib.services.push.processing import time_to_process
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.stores import Stores

Prepare = Callable[[Admitted], Operation]
_FIRST_LOOK, _LAST_LOOK = 0.05, 0.5  # seconds between two looks at a queued batch
_TRIES = 3  # of an operation that a publication overtakes


@dataclass(frozen=True, kw_only=True)
class PushRequest:
    """One request of a device. `lenient` stores the good records of a payload and reports the refused ones; of what is
    queued, the answer is held up to `wait` seconds until it is applied."""

    target: PushTarget
    batch_id: str
    body: bytes = b""
    content_type: str = ""
    lenient: bool = False
    wait: float = 0.0


def push_records(
    stores: Stores, request: PushRequest, *, offers_push: bool, now: datetime, deadline: Deadline
) -> Receipt:
    """Add or overwrite the records of a payload: all of them or none (unless lenient)."""

    def operation(admitted: Admitted) -> Operation:
        prepared = admitted.preparer.prepare(_payload(request), time_to_process(deadline).has_passed)
        _refuse_unless_lenient(prepared, request)
        return Operation(
            batch_id=request.batch_id,
            resource_uid=admitted.resource_uid,
            name="push",
            puts=prepared.records,
            record_ids=prepared.ids,
            ignored_fields=sorted(prepared.ignored_fields),
            skipped=prepared.skipped,
            refusals=prepared.refusals,
            backup=_backup(admitted, request, prepared, PUSH, now),
        )

    return _accepted(stores, request, operation, offers_push=offers_push, now=now, deadline=deadline)


def delete_by_values(
    stores: Stores, request: PushRequest, *, offers_push: bool, now: datetime, deadline: Deadline
) -> Receipt:
    """Delete the records that have the ids of the pushed values; what is not there is fine."""

    def operation(admitted: Admitted) -> Operation:
        payload = _payload(request)
        if payload.objects == [{}]:
            raise InvalidPayload(
                "{} deletes nothing: send the record as it was pushed, or its unique-key fields. "
                "To empty a dataset, unpublish it."
            )
        prepared = admitted.preparer.identify(payload, time_to_process(deadline).has_passed)
        _refuse_unless_lenient(prepared, request)
        return _delete(admitted, request, prepared, DELETE, now)

    return _accepted(stores, request, operation, offers_push=offers_push, now=now, deadline=deadline)


def delete_by_id(
    stores: Stores, request: PushRequest, record_id: str, *, offers_push: bool, now: datetime, deadline: Deadline
) -> Receipt:
    """Delete one record by its id; an id that is not there is fine. RecordIdsChange while records are given others:
    nobody knows yet whether one that is seen under this id will be there under it."""
    prepared = PreparedPayload(ids=[record_id] if is_record_id(record_id) else [])

    def operation(admitted: Admitted) -> Operation:
        if admitted.live.coming_generation is not None:
            raise RecordIdsChange
        return _delete(admitted, request, prepared, DELETE_BY_ID, now)

    return _accepted(stores, request, operation, offers_push=offers_push, now=now, deadline=deadline)


def read_batch(stores: Stores, target: PushTarget, batch_id: str, now: datetime, deadline: Deadline) -> dict[str, Any]:
    """The receipt of a batch of this resource: its state and counts, or why it was refused."""
    admitted = admit(stores, target, now, deadline)
    stored = stores.activity.batch(admitted.live.dataset_uid, batch_id, deadline) if is_batch_id(batch_id) else None
    if stored is None or stored["resource_uid"] != admitted.resource_uid:
        raise BatchNotFound
    return shown_receipt(stored)


def _accepted(
    stores: Stores, request: PushRequest, prepare: Prepare, *, offers_push: bool, now: datetime, deadline: Deadline
) -> Receipt:
    """The steps of everything a device does, in their order; all of them anew when the dataset is published or
    unpublished at the same moment."""
    check_size(len(request.body))
    once = partial(_accepted_once, stores, request, prepare, offers_push=offers_push, now=now, deadline=deadline)
    for _ in range(_TRIES - 1):
        with suppress(ConfigurationMoved):
            return once(is_last=False)
    return once(is_last=True)


def _accepted_once(
    stores: Stores,
    request: PushRequest,
    prepare: Prepare,
    *,
    is_last: bool,
    offers_push: bool,
    now: datetime,
    deadline: Deadline,
) -> Receipt:
    """What is refused from the right key on is noted in the activity, unless it is tried again."""
    admitted = admit(stores, request.target, now, deadline)
    tried_again = () if is_last else ConfigurationMoved
    with refusals_noted(stores, admitted, request.batch_id, now, deadline, unless=tried_again):
        check_open(admitted, offers_push=offers_push)
        receipt = accept(stores, admitted.live, prepare(admitted), now, deadline)
    note_sign_of_life(stores, admitted.live, admitted.resource_uid, now, deadline)
    if receipt.state == QUEUED and request.wait > 0:
        return _awaited(stores, admitted.live.dataset_uid, receipt, deadline.within(request.wait))
    return receipt


def _awaited(stores: Stores, dataset_uid: str, receipt: Receipt, deadline: Deadline) -> Receipt:
    """The receipt once the batch is applied, or as it was at the deadline."""
    pause = _FIRST_LOOK
    with suppress(TemporarilyUnavailable):
        while True:
            deadline.sleep(pause)
            stored = stores.activity.batch(dataset_uid, receipt.batch_id, deadline)
            if stored is not None and stored["state"] != QUEUED:
                return receipt.as_settled(stored)
            pause = min(_LAST_LOOK, pause * 1.5)
    return receipt


def _delete(admitted: Admitted, request: PushRequest, prepared: PreparedPayload, kind: str, now: datetime) -> Operation:
    return Operation(
        batch_id=request.batch_id,
        resource_uid=admitted.resource_uid,
        name="delete",
        deletes=prepared.ids,
        record_ids=prepared.ids,
        refusals=prepared.refusals,
        backup=_backup(admitted, request, prepared, kind, now),
    )


def _backup(
    admitted: Admitted, request: PushRequest, prepared: PreparedPayload, kind: str, now: datetime
) -> Entry | None:
    """What to keep of the request: nothing unless recovery is on and something is accepted. Records that a processor
    has skipped are kept too: the processors of a later day may not skip them."""
    if not admitted.switches.recovery or not (prepared.ids or prepared.skipped):
        return None
    by_id = kind == DELETE_BY_ID
    return Entry(
        batch_id=request.batch_id,
        resource_uid=admitted.resource_uid,
        operation=kind,
        accepted_at=int(now.timestamp() * 1000),
        version=admitted.live.version,
        content_type="" if by_id else request.content_type,
        body=b"" if by_id else request.body,
        record_id=prepared.ids[0] if by_id else "",
        refused=sorted({refusal.index for refusal in prepared.refusals}),
    )


def _payload(request: PushRequest) -> Payload:
    check_text(request.body)
    return parse_payload(request.body, request.content_type)


def _refuse_unless_lenient(prepared: PreparedPayload, request: PushRequest) -> None:
    if prepared.refusals and not request.lenient:
        raise InvalidRecord(prepared.refusals)
