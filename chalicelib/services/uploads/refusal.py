"""What becomes of an upload that is not accepted: it is refused for good, or waits to be committed again."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError
from pynamodb.expressions.update import Action

from chalicelib.domain.errors import DatasetNotPublished, EditConflict, TemporarilyUnavailable, UploadRefused
from chalicelib.domain.receipt import noted_refusal
from chalicelib.services.uploads.file import Unacceptable
from chalicelib.store.catalog.incoming import UploadItem
from chalicelib.store.catalog.keys import CHECKING, REFUSED, UPLOADED, WAITING, dataset_pk
from chalicelib.store.catalog.transactions import conflicts_as_edit_conflict
from chalicelib.store.dynamodb import READ_TIMEOUT, Deadline
from chalicelib.store.stores import Stores

LATE_COMMIT = 3.0  # seconds, after those that its answer was awaited: a commit still on its way has come to something


def refuse_upload(stores: Stores, item: UploadItem, why: Unacceptable, now: datetime) -> bool:
    """Refuse the upload and note that in the activity, unless it has been accepted: of a commit that did not answer
    nobody knows. Whether it is refused."""
    actions = [UploadItem.state.set(REFUSED), UploadItem.message.set(why.message), UploadItem.details.set(why.details)]
    if not _ended_checking(item, actions):
        return False
    _note(stores, item, now, code=UploadRefused.code, message=why.message, details=why.details)
    return True


def stays_refused(item: UploadItem, deadline: Deadline) -> bool:
    """Whether an upload that was just refused is not accepted all the same, by a commit that was on its way longer than
    its answer was awaited."""
    deadline.apart(LATE_COMMIT + 1).sleep(LATE_COMMIT)
    item.refresh(consistent_read=True)
    return bool(item.state == REFUSED)


def put_back(stores: Stores, item: UploadItem, why: DatasetNotPublished, now: datetime) -> None:
    """Let an upload wait for a commit again, with its file: nothing is wrong with that, and once the dataset is
    published the same commit may be accepted."""
    if _ended_checking(item, [UploadItem.state.set(WAITING), UploadItem.attempts.set(0)]):
        _note(stores, item, now, code=why.code, message=why.message, details=[])


def _ended_checking(item: UploadItem, actions: Sequence[Action]) -> bool:
    try:
        with conflicts_as_edit_conflict():
            item.update(
                [*actions, UploadItem.due.remove(), UploadItem.due_at.remove()], condition=UploadItem.state == CHECKING
            )
    except EditConflict:
        return False
    return True


def _note(
    stores: Stores, item: UploadItem, now: datetime, *, code: str, message: str, details: list[dict[str, Any]]
) -> None:
    upload_id = item.sk.removeprefix(UPLOADED)
    entry = noted_refusal(upload_id, item.resource_uid, now, code=code, message=message, details=details)
    with suppress(TemporarilyUnavailable, ClientError):  # the upload's own item tells it
        dataset_uid = item.pk.removeprefix(dataset_pk(""))
        stores.activity.note_refusal(dataset_uid, upload_id, entry, now, Deadline(READ_TIMEOUT))
