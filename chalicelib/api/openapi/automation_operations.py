"""The operations of the management API."""

from collections.abc import Sequence

from chalicelib.api.automation.routing import DATASET
from chalicelib.api.openapi.automation_builders import (
    OK,
    act,
    body_of,
    collection,
    paged,
    read_and_write,
    recovering,
    switch,
)
from chalicelib.api.openapi.bodies import EXAMPLES
from chalicelib.api.openapi.operation import (
    Api,
    Content,
    Json,
    Operation,
    json_of,
    path_parameter,
    query,
    record,
    ref,
)
from chalicelib.api.openapi.push_operations import SLUG
from chalicelib.domain import errors
from chalicelib.domain.errors import Refused
from chalicelib.domain.run_state import STATES
from chalicelib.services.schedules.schedules import MAX_CRON

_BY_ID = query("dataset_id", {"type": "string", "pattern": SLUG}, "List the one with this id.", "library-books")
_SCHEDULE = [
    query("cron", {"type": "string", "maxLength": MAX_CRON}, "A unix cron; or give a recurrence.", "0 2 * * *"),
    query("recurrence", {"type": "string"}, "A recurrence as JSON text; or give a cron."),
]
_RUNS = [
    query("schedule_uid", {"type": "string"}, "List those of this schedule."),
    query("state", {"enum": list(STATES)}, "List those in this state.", "failed"),
]
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


OPERATIONS: dict[str, Operation] = {
    "GET /datasets": paged("List the datasets", ref("Dataset"), also=[_BY_ID]),
    "POST /datasets": Operation(
        summary="Create a dataset",
        permission="edit",
        answers={201: json_of(ref("Dataset"))},
        body=body_of("DatasetInput"),
    ),
    f"GET {DATASET}": Operation(summary="Read a dataset", permission="browse", answers={200: json_of(ref("Dataset"))}),
    f"PUT {DATASET}": Operation(
        summary="Edit a dataset",
        permission="edit",
        answers={200: json_of(ref("Dataset"))},
        body=body_of("DatasetChange"),
    ),
    f"DELETE {DATASET}": Operation(summary="Delete a dataset", permission="edit", answers={204: {}}),
    f"POST {DATASET}/publish": Operation(
        permission="publish",
        answers=OK,
        body=json_of(record({"accept_loss": {"type": "boolean"}}, optional=["accept_loss"]), {"accept_loss": False}),
        body_required=False,
        refusals=[*_PUBLISHING, errors.ValidationFailed],
    ),
    f"POST {DATASET}/unpublish": act(*_PUBLISHING),
    f"POST {DATASET}/abort": act(errors.InvalidDatasetStatus, errors.RunIsOver),
    f"GET {DATASET}/status": Operation(permission="browse", answers={200: json_of(ref("Status"))}),
    f"GET {DATASET}/lane": Operation(permission="browse", answers={200: json_of(ref("Lane"))}),
    f"POST {DATASET}/lane/resume": act(errors.LaneNotPaused),
    f"POST {DATASET}/lane/abort": act(errors.LaneNotPaused),
    f"GET {DATASET}/export": Operation(permission="browse", answers={200: json_of(ref("Configuration"))}),
    "POST /datasets/import": Operation(
        permission="edit",
        answers={201: json_of(ref("Dataset"))},
        body=body_of("Configuration"),
        refusals=[errors.FeatureNotAvailable],
    ),
    **read_and_write(_METADATA, "all metadata", "Metadata"),
    **read_and_write(_METADATA + "/{template}", "the metadata of one template", "MetadataTemplate"),
    **read_and_write(_METADATA + "/{template}/{name}", "one entry of the metadata", "MetadataEntry"),
    f"GET {_SECURITY}": Operation(
        summary="Read the default security", permission="browse", answers={200: json_of(ref("DefaultSecurity"))}
    ),
    f"PUT {_SECURITY}": Operation(
        summary="Change the default security",
        permission="edit",
        answers={200: json_of(ref("DefaultSecurity"))},
        body=body_of("DefaultSecurityChange"),
    ),
    **collection(DATASET + "/fields", "field_uid", one="field configuration", schema="FieldConfiguration"),
    **collection(DATASET + "/processors", "processor_uid", one="processor", schema="Processor"),
    **collection(
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
    f"GET {DATASET}/runs": paged("List the runs", ref("Run"), also=_RUNS),
    f"POST {DATASET}/runs": Operation(
        summary="Run now",
        permission="publish",
        answers={201: json_of(ref("Run"))},
        refusals=[errors.FeatureNotAvailable, errors.DatasetNotPublished],
    ),
    f"GET {DATASET}/runs/{{run_id}}": Operation(permission="browse", answers={200: json_of(ref("Run"))}),
    f"POST {DATASET}/runs/{{run_id}}/abort": act(errors.RunIsOver),
    **collection(
        DATASET + "/resources",
        "resource_uid",
        one="resource",
        schema="Resource",
        change="ResourceChange",
        refusals=[errors.FeatureNotAvailable],
    ),
    f"POST {DATASET}/resources/files": Operation(
        permission="edit", answers={201: json_of(ref("UploadedFile"))}, body=_UPLOAD
    ),
    f"POST {DATASET}/resources/preview": Operation(
        permission="edit", answers={200: json_of(ref("SourcePreview"))}, body=body_of("SourceInput")
    ),
    f"GET {_RESOURCE}/preview": Operation(
        permission="browse",
        answers={200: json_of(ref("Preview"))},
        refusals=[errors.ValidationFailed, errors.ProcessingTooSlow],
    ),
    f"GET {_RESOURCE}/alert": Operation(permission="edit", answers={200: json_of(ref("Alert"))}),
    f"POST {_RESOURCE}/clean_cache": Operation(permission="edit", answers={204: {}}),
    f"POST {_RESOURCE}/enable": switch(),
    f"POST {_RESOURCE}/disable": switch(),
    f"POST {_RESOURCE}/renew_api_key": switch(body_of("Renewal")),
    f"POST {_RESOURCE}/recover": recovering(
        body_of("RecoverInput"), errors.DatasetNotPublished, errors.RecoveryUnderWay
    ),
    f"POST {_RESOURCE}/recover/abort": recovering(None, errors.NoRecoveryUnderWay),
    f"POST {_RESOURCE}/delete_recover_data": recovering(body_of("ScratchInput"), errors.RecoveryUnderWay),
    f"GET {_RESOURCE}/recovery": Operation(
        permission="browse", answers={200: json_of(ref("Recovery"))}, refusals=[errors.ValidationFailed]
    ),
    f"GET {_RESOURCE}/backup": paged("List what is backed up, newest first", ref("BackupObject"), permission="edit"),
    f"GET {_RESOURCE}/backup/download": Operation(
        permission="edit",
        answers={200: {"application/x-ndjson": {"schema": {"type": "string"}}}, 302: {}},
        refusals=[errors.ValidationFailed],
    ),
    "GET /processors": paged("The processors there are", ref("ProcessorType")),
    "GET /apikeys": paged("List the API keys", ref("ApiKey"), permission="admin"),
    "POST /apikeys": Operation(
        summary="Make an API key: its text is in this answer only",
        permission="admin",
        answers={201: json_of(ref("NewApiKey"))},
        body=body_of("ApiKeyInput"),
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
