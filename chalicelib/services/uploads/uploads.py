"""Uploads: pushes past the limit of a request. The device sends a file of up to 240 MB to S3, then commits it: a
worker checks the whole of it, and only then it is acknowledged, as a job of the lane like any push.

    waiting ──commit──▶ checking ──▶ accepted | refused
       ◀──unpublished──

Committing again asks again: whoever got no final answer repeats the request. When the dataset is unpublished during the
check, the upload waits again, with its file.
"""

import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pynamodb.exceptions import DoesNotExist

from chalicelib.domain import shape
from chalicelib.domain.errors import (
    DatasetNotPublished,
    EditConflict,
    Refused,
    TemporarilyUnavailable,
    UploadMissing,
    UploadNotFound,
    UploadRefused,
)
from chalicelib.domain.identifiers import new_batch_id
from chalicelib.domain.shape import Key, checked
from chalicelib.services.bells import UPLOAD, ring
from chalicelib.services.push.admission import Admitted, PushTarget, admit, check_open, refusals_noted
from chalicelib.services.resources.source_files import MAX_UPLOAD_BYTES
from chalicelib.store.catalog.incoming import UploadItem
from chalicelib.store.catalog.keys import ACCEPTED, CHECKING, REFUSED, UPLOADED, WAITING, dataset_pk
from chalicelib.store.catalog.transactions import conflicts_as_edit_conflict
from chalicelib.store.due import due_shard
from chalicelib.store.dynamodb import Deadline, aws_faults_as_unavailable
from chalicelib.store.job_item import RUNG_AGAIN_AFTER
from chalicelib.store.objects import UPLOAD_SECONDS, upload_key
from chalicelib.store.stores import Stores

KEPT_SECONDS = 2 * 86_400
KINDS = {"jsonl": "jsonl", "json": "jsonfile", "csv": "csvfile"}
_FIRST_LOOK, _LAST_LOOK = 0.1, 1.0  # seconds between two looks at an upload that is being checked


@dataclass(frozen=True, kw_only=True)
class UploadRequest:
    """A request of a device about an upload. The answer to a commit is held up to `wait` seconds."""

    target: PushTarget
    upload_id: str = ""
    body: Any = None
    lenient: bool = False
    wait: float = 20.0


def open_upload(
    stores: Stores, request: UploadRequest, *, offers_push: bool, now: datetime, deadline: Deadline
) -> dict[str, Any]:
    """Announce a file: the answer's `upload` is a form to send it to within the hour. `format` (`jsonl`, `json` or
    `csv`, gzipped or not) is found out from the file when it is not said."""
    admitted = _admitted(stores, request, offers_push, now, deadline)
    values = checked(request.body if request.body is not None else {}, _UPLOAD)
    upload_id = secrets.token_hex(14)
    UploadItem(
        dataset_pk(admitted.live.dataset_uid),
        UPLOADED + upload_id,
        dataset_id=admitted.live.dataset_id,
        resource_uid=admitted.resource_uid,
        format=values.get("format"),
        state=WAITING,
        expires_at=int(now.timestamp()) + KEPT_SECONDS,
    ).save()
    form = stores.jobs.upload_form(upload_key(admitted.live.dataset_uid, upload_id), most=MAX_UPLOAD_BYTES)
    return {
        "status": "OK",
        "upload_id": upload_id,
        "upload": {"method": "POST", **form},
        "max_bytes": MAX_UPLOAD_BYTES,
        "expires_in": UPLOAD_SECONDS,
    }


def commit_upload(
    stores: Stores, request: UploadRequest, *, offers_push: bool, now: datetime, deadline: Deadline
) -> UploadItem:
    """Have an uploaded file checked and accepted; its item says what became of it until now. Raises UploadRefused
    when records are refused: nothing of it was written then; DatasetNotPublished when the dataset was unpublished
    meanwhile: once it is published, the same commit has the file checked again."""
    admitted = _admitted(stores, request, offers_push, now, deadline)
    item = _find(admitted, request.upload_id)
    if item.state == WAITING:
        _start_checking(stores, admitted, item, request, now)
    item = _awaited(item, deadline.within(request.wait))
    refused = _refusal(item)
    if refused is not None:
        refused.batch_id = request.upload_id  # the refusal is noted under it
        raise refused
    return item


def _refusal(item: UploadItem) -> Refused | None:
    if item.state == WAITING:
        return DatasetNotPublished()
    return UploadRefused(item.message or "", item.details or []) if item.state == REFUSED else None


def _admitted(stores: Stores, request: UploadRequest, offers_push: bool, now: datetime, deadline: Deadline) -> Admitted:
    admitted = admit(stores, request.target, now, deadline)
    with refusals_noted(stores, admitted, new_batch_id(now), now, deadline):
        check_open(admitted, offers_push=offers_push)
    return admitted


def _find(admitted: Admitted, upload_id: str) -> UploadItem:
    try:
        item = UploadItem.get(dataset_pk(admitted.live.dataset_uid), UPLOADED + upload_id[:60], consistent_read=True)
    except DoesNotExist:
        raise UploadNotFound from None
    if item.resource_uid != admitted.resource_uid:
        raise UploadNotFound
    return item


def _start_checking(
    stores: Stores, admitted: Admitted, item: UploadItem, request: UploadRequest, now: datetime
) -> None:
    dataset_uid = admitted.live.dataset_uid
    with aws_faults_as_unavailable():
        if not stores.jobs.exists(upload_key(dataset_uid, request.upload_id)):
            raise UploadMissing
    with suppress(EditConflict), conflicts_as_edit_conflict():  # somebody has committed it at the same moment
        item.update(
            [
                UploadItem.state.set(CHECKING),
                UploadItem.is_lenient.set(request.lenient),
                UploadItem.due.set(due_shard(UPLOAD, dataset_uid)),
                UploadItem.due_at.set(int(now.timestamp()) + RUNG_AGAIN_AFTER),
            ],
            condition=UploadItem.state == WAITING,
        )
    item.refresh(consistent_read=True)
    ring(stores, UPLOAD, f"{dataset_uid}.{request.upload_id}")


def _awaited(item: UploadItem, deadline: Deadline) -> UploadItem:
    """The item once it is settled, or as it is at the deadline."""
    pause = _FIRST_LOOK
    try:
        while item.state == CHECKING:
            deadline.sleep(pause)
            item.refresh(consistent_read=True)
            pause = min(_LAST_LOOK, pause * 1.5)
    except TemporarilyUnavailable:
        pass
    return item


def shown_upload(item: UploadItem) -> Mapping[str, Any]:
    """What a commit answers: `estimated_seconds` until what was accepted is applied."""
    if item.state != ACCEPTED:
        return {"status": "checking", "upload_id": item.sk.removeprefix(UPLOADED)}
    return {
        "status": "OK",
        "batch_id": item.batch_id,
        "records": int(item.records or 0),
        "rejected": int(item.rejected or 0),
        "estimated_seconds": int(item.estimated_seconds or 0),
    }


def _format_problem(value: Any) -> str | None:
    return None if isinstance(value, str) and value in KINDS else f"expected one of {', '.join(KINDS)}"


_UPLOAD = {"format": Key(problem=shape.described({"enum": list(KINDS)})(_format_problem))}
