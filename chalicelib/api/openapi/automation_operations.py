"""The operations of the management API."""

from collections.abc import Sequence

from chalicelib.api.automation.routing import DATASET
from chalicelib.api.openapi.bodies import EXAMPLES
from chalicelib.api.openapi.operation import (
    Api,
    Content,
    Json,
    Operation,
    json_of,
    list_of,
    nullable,
    path_parameter,
    query,
    record,
    ref,
)
from chalicelib.api.openapi.push_operations import SLUG
from chalicelib.domain import errors
from chalicelib.domain.errors import Refused
from chalicelib.domain.run_state import STATES
from chalicelib.services.schedules import MAX_CRON

_WHOLE = {"type": "integer", "minimum": 0}
_PAGE = [
    query("limit", {**_WHOLE, "maximum": 1000, "default": 20}, "How many to list."),
    query("offset", {**_WHOLE, "maximum": 10**9, "default": 0}, "How many to pass over."),
]
_BY_ID = query("dataset_id", {"type": "string", "pattern": SLUG}, "List the one with this id.", "library-books")
_SCHEDULE = [
    query("cron", {"type": "string", "maxLength": MAX_CRON}, "A unix cron; or give a recurrence.", "0 2 * * *"),
    query("recurrence", {"type": "string"}, "A recurrence as JSON text; or give a cron."),
]
_RUNS = [
    query("schedule_uid", {"type": "string"}, "List those of this schedule."),
    query("state", {"enum": list(STATES)}, "List those in this state.", "failed"),
]
_OK = {200: json_of(record({"detail": {"const": "ok"}}), {"detail": "ok"})}
_METADATA = DATASET + "/metadata"
_SECURITY = DATASET + "/security/default"
_RESOURCE = DATASET + "/resources/{resource_uid}"
_PUBLISHING = (
    errors.InvalidDatasetStatus,
    errors.PublicationAborted,
    errors.RecordLimitReached,
    errors.RecordsWouldBeLost,
)
_UPLOAD: Content = {
    "multipart/form-data": {
        "schema": {
            "type": "object",
            "properties": {"file": {"type": "string", "contentMediaType": "application/octet-stream"}},
            "required": ["file"],
        }
    },
    **json_of(ref("UploadInput"), EXAMPLES["UploadInput"]),
}


def _body(schema: str) -> Content:
    return json_of(ref(schema), EXAMPLES[schema])


def _crud(
    path: str, uid: str, *, one: str, schema: str, refusals: Sequence[type[Refused]] = ()
) -> dict[str, Operation]:
    """A collection and its members: list, create, read, replace and delete."""
    shown, body, member = {200: json_of(ref(schema))}, _body(f"{schema}Input"), f"{path}/{{{uid}}}"
    return {
        f"GET {path}": _list(f"List the {one}s", ref(schema)),
        f"POST {path}": Operation(
            summary=f"Add a {one}",
            permission="edit",
            answers={201: json_of(ref(schema))},
            body=body,
            refusals=refusals,
        ),
        f"GET {member}": Operation(summary=f"Read a {one}", permission="browse", answers=shown),
        f"PUT {member}": Operation(
            summary=f"Replace a {one}", permission="edit", answers=shown, body=body, refusals=refusals
        ),
        f"DELETE {member}": Operation(
            summary=f"Delete a {one}", permission="edit", answers={204: {}}, refusals=[errors.ValidationFailed]
        ),
    }


def _list(summary: str, schema: Json, *, permission: str = "browse", also: Sequence[Json] = ()) -> Operation:
    link = nullable({"type": "string"})
    page = record({"total_count": _WHOLE, "next": link, "previous": link, "results": list_of(schema)})
    return Operation(summary=summary, permission=permission, answers={200: json_of(page)}, parameters=[*also, *_PAGE])


def _read_and_write(path: str, what: str, schema: str) -> dict[str, Operation]:
    content = {200: json_of(ref(schema))}
    return {
        f"GET {path}": Operation(summary=f"Read {what}", permission="browse", answers=content),
        f"PUT {path}": Operation(summary=f"Write {what}", permission="edit", answers=content, body=_body(schema)),
    }


def _act(*refusals: type[Refused]) -> Operation:
    return Operation(permission="publish", answers=_OK, refusals=refusals)


def _switch(body: Content | None = None) -> Operation:
    return Operation(
        permission="edit",
        answers={200: json_of(ref("Resource"))},
        body=body,
        body_required=False,
    )


def _recovering(body: Content | None, *refusals: type[Refused]) -> Operation:
    return Operation(
        permission="publish",
        answers={200: json_of(ref("Resource"))},
        body=body,
        body_required=False,
        refusals=refusals,
    )


OPERATIONS: dict[str, Operation] = {
    "GET /datasets": _list("List the datasets", ref("Dataset"), also=[_BY_ID]),
    "POST /datasets": Operation(
        summary="Create a dataset",
        permission="edit",
        answers={201: json_of(ref("Dataset"))},
        body=_body("DatasetInput"),
    ),
    f"GET {DATASET}": Operation(summary="Read a dataset", permission="browse", answers={200: json_of(ref("Dataset"))}),
    f"PUT {DATASET}": Operation(
        summary="Edit a dataset",
        permission="edit",
        answers={200: json_of(ref("Dataset"))},
        body=_body("DatasetChange"),
    ),
    f"DELETE {DATASET}": Operation(summary="Delete a dataset", permission="edit", answers={204: {}}),
    f"POST {DATASET}/publish": Operation(
        permission="publish",
        answers=_OK,
        body=json_of(record({"accept_loss": {"type": "boolean"}}, optional=["accept_loss"]), {"accept_loss": False}),
        body_required=False,
        refusals=[*_PUBLISHING, errors.ValidationFailed],
    ),
    f"POST {DATASET}/unpublish": _act(*_PUBLISHING),
    f"POST {DATASET}/abort": _act(errors.InvalidDatasetStatus, errors.RunIsOver),
    f"GET {DATASET}/status": Operation(permission="browse", answers={200: json_of(ref("Status"))}),
    f"GET {DATASET}/lane": Operation(permission="browse", answers={200: json_of(ref("Lane"))}),
    f"POST {DATASET}/lane/resume": _act(errors.LaneNotPaused),
    f"POST {DATASET}/lane/abort": _act(errors.LaneNotPaused),
    f"GET {DATASET}/export": Operation(permission="browse", answers={200: json_of(ref("Configuration"))}),
    "POST /datasets/import": Operation(
        permission="edit",
        answers={201: json_of(ref("Dataset"))},
        body=_body("Configuration"),
        refusals=[errors.FeatureNotAvailable],
    ),
    **_read_and_write(_METADATA, "all metadata", "Metadata"),
    **_read_and_write(_METADATA + "/{template}", "the metadata of one template", "MetadataTemplate"),
    **_read_and_write(_METADATA + "/{template}/{name}", "one entry of the metadata", "MetadataEntry"),
    f"GET {_SECURITY}": Operation(
        summary="Read the default security", permission="browse", answers={200: json_of(ref("DefaultSecurity"))}
    ),
    f"PUT {_SECURITY}": Operation(
        summary="Change the default security",
        permission="edit",
        answers={200: json_of(ref("DefaultSecurity"))},
        body=_body("DefaultSecurityChange"),
    ),
    **_crud(DATASET + "/fields", "field_uid", one="field configuration", schema="FieldConfiguration"),
    **_crud(DATASET + "/processors", "processor_uid", one="processor", schema="Processor"),
    **_crud(
        DATASET + "/schedules",
        "schedule_uid",
        one="schedule",
        schema="Schedule",
        refusals=[errors.FeatureNotAvailable],
    ),
    f"GET {DATASET}/schedules/preview": Operation(
        permission="browse",
        answers={200: json_of(ref("SchedulePreview"))},
        parameters=_SCHEDULE,
        refusals=[errors.FeatureNotAvailable],
    ),
    f"GET {DATASET}/runs": _list("List the runs", ref("Run"), also=_RUNS),
    f"POST {DATASET}/runs": Operation(
        summary="Run now",
        permission="publish",
        answers={201: json_of(ref("Run"))},
        refusals=[errors.FeatureNotAvailable, errors.DatasetNotPublished],
    ),
    f"GET {DATASET}/runs/{{run_id}}": Operation(permission="browse", answers={200: json_of(ref("Run"))}),
    f"POST {DATASET}/runs/{{run_id}}/abort": _act(errors.RunIsOver),
    **_crud(
        DATASET + "/resources",
        "resource_uid",
        one="resource",
        schema="Resource",
        refusals=[errors.FeatureNotAvailable],
    ),
    f"POST {DATASET}/resources/files": Operation(
        permission="edit", answers={201: json_of(ref("UploadedFile"))}, body=_UPLOAD
    ),
    f"POST {DATASET}/resources/preview": Operation(
        permission="edit", answers={200: json_of(ref("SourcePreview"))}, body=_body("SourceInput")
    ),
    f"GET {_RESOURCE}/preview": Operation(
        permission="browse",
        answers={200: json_of(ref("Preview"))},
        refusals=[errors.ValidationFailed, errors.ProcessingTooSlow],
    ),
    f"GET {_RESOURCE}/alert": Operation(permission="edit", answers={200: json_of(ref("Alert"))}),
    f"POST {_RESOURCE}/clean_cache": Operation(permission="edit", answers={204: {}}),
    f"POST {_RESOURCE}/enable": _switch(),
    f"POST {_RESOURCE}/disable": _switch(),
    f"POST {_RESOURCE}/renew_api_key": _switch(_body("Renewal")),
    f"POST {_RESOURCE}/recover": _recovering(
        _body("RecoverInput"), errors.DatasetNotPublished, errors.RecoveryUnderWay
    ),
    f"POST {_RESOURCE}/recover/abort": _recovering(None, errors.NoRecoveryUnderWay),
    f"POST {_RESOURCE}/delete_recover_data": _recovering(_body("ScratchInput"), errors.RecoveryUnderWay),
    f"GET {_RESOURCE}/recovery": Operation(
        permission="browse", answers={200: json_of(ref("Recovery"))}, refusals=[errors.ValidationFailed]
    ),
    f"GET {_RESOURCE}/backup": _list("List what is backed up, newest first", ref("BackupObject"), permission="edit"),
    f"GET {_RESOURCE}/backup/download": Operation(
        permission="edit",
        answers={200: {"application/x-ndjson": {"schema": {"type": "string"}}}, 302: {}},
        refusals=[errors.ValidationFailed],
    ),
    "GET /processors": _list("The processors there are", ref("ProcessorType")),
    "GET /apikeys": _list("List the API keys", ref("ApiKey"), permission="admin"),
    "POST /apikeys": Operation(
        summary="Make an API key: its text is in this answer only",
        permission="admin",
        answers={201: json_of(ref("NewApiKey"))},
        body=_body("ApiKeyInput"),
    ),
    "GET /apikeys/{api_key_uid}": Operation(
        summary="Read what is known of an API key", permission="admin", answers={200: json_of(ref("ApiKey"))}
    ),
    "DELETE /apikeys/{api_key_uid}": Operation(summary="Revoke an API key", permission="admin", answers={204: {}}),
}


def _refusals(method: str, path: str, operation: Operation) -> Sequence[type[Refused]]:
    refusals = [errors.Unauthorized, errors.Forbidden, errors.TemporarilyUnavailable, *operation.refusals]
    if "{" in path:
        refusals.append(errors.NotFound)
    refusals.append(errors.AnswerTooLarge if method == "GET" else errors.EditConflict)
    if method in ("POST", "PUT"):  # those without a body refuse one
        refusals += [errors.InvalidJson, errors.InvalidPayload, errors.PayloadTooLarge, errors.ValidationFailed]
    if operation.parameters:
        refusals.append(errors.ValidationFailed)
    return refusals


def _uid(prefix: str, what: str) -> Json:
    return path_parameter(f"The uid of the {what}.", f"{prefix}_a1b2c3", "^[a-z]{2}_[0-9a-z]{6}$")


AUTOMATION = Api(
    tag="automation",
    prefix="/automation/v1.0",
    description="Management: what publishers and their scripts set up.",
    error="AutomationError",
    security=[{"apikeyHeader": []}, {"apikey": []}],
    path_parameters={
        "dataset_uid": _uid("da", "dataset"),
        "field_uid": _uid("fi", "field configuration"),
        "processor_uid": _uid("pr", "processor"),
        "schedule_uid": _uid("sc", "schedule"),
        "resource_uid": _uid("re", "resource"),
        "api_key_uid": _uid("ak", "API key"),
        "run_id": path_parameter("The id of a run.", "019f0a1b2c3d0123456789abcdef", "^[0-9a-f]{28}$"),
        "template": path_parameter("A template of the metadata.", "default"),
        "name": path_parameter("An entry of the template.", "title"),
    },
    operations=OPERATIONS,
    refusals=_refusals,
)
