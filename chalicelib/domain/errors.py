"""Every refusal of the product. The docstring of a class is its default sentence; `code` is the API code,
the log field and the metric dimension. `api/errors.py` maps each class to its HTTP status."""

from collections.abc import Mapping, Sequence
from typing import Any


class Refused(Exception):  # noqa: N818 - the vocabulary of the product: a request is refused, not in error
    """The request was refused."""

    code = "refused"
    batch_id: str | None = None  # set when the refusal is noted in the activity of a dataset

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or " ".join((type(self).__doc__ or "").split()))

    @property
    def message(self) -> str:
        """The sentence for the client; it says what to do next."""
        return str(self.args[0])


class InvalidJson(Refused):
    """The body is not JSON."""

    code = "invalid_json"


class InvalidPayload(Refused):
    """The body must be a JSON object (one record) or an array of objects."""

    code = "invalid_payload"


class InvalidRecord(Refused):
    """One or more records are refused; see details. Nothing was written: mend them and send the whole body again."""

    code = "invalid_record"

    def __init__(self, details: Sequence["RecordRefusal"]) -> None:
        total, shown = len(details), min(len(details), MAX_DETAILS)
        more = f" (the first {shown} of {total} are listed)" if total > shown else ""
        count = len({detail.index for detail in details})
        noun = "record is" if count == 1 else "records are"
        super().__init__(
            f"{count} {noun} refused{more}; nothing was written. Mend what the details name and send the body again."
        )
        self.details = list(details)


class InvalidPushKey(Refused):
    """The push key is missing or wrong, or the dataset or resource does not exist: copy the push URL again from
    the resource's page."""

    code = "invalid_push_key"


class FeatureNotAvailable(Refused):
    """This deployment does not offer this feature: ask the people who run it to enable it."""

    code = "feature_not_available"


class PushDisabled(Refused):
    """Push is disabled for this resource, no data was added: ask the dataset's editor to enable it."""

    code = "push_disabled"


class BatchNotFound(Refused):
    """No batch with this id: receipts are kept for a limited time; check the X-Batch-Id header of the push."""

    code = "record_not_found"


class BatchFailed(Refused):
    """The batch was accepted, and discarded before it was applied: its receipt says why."""

    code = "batch_failed"


class MethodNotAllowed(Refused):
    """This method is not allowed here; see the Allow header."""

    code = "method_not_allowed"

    def __init__(self, method: str, allowed: Sequence[str]) -> None:
        super().__init__(f"{method} is not allowed here: use {' or '.join(allowed)}.")
        self.allowed = list(allowed)


class ProcessingTooSlow(Refused):
    """The dataset's processors take too long for these records, nothing was written: send fewer records at once, or
    ask the dataset's editor to simplify the processors."""

    code = "processing_too_slow"


class DatasetNotPublished(Refused):
    """The dataset is not published: publish it, then send the same request again."""

    code = "dataset_not_published"


class PayloadTooLarge(Refused):
    """The body is too large: split it."""

    code = "payload_too_large"


class TooManyRequests(Refused):
    """Too many requests: wait for the seconds given in Retry-After, then send the same request again."""

    code = "too_many_requests"
    retry_after = 1


class TemporarilyUnavailable(Refused):
    """The storage is busy or could not be reached: send the same request again after the seconds given in
    Retry-After. Repeating it is always safe."""

    code = "temporarily_unavailable"
    retry_after = 2


class BackupBeingSwept(TemporarilyUnavailable):
    """The nightly sweep works on the backup: nothing was deleted; send the same request again after the seconds given
    in Retry-After."""

    retry_after = 60


class ConfigurationMoved(TemporarilyUnavailable):
    """The dataset was published, unpublished or deleted at the same moment: send the same request again. Repeating it
    is always safe."""


class RecordIdsChange(TemporarilyUnavailable):
    """The unique key of the dataset is being changed, and the ids of its records with it: send the delete again later,
    with the new id, or delete by values now."""

    retry_after = 30


class Unauthorized(Refused):
    """This needs an API key: send the header "Authorization: Apikey YOUR_KEY" with a key that is still valid."""

    code = "unauthorized"


class Forbidden(Refused):
    """The API key lacks the permission for this: ask the people who run this deployment for one that has it."""

    code = "forbidden"

    def __init__(self, permission: str) -> None:
        super().__init__(f"The API key lacks the permission '{permission}': use a key that has it.")


class NotFound(Refused):
    """Nothing here has this id."""

    code = "not_found"


class ValidationFailed(Refused):
    """Some values are refused; see detail."""

    code = "validation_error"

    def __init__(self, detail: Mapping[str, Sequence[str]], error_key: str | None = None) -> None:
        first = next(iter(detail.items()))
        super().__init__(f"{first[0]}: {first[1][0]}")
        self.detail = {name: list(messages) for name, messages in detail.items()}
        self.error_key = error_key  # what programs go by, where the code does not suffice


class InvalidDatasetStatus(Refused):
    """The dataset's status does not allow this now."""

    code = "invalid_dataset_status"
    error_key = "InvalidDatasetStatusPreconditionException"

    def __init__(self, status: str, allowed: Sequence[str]) -> None:
        super().__init__(
            f"Invalid precondition, dataset status is '{status}' but must be one of '{', '.join(allowed)}'"
        )


class PublicationAborted(Refused):
    """The publication was aborted: everything is as it was before."""

    code = "publication_aborted"


class RecordLimitReached(Refused):
    """The files of the publication bring more records than this deployment takes."""

    code = "limit_reached"

    def __init__(self, most: int) -> None:
        super().__init__(
            f"The files of this publication bring more than {most:,} records, the limit of this deployment; nothing "
            "has changed. Bring fewer, or ask the people who run it to raise FRESHWIRE_MAX_RECORDS, then publish again."
        )


class EditConflict(Refused):
    """Somebody changed this at the same moment: read it again, then repeat the change."""

    code = "edit_conflict"


class RecordsWouldBeLost(Refused):
    """Publishing would give the stored records new ids, and some would not survive that."""

    code = "records_would_be_lost"

    def __init__(self, records: int, collisions: int, unidentified: int) -> None:
        super().__init__(
            f"Under the unique key of the draft {collisions} of {records} records would be overwritten by another one, "
            f"and {unidentified} would have no id, because a field of the key is missing or does not fit its type. "
            'Nothing has changed. Choose other fields for the key, or publish with {"accept_loss": true}.'
        )


class InvalidQuery(Refused):
    """The query is not understood."""

    code = "ODSQLError"


class AnswerTooLarge(Refused):
    """The answer would be larger than the gateway carries (6 MB): ask for fewer at once with limit, or select fewer
    fields."""

    code = "answer_too_large"


class NotInCatalog(Refused):
    """Nothing here has this id, or it is not published or not visible with this API key."""

    code = "NotFoundException"


class UploadNotFound(Refused):
    """No upload with this id: ask for a new one; an upload is kept for two days."""

    code = "upload_not_found"


class UploadMissing(Refused):
    """The file has not arrived: send it to the form that the upload was answered with, then commit it again."""

    code = "upload_missing"


class UploadRefused(Refused):
    """The uploaded file is refused, and nothing of it was written: mend it and upload it again."""

    code = "invalid_record"

    def __init__(self, message: str | None = None, details: Sequence[Mapping[str, Any]] = ()) -> None:
        super().__init__(message)
        self.details = list(details)


class LaneNotPaused(Refused):
    """The lane of this dataset is not paused: it is empty, or its jobs are being applied, which lane/ shows. Only a
    paused lane is resumed, and only its first job can be aborted."""

    code = "lane_not_paused"


class RunIsOver(Refused):
    """The run is over: there is nothing to abort. Ask for another one with POST runs/."""

    code = "run_is_over"


class RunSkipped(Exception):  # noqa: N818 - it says what happened; it refuses no request
    """A run that has nothing to do, or not now. `reason` is a key of `REASONS`, `message` its sentence."""

    REASONS: Mapping[str, str] = {
        "not_published": "The dataset is not published: publish it, which fetches its sources.",
        "no_remote_resource": "Nothing that is published is fetched: add a remote resource, then publish.",
        "publication_under_way": "The dataset is being published, which fetches its sources.",
        "changes_pending": "What the run before has fetched still waits in the lane of the dataset: if that is paused, "
        "resume it or abort its first job.",
    }

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason, self.message = reason, self.REASONS[reason]


class RecoveryUnderWay(Refused):
    """A recovery of this dataset is under way: wait for its end, which recovery/ shows, or abort it."""

    code = "recovery_under_way"


class NoRecoveryUnderWay(Refused):
    """No recovery of this dataset is under way: there is nothing to abort."""

    code = "no_recovery_under_way"


class JobPayloadMissing(Exception):  # noqa: N818 - it says what happened; it refuses no request
    """The records of a job are not where they were kept."""


MAX_DETAILS = 100


class RecordRefusal:
    """Why one record of a payload is refused: its index in the array, the field (or None) and a one-word code."""

    __slots__ = ("code", "field", "index", "message")

    def __init__(self, *, index: int, field: str | None, code: str, message: str) -> None:
        self.index, self.field, self.code, self.message = index, field, code, message

    def as_json(self) -> dict[str, Any]:
        """The shape of one entry of `details`."""
        return {"index": self.index, "field": self.field, "error_code": self.code, "message": self.message}
