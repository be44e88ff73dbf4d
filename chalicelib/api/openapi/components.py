"""The schemas of what the APIs answer, and the ways to show a key."""

from dataclasses import fields

from chalicelib.api.openapi.operation import Json, list_of, nullable, record, ref
from chalicelib.api.openapi.shapes import ANY, FLAG, MOMENT, TEXT, UID, WHOLE, details, entry
from chalicelib.api.openapi.work_components import lane, recovery, runs, schedules, status
from chalicelib.domain.errors import MAX_DETAILS
from chalicelib.domain.inactivity import SILENT, WATCHING
from chalicelib.domain.receipt import APPLIED, FAILED, MAX_RECORD_IDS, QUEUED, Counts
from chalicelib.domain.resource_shape import FILE_TYPES, TYPES
from chalicelib.domain.schema import FIELD_TYPES
from chalicelib.services.uploads.uploads import KINDS
from chalicelib.store.recipients import BOUNCED, COMPLAINED, CONFIRMED, UNSUBSCRIBED, WAITING

SECURITY: Json = {
    "pushkey": {"type": "apiKey", "in": "query", "name": "pushkey", "description": "The push key of the resource."},
    "pushkeyHeader": {"type": "apiKey", "in": "header", "name": "X-Push-Key", "description": "The push key."},
    "pushkeyAuthorization": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "`Pushkey K`, where K is the push key.",
    },
    "apikeyHeader": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "`Apikey K`, where K is the API key; upper and lower case are the same.",
    },
    "apikey": {"type": "apiKey", "in": "query", "name": "apikey", "description": "The API key."},
}


def answer_schemas() -> Json:
    """The schemas, by their names in the components."""
    return {**_errors(), **_push(), **_automation(), **_resources(), **recovery(), **_explore()}


def _errors() -> Json:
    said = {"error_code": TEXT, "message": {**TEXT, "description": "what to do"}, "request_id": TEXT}
    detail = {"index": WHOLE, "field": nullable(TEXT), "error_code": TEXT, "message": TEXT}
    return {
        "RecordRefusal": record(detail, description="Why one record of a payload is refused."),
        "PushError": record(
            {"status": {"const": "error"}, "error": TEXT, **said, "details": details()},
        ),
        "AutomationError": record(
            {
                **said,
                "status_code": WHOLE,
                "detail": {"type": "object", "additionalProperties": list_of(TEXT), "description": "problems by key"},
                "error_key": {**TEXT, "description": "why a fetch failed, as a code; or the name of the precondition"},
            },
            optional=["detail", "error_key"],
        ),
        "ExploreError": record(said),
    }


def _push() -> Json:
    batch = {"batch_id": TEXT, "received_at": MOMENT}
    counts = {
        count.name: WHOLE if count.type == "int" or count.type is int else nullable(WHOLE) for count in fields(Counts)
    }
    stored = {
        **batch,
        "operation": {"enum": ["push", "delete", "recover"]},
        "state": {"enum": [QUEUED, APPLIED, FAILED]},
        **counts,
        "applied_at": {**MOMENT, "description": "of a batch that was queued"},
        "message": {**TEXT, "description": "why a queued batch was not applied"},
        "ignored_fields": list_of(TEXT, maxItems=MAX_DETAILS),
        "details": details(),
    }
    ids, optional = nullable(list_of(TEXT, maxItems=MAX_RECORD_IDS)), ["applied_at", "message"]
    refused = {"state": {"enum": ["refused", "failed"]}, "error_code": TEXT, "message": TEXT, "details": details()}
    return {
        "Done": record({"status": {"const": "OK"}}),
        "Receipt": record({"status": {"const": "OK"}, **stored, "record_ids": ids}, optional=optional),
        "StoredReceipt": record(stored, optional=optional),
        "NotedRefusal": record({**batch, **refused}),
        "UploadOrder": record({"format": {"enum": list(KINDS)}}, optional=["format"]),
        "Upload": record(
            {
                "status": {"const": "OK"},
                "upload_id": TEXT,
                "upload": record({"method": {"const": "POST"}, "url": TEXT, "fields": ANY}),
                "max_bytes": WHOLE,
                "expires_in": {**WHOLE, "description": "seconds"},
            }
        ),
        "UploadChecking": record({"status": {"const": "checking"}, "upload_id": TEXT}),
        "UploadAccepted": record(
            {
                "status": {"const": "OK"},
                "batch_id": TEXT,
                "records": WHOLE,
                "rejected": WHOLE,
                "estimated_seconds": {**WHOLE, "description": "until it is applied"},
            }
        ),
    }


def _automation() -> Json:
    key = {
        "uid": UID,
        "label": TEXT,
        "prefix": {**TEXT, "description": "the first characters of the key"},
        "permissions": list_of(TEXT),
        "created_at": MOMENT,
        "last_used_at": nullable(MOMENT),
        "expires_at": nullable(MOMENT),
        "email": nullable(TEXT),
    }
    return {
        "Dataset": record(
            {
                "uid": UID,
                "dataset_id": TEXT,
                "created_at": MOMENT,
                "updated_at": MOMENT,
                "is_published": FLAG,
                "is_restricted": FLAG,
                "metadata": ref("Metadata"),
                "default_security": ref("DefaultSecurity"),
            }
        ),
        "DefaultSecurity": record(
            {
                "is_data_visible": FLAG,
                "visible_fields": nullable(list_of(TEXT)),
                "filter_query": {"const": ""},
                "api_calls_quota": {"type": "null"},
            },
            description="What of the data readers see who have no API key that may browse. visible_fields null: all.",
        ),
        "Status": status(),
        "Lane": lane(),
        "FieldConfiguration": entry(),
        "Processor": entry(),
        **schedules(),
        **runs(),
        "ProcessorType": record(
            {
                "type": TEXT,
                "label": TEXT,
                "description": TEXT,
                "parameters": {**ANY, "description": "JSON Schema of the parameters"},
            }
        ),
        "ApiKey": record(key),
        "NewApiKey": record({**key, "key": {**TEXT, "description": "the key itself: it is not shown again"}}),
    }


def _resources() -> Json:
    resource = {
        "uid": UID,
        "resource_id": TEXT,
        "type": {"enum": list(TYPES)},
        "title": TEXT,
        "created_at": MOMENT,
        "updated_at": MOMENT,
        "params": {**ANY, "description": "with `push_url` for keys that may edit"},
        "datasource": nullable({**ANY, "description": "of a remote source without its secrets"}),
        "problem": nullable({**TEXT, "description": "what was wrong with a remote source when it was saved"}),
    }
    form = record({"method": {"const": "POST"}, "url": TEXT, "fields": ANY}, description="where to send the file")
    detected = {
        "type": {"enum": list(FILE_TYPES)},
        "params": ANY,
        "records": list_of(ref("Record"), description="the first ones as they would be read"),
        "problem": nullable(TEXT),
    }
    error = record({"line": WHOLE, "field": nullable(TEXT), "message": TEXT})
    recipient = {
        "address": TEXT,
        "state": {"enum": [CONFIRMED, WAITING, UNSUBSCRIBED, BOUNCED, COMPLAINED]},
    }
    moments = ("watching_since", "last_received_at", "no_data_received_since", "alerted_at")
    return {
        "Resource": record(resource, optional=["problem"]),
        "SourcePreview": record(
            {**detected, "type": nullable(detected["type"]), "filename": TEXT},
            description="What a remote source is, or is read as.",
        ),
        "Alert": record(
            {
                "state": {"enum": ["off", WATCHING, SILENT, "paused"]},
                **dict.fromkeys(moments, nullable(MOMENT)),
                "inactivity_minutes": nullable(WHOLE),
                "recipients": list_of(record(recipient), description="and whether mails go to them"),
            }
        ),
        "UploadedFile": record(
            {
                "uid": UID,
                "filename": TEXT,
                "size": WHOLE,
                "created_at": MOMENT,
                "upload": form,
                "detected": record(detected, description="what the file is taken for"),
            },
            optional=["upload", "detected"],
        ),
        "Preview": record(
            {"fields": list_of(ref("Field")), "results": list_of(ref("Record")), "errors": list_of(error)}
        ),
    }


def _explore() -> Json:
    link = record({"rel": TEXT, "href": TEXT})
    return {
        "Field": record(
            {
                "name": TEXT,
                "label": TEXT,
                "type": {"enum": list(FIELD_TYPES)},
                "annotations": {"type": "object", "additionalProperties": {"type": "array"}},
                "description": nullable(TEXT),
            }
        ),
        "Record": {"type": "object", "description": "Values by the names of fields."},
        "Links": record({"links": list_of(link)}),
        "CatalogDataset": record(
            {
                "dataset_id": TEXT,
                "dataset_uid": UID,
                "has_records": FLAG,
                "data_visible": FLAG,
                "features": list_of(TEXT),
                "attachments": list_of(ANY),
                "metas": {"type": "object", "additionalProperties": {"type": "object"}},
                "fields": list_of(ref("Field")),
            }
        ),
    }
