"""The operations of the push API."""

from collections.abc import Sequence

from chalicelib.api.openapi.operation import JSON, Api, Content, Operation, header, json_of, path_parameter, ref
from chalicelib.domain import errors
from chalicelib.domain.errors import Refused

SLUG = "^[a-z0-9](?:[a-z0-9_-]{0,98}[a-z0-9])?$"
_PREFER = header(
    "Prefer",
    {"type": "string"},
    "RFC 7240: `return=representation` answers the receipt, `handling=lenient` stores the good records of a payload, "
    "`wait=N` holds the answer up to N seconds until what was queued is applied",
)
_DONE = json_of({"anyOf": [ref("Done"), ref("Receipt")]}, {"status": "OK"})
_BATCH_ID = {
    "X-Batch-Id": {"description": "under which the receipt is found", "required": True, "schema": {"type": "string"}}
}
_BOOK = {"title": "Emma", "isbn": "9780141439587"}
_RECORDS: Content = {
    JSON: {
        "schema": ref("Payload"),
        "examples": {"one": {"value": _BOOK}, "several": {"value": [_BOOK, {"title": "Ulysses"}]}},
    },
    "application/x-ndjson": {"schema": {"type": "string"}, "example": '{"title": "Emma"}\n{"title": "Ulysses"}\n'},
}
_ALWAYS = (errors.InvalidPushKey, errors.TooManyRequests, errors.TemporarilyUnavailable)
_OPEN = (errors.FeatureNotAvailable, errors.PushDisabled, errors.DatasetNotPublished)
_BODY = (
    errors.InvalidJson,
    errors.InvalidPayload,
    errors.InvalidRecord,
    errors.PayloadTooLarge,
    errors.ProcessingTooSlow,
)
_DATASET = "/{dataset_id}/{resource_id}"


def _delete_by_values(summary: str) -> Operation:
    return Operation(
        summary=summary,
        answers={200: _DONE},
        headers={200: _BATCH_ID},
        parameters=[_PREFER],
        body=_RECORDS,
        refusals=[errors.BatchFailed],
    )


def _delete_by_id(summary: str) -> Operation:
    return Operation(
        summary=summary,
        answers={200: _DONE},
        headers={200: _BATCH_ID},
        parameters=[_PREFER],
        refusals=[errors.BatchFailed],
    )


OPERATIONS = {
    f"POST {_DATASET}/push": Operation(
        answers={200: _DONE},
        headers={200: _BATCH_ID},
        parameters=[_PREFER],
        body=_RECORDS,
        refusals=[errors.BatchFailed],
    ),
    f"POST {_DATASET}/delete": _delete_by_values("Delete records by their values"),
    f"DELETE {_DATASET}/delete": _delete_by_values("Delete records by their values, as POST does"),
    f"GET {_DATASET}/{{record_id}}/delete": _delete_by_id("Delete one record by its id; GET deletes too"),
    f"DELETE {_DATASET}/{{record_id}}/delete": _delete_by_id("Delete one record by its id"),
    f"POST {_DATASET}/{{record_id}}/delete": _delete_by_id("Delete one record by its id, as DELETE does"),
    f"POST {_DATASET}/push/upload": Operation(
        answers={200: json_of(ref("Upload"))},
        body=json_of(ref("UploadOrder"), {"format": "jsonl"}),
        refusals=[errors.ValidationFailed],
    ),
    f"POST {_DATASET}/push/upload/{{upload_id}}/commit": Operation(
        answers={200: json_of(ref("UploadAccepted")), 202: json_of(ref("UploadChecking"))},
        headers={200: _BATCH_ID},
        refusals=[errors.UploadNotFound, errors.UploadMissing, errors.UploadRefused],
    ),
    f"GET {_DATASET}/batches/{{batch_id}}": Operation(
        answers={200: json_of({"anyOf": [ref("StoredReceipt"), ref("NotedRefusal")]})},
        refusals=[errors.BatchNotFound],
    ),
}


def _refusals(method: str, path: str, operation: Operation) -> Sequence[type[Refused]]:
    reads = method == "GET" and "/batches/" in path
    return (*_ALWAYS, *(() if reads else _OPEN), *(_BODY if operation.body else ()), *operation.refusals)


PUSH = Api(
    tag="push",
    prefix="/push/1.0",
    description="What devices and programs call to add, overwrite and delete records.",
    error="PushError",
    security=[{"pushkey": []}, {"pushkeyHeader": []}, {"pushkeyAuthorization": []}],
    path_parameters={
        "dataset_id": path_parameter("The id of the dataset.", "library-books", SLUG),
        "resource_id": path_parameter("The id of the resource.", "realtime", SLUG),
        "record_id": path_parameter("The id of the record; one that is not there is fine.", "0" * 40),
        "upload_id": path_parameter("The id that the upload was answered with.", "0" * 28),
        "batch_id": path_parameter("The id that `X-Batch-Id` told.", "0" * 28, "^[0-9a-f]{28}$"),
    },
    operations=OPERATIONS,
    refusals=_refusals,
)
