"""Checking an upload: what the worker does with a file that was committed. When all of it fits it is accepted as one
job, else nothing of it is."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.exceptions import DoesNotExist

from chalicelib.domain.errors import ConfigurationMoved, DatasetNotPublished, Refused, TemporarilyUnavailable
from chalicelib.domain.receipt import Receipt
from chalicelib.services.uploads.acceptance import CommitUnanswered, UploadAcceptance
from chalicelib.services.uploads.file import Unacceptable, read_upload
from chalicelib.services.uploads.refusal import put_back, refuse_upload, stays_refused
from chalicelib.store.catalog.incoming import UploadItem
from chalicelib.store.catalog.keys import CHECKING, UPLOADED, WAITING, dataset_pk
from chalicelib.store.dynamodb import Deadline, aws_faults_as_unavailable
from chalicelib.store.objects import upload_key
from chalicelib.store.stores import Stores

MAX_ATTEMPTS = 5  # to check a file, after which it is refused
TRIES = 3  # of a check that a publication overtakes


@dataclass(frozen=True, kw_only=True)
class UploadOutcome:
    """What the check of an upload came to: the receipt of the batch that it was accepted as, or None when it was
    refused."""

    dataset_id: str
    receipt: Receipt | None


def check_upload(stores: Stores, name: str, clock: Callable[[], datetime], deadline: Deadline) -> UploadOutcome | None:
    """Check the upload `{dataset_uid}.{upload_id}` and accept or refuse it. Told twice, it does nothing the second
    time; after a crash it is checked anew, as it is when a publication overtakes it. Of a dataset that is not published
    any more it waits for another commit, with its file.

    A worker that dies leaves the parts and file contents that it had staged: no job refers to them, so that nobody
    reads them, and they go when the generation is swept. Its backup entry is one of an operation that nobody was told
    of, as after a push that dies.
    """
    dataset_uid, _, upload_id = name.partition(".")
    key = upload_key(dataset_uid, upload_id)
    try:
        item = UploadItem.get(dataset_pk(dataset_uid), UPLOADED + upload_id, consistent_read=True)
    except DoesNotExist:
        return None
    outcome = _settled(stores, item, key, clock(), deadline) if item.state == CHECKING else None
    if item.state != WAITING:
        with suppress(ClientError, BotoCoreError):  # it goes by its age then
            stores.jobs.delete([key])
    return outcome


def _settled(stores: Stores, item: UploadItem, key: str, now: datetime, deadline: Deadline) -> UploadOutcome | None:
    """What an upload comes to that is being checked; None when it waits again, or was accepted by a commit that did not
    answer. Raises TemporarilyUnavailable when there is time to check it anew."""
    item.update([UploadItem.attempts.add(1)])
    unanswered: UploadAcceptance | None = None
    try:
        receipt = _accepted(stores, item, key, now, deadline)
        return UploadOutcome(dataset_id=item.dataset_id, receipt=receipt)
    except DatasetNotPublished as unpublished:
        put_back(stores, item, unpublished, now)
        return None
    except Unacceptable as unacceptable:
        why = unacceptable
    except CommitUnanswered as commit:
        why, unanswered = Unacceptable(_TOO_LONG), commit.acceptance
    except TemporarilyUnavailable:
        if deadline.remaining() > 0:
            raise
        why = Unacceptable(_TOO_LONG)
    except Refused as refused:
        why = Unacceptable(refused.message)
    if not refuse_upload(stores, item, why, now):
        return None
    if unanswered is not None and stays_refused(item, deadline):
        unanswered.discard()
    return UploadOutcome(dataset_id=item.dataset_id, receipt=None)


def _accepted(stores: Stores, item: UploadItem, key: str, now: datetime, deadline: Deadline) -> Receipt:
    if item.attempts > MAX_ATTEMPTS:
        raise Unacceptable("The file could not be checked: split it into smaller ones, or push its records.")
    for _ in range(TRIES - 1):
        with suppress(ConfigurationMoved):
            return _checked(stores, item, key, now, deadline)
    return _checked(stores, item, key, now, deadline)


def _checked(stores: Stores, item: UploadItem, key: str, now: datetime, deadline: Deadline) -> Receipt:
    live = stores.live.read(item.dataset_id, deadline)
    is_there = live is not None and item.pk == dataset_pk(live.dataset_uid) and live.takes_pushes
    if live is None or not is_there or item.resource_uid not in live.intake.intakes:
        raise DatasetNotPublished
    # The form with which it came is valid for a while: another file may come while this one is checked.
    with aws_faults_as_unavailable():
        etag = stores.jobs.etag(key)
    acceptance = UploadAcceptance(stores=stores, live=live, item=item, etag=etag, now=now, deadline=deadline)
    return acceptance.run(read_upload(stores.jobs, key, item.format, etag))


_TOO_LONG = "The file takes longer to check than there is time: split it into smaller ones."
