"""The one table from refusal to HTTP status, and the error shape of each API."""

from collections.abc import Callable
from typing import Any

from chalicelib.domain import errors
from chalicelib.domain.errors import InvalidDatasetStatus, InvalidRecord, Refused, UploadRefused, ValidationFailed

STATUSES: dict[type[Refused], int] = {
    errors.InvalidJson: 400,
    errors.InvalidPayload: 400,
    errors.InvalidRecord: 400,
    errors.ProcessingTooSlow: 400,
    errors.InvalidPushKey: 401,
    errors.FeatureNotAvailable: 403,
    errors.PushDisabled: 403,
    errors.BatchNotFound: 404,
    errors.MethodNotAllowed: 405,
    errors.DatasetNotPublished: 409,
    errors.BatchFailed: 409,
    errors.PayloadTooLarge: 413,
    errors.TooManyRequests: 429,
    errors.TemporarilyUnavailable: 503,
    errors.ConfigurationMoved: 503,
    errors.RecordIdsChange: 503,
    errors.BackupBeingSwept: 503,
    errors.Unauthorized: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.ValidationFailed: 400,
    errors.InvalidDatasetStatus: 400,
    errors.PublicationAborted: 409,
    errors.RecordLimitReached: 400,
    errors.EditConflict: 409,
    errors.RecordsWouldBeLost: 409,
    errors.LaneNotPaused: 409,
    errors.RunIsOver: 409,
    errors.RecoveryUnderWay: 409,
    errors.NoRecoveryUnderWay: 409,
    errors.UploadNotFound: 404,
    errors.UploadMissing: 409,
    errors.UploadRefused: 400,
    errors.InvalidQuery: 400,
    errors.AnswerTooLarge: 400,
    errors.NotInCatalog: 404,
}

ErrorShape = Callable[[str, str, int, str, Refused | None], dict[str, Any]]


def status_of(refused: Refused) -> int:
    """The HTTP status of a refusal."""
    return STATUSES[type(refused)]


def push_error(code: str, message: str, _status: int, request_id: str, refused: Refused | None) -> dict[str, Any]:
    """The error shape of the push API; a widely used client reads `error`."""
    details: list[Any] = []
    if isinstance(refused, InvalidRecord):
        details = [detail.as_json() for detail in refused.details[: errors.MAX_DETAILS]]
    elif isinstance(refused, UploadRefused):
        details = refused.details
    return {
        "status": "error",
        "error": message,
        "error_code": code,
        "message": message,
        "details": details,
        "request_id": request_id,
    }


def automation_error(code: str, message: str, status: int, request_id: str, refused: Refused | None) -> dict[str, Any]:
    """The error shape of the management API."""
    body: dict[str, Any] = {"error_code": code, "message": message, "status_code": status, "request_id": request_id}
    if isinstance(refused, ValidationFailed):
        body["detail"] = refused.detail
    if isinstance(refused, InvalidDatasetStatus | ValidationFailed) and refused.error_key:
        body["error_key"] = refused.error_key
    return body


def explore_error(code: str, message: str, _status: int, request_id: str, _refused: Refused | None) -> dict[str, Any]:
    """The error shape of the reading API."""
    return {"message": message, "error_code": code, "request_id": request_id}
