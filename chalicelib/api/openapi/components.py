"""The schemas of what the APIs answer, and the ways to show a key."""

from dataclasses import fields

from chalicelib.api.openapi.operation import Json, list_of, nullable, record, ref
from chalicelib.domain.errors import MAX_DETAILS
from chalicelib.domain.inactivity import SILENT, WATCHING
from chalicelib.domain.receipt import APPLIED, FAILED, MAX_RECORD_IDS, QUEUED, Counts
from chalicelib.domain.resource_shape import FILE_TYPES, TYPES
from chalicelib.domain.run_state import STATES
from chalicelib.domain.schema import FIELD_TYPES
from chalicelib.services.uploads import KINDS
from chalicelib.store.recipients import BOUNCED, COMPLAINED, CONFIRMED, UNSUBSCRIBED, WAITING

_TEXT: Json = {"type": "string"}
_WHOLE: Json = {"type": "integer", "minimum": 0}
_FLAG: Json = {"type": "boolean"}
_MOMENT: Json = {"type": "string", "format": "date-time"}
_UID: Json = {"type": "string", "pattern": "^[a-z]{2}_[0-9a-z]{6}$"}
_ANY: Json = {"type": "object"}

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
    return {**_errors(), **_push(), **_automation(), **_resources(), **_recovery(), **_explore()}


def _errors() -> Json:
    said = {"error_code": _TEXT, "message": {**_TEXT, "description": "what to do"}, "request_id": _TEXT}
    detail = {"index": _WHOLE, "field": nullable(_TEXT), "error_code": _TEXT, "message": _TEXT}
    return {
        "RecordRefusal": record(detail, description="Why one record of a payload is refused."),
        "PushError": record(
            {"status": {"const": "error"}, "error": _TEXT, **said, "details": _details()},
        ),
        "AutomationError": record(
            {
                **said,
                "status_code": _WHOLE,
                "detail": {"type": "object", "additionalProperties": list_of(_TEXT), "description": "problems by key"},
                "error_key": _TEXT,
            },
            optional=["detail", "error_key"],
        ),
        "ExploreError": record(said),
    }


def _push() -> Json:
    batch = {"batch_id": _TEXT, "received_at": _MOMENT}
    counts = {
        count.name: _WHOLE if count.type == "int" or count.type is int else nullable(_WHOLE) for count in fields(Counts)
    }
    stored = {
        **batch,
        "operation": {"enum": ["push", "delete", "recover"]},
        "state": {"enum": [QUEUED, APPLIED, FAILED]},
        **counts,
        "applied_at": {**_MOMENT, "description": "of a batch that was queued"},
        "message": {**_TEXT, "description": "why a queued batch was not applied"},
        "ignored_fields": list_of(_TEXT, maxItems=MAX_DETAILS),
        "details": _details(),
    }
    ids, optional = nullable(list_of(_TEXT, maxItems=MAX_RECORD_IDS)), ["applied_at", "message"]
    refused = {"state": {"enum": ["refused", "failed"]}, "error_code": _TEXT, "message": _TEXT, "details": _details()}
    return {
        "Done": record({"status": {"const": "OK"}}),
        "Receipt": record({"status": {"const": "OK"}, **stored, "record_ids": ids}, optional=optional),
        "StoredReceipt": record(stored, optional=optional),
        "NotedRefusal": record({**batch, **refused}),
        "UploadOrder": record({"format": {"enum": list(KINDS)}}, optional=["format"]),
        "Upload": record(
            {
                "status": {"const": "OK"},
                "upload_id": _TEXT,
                "upload": record({"method": {"const": "POST"}, "url": _TEXT, "fields": _ANY}),
                "max_bytes": _WHOLE,
                "expires_in": {**_WHOLE, "description": "seconds"},
            }
        ),
        "UploadChecking": record({"status": {"const": "checking"}, "upload_id": _TEXT}),
        "UploadAccepted": record(
            {
                "status": {"const": "OK"},
                "batch_id": _TEXT,
                "records": _WHOLE,
                "rejected": _WHOLE,
                "estimated_seconds": {**_WHOLE, "description": "until it is applied"},
            }
        ),
    }


def _automation() -> Json:
    key = {
        "uid": _UID,
        "label": _TEXT,
        "prefix": {**_TEXT, "description": "the first characters of the key"},
        "permissions": list_of(_TEXT),
        "created_at": _MOMENT,
        "last_used_at": nullable(_MOMENT),
        "expires_at": nullable(_MOMENT),
        "email": nullable(_TEXT),
    }
    return {
        "Dataset": record(
            {
                "uid": _UID,
                "dataset_id": _TEXT,
                "created_at": _MOMENT,
                "updated_at": _MOMENT,
                "is_published": _FLAG,
                "is_restricted": _FLAG,
                "metadata": ref("Metadata"),
                "default_security": ref("DefaultSecurity"),
            }
        ),
        "DefaultSecurity": record(
            {
                "is_data_visible": _FLAG,
                "visible_fields": nullable(list_of(_TEXT)),
                "filter_query": {"const": ""},
                "api_calls_quota": {"type": "null"},
            },
            description="What of the data readers see who have no API key that may browse. visible_fields null: all.",
        ),
        "Status": _status(),
        "Lane": _lane(),
        "FieldConfiguration": _entry(),
        "Processor": _entry(),
        **_schedules(),
        **_runs(),
        "ProcessorType": record(
            {
                "type": _TEXT,
                "label": _TEXT,
                "description": _TEXT,
                "parameters": {**_ANY, "description": "JSON Schema of the parameters"},
            }
        ),
        "ApiKey": record(key),
        "NewApiKey": record({**key, "key": {**_TEXT, "description": "the key itself: it is not shown again"}}),
    }


def _schedules() -> Json:
    cron = nullable({**_TEXT, "description": "null when a recurrence takes more than one unix cron"})
    run = {"paris": _MOMENT, "utc": _MOMENT, "note": nullable(_TEXT)}
    return {
        "Schedule": record(
            {
                "uid": _UID,
                "cron_schedule": cron,
                "recurrence": ref("Recurrence"),
                "is_paused": _FLAG,
                "paused_because": nullable(_TEXT),
                "next_runs": list_of(_MOMENT),
            },
            optional=["recurrence"],
        ),
        "SchedulePreview": record(
            {
                "sentence": _TEXT,
                "timezone": _TEXT,
                "cron_schedule": cron,
                "crons": list_of(_TEXT),
                "recurrence": nullable(ref("Recurrence")),
                "runs": list_of(record(run)),
                "skipped": list_of(_TEXT, description="times in Paris, without a zone, that the clocks skip"),
                "shortest_interval_minutes": _WHOLE,
                "minimum_interval_minutes": _WHOLE,
                "is_allowed": _FLAG,
            }
        ),
    }


def _runs() -> Json:
    count = nullable(_WHOLE)
    counts = record(dict.fromkeys(("added", "changed", "removed", "unchanged", "refused"), count))
    said = {"error_code": nullable(_TEXT), "message": nullable(_TEXT)}
    source = {
        "resource_uid": _UID,
        "state": {"enum": ["unchanged", "queued", "applied", "held_back", "failed", "aborted"]},
        "batch_id": nullable(_TEXT),
        "size": {**_WHOLE, "description": "bytes that were received"},
        "http_status": count,
        "etag": nullable(_TEXT),
        "records": count,
        "counts": counts,
        **said,
    }
    run = {
        "run_id": _TEXT,
        "trigger": {"enum": ["schedule", "manual"]},
        "schedule_uid": nullable(_UID),
        "scheduled_time": _MOMENT,
        "state": {"enum": list(STATES)},
        "attempts": _WHOLE,
        "started_at": nullable(_MOMENT),
        "ended_at": nullable(_MOMENT),
        "duration_seconds": nullable({"type": "number", "minimum": 0}),
        "next_attempt_at": nullable(_MOMENT),
        **said,
        "size": _WHOLE,
        "counts": {**counts, "description": "null while a batch waits to be applied"},
        "sources": list_of(record(source)),
    }
    return {"Run": record(run)}


def _status() -> Json:
    statuses = (
        "idle",
        "error",
        "limit_reached",
        "queued",
        "processing",
        "aborting_processing",
        "deleting",
        "saving_version",
    )
    status = {"enum": list(statuses)}
    error = {"record_id": nullable(_TEXT), "field_uid": nullable(_TEXT), "processor_uid": nullable(_TEXT)}
    return record(
        {
            "status": status,
            "previous": nullable(status),
            "next": nullable(status),
            "since": _MOMENT,
            "is_published": _FLAG,
            "message": nullable(_TEXT),
            "records_errors": list_of(record({**error, "message": _TEXT})),
            "params": _ANY,
        }
    )


def _lane() -> Json:
    first = {
        "batch_id": _TEXT,
        "kind": _TEXT,
        "accepted_at": _MOMENT,
        "records": nullable(_WHOLE),
        "parts": _WHOLE,
        "parts_applied": _WHOLE,
    }
    return record(
        {
            "state": {"enum": ["empty", "working", "paused"]},
            "jobs": {**_WHOLE, "description": "batches that wait to be applied"},
            "attempts": {**_WHOLE, "description": "failures in a row; the lane pauses after five"},
            "problem": nullable(_TEXT),
            "first_job": nullable(record(first)),
        }
    )


def _resources() -> Json:
    resource = {
        "uid": _UID,
        "resource_id": _TEXT,
        "type": {"enum": list(TYPES)},
        "title": _TEXT,
        "created_at": _MOMENT,
        "updated_at": _MOMENT,
        "params": {**_ANY, "description": "with `push_url` for keys that may edit"},
        "datasource": nullable({**_ANY, "description": "of a remote source without its secrets"}),
        "problem": nullable({**_TEXT, "description": "what was wrong with a remote source when it was saved"}),
    }
    form = record({"method": {"const": "POST"}, "url": _TEXT, "fields": _ANY}, description="where to send the file")
    detected = {
        "type": {"enum": list(FILE_TYPES)},
        "params": _ANY,
        "records": list_of(ref("Record"), description="the first ones as they would be read"),
        "problem": nullable(_TEXT),
    }
    error = record({"line": _WHOLE, "field": nullable(_TEXT), "message": _TEXT})
    recipient = {
        "address": _TEXT,
        "state": {"enum": [CONFIRMED, WAITING, UNSUBSCRIBED, BOUNCED, COMPLAINED]},
    }
    moments = ("watching_since", "last_received_at", "no_data_received_since", "alerted_at")
    return {
        "Resource": record(resource, optional=["problem"]),
        "SourcePreview": record(
            {**detected, "type": nullable(detected["type"]), "filename": _TEXT},
            description="What a remote source is, or is read as.",
        ),
        "Alert": record(
            {
                "state": {"enum": ["off", WATCHING, SILENT, "paused"]},
                **dict.fromkeys(moments, nullable(_MOMENT)),
                "inactivity_minutes": nullable(_WHOLE),
                "recipients": list_of(record(recipient), description="and whether mails go to them"),
            }
        ),
        "UploadedFile": record(
            {
                "uid": _UID,
                "filename": _TEXT,
                "size": _WHOLE,
                "created_at": _MOMENT,
                "upload": form,
                "detected": record(detected, description="what the file is taken for"),
            },
            optional=["upload", "detected"],
        ),
        "Preview": record(
            {"fields": list_of(ref("Field")), "results": list_of(ref("Record")), "errors": list_of(error)}
        ),
    }


def _recovery() -> Json:
    number = {"type": "number", "minimum": 0}
    error = {"batch_id": _TEXT, "number": _WHOLE, "field": nullable(_TEXT), "error_code": _TEXT, "message": _TEXT}
    counts = ("entries", "records", "suppressed", "errors", "created", "updated", "unchanged")
    outcome = {
        "resource_uid": _UID,
        "state": {"enum": ["queued", "reading", "applying", "done", "failed", "aborted"]},
        "dry_run": _FLAG,
        "all_resources": _FLAG,
        "from": nullable(_MOMENT),
        "to": nullable(_MOMENT),
        "started_at": _MOMENT,
        "moved_at": {**_MOMENT, "description": "when it last got on"},
        "message": nullable(_TEXT),
        "batch_id": nullable(_TEXT),
        "counts": record(dict.fromkeys(counts, _WHOLE)),
        "errors": {"type": "object", "additionalProperties": _WHOLE, "description": "records that do not fit, by code"},
        "details": list_of(record(error), maxItems=100),
    }
    progress = record({"done": _WHOLE, "total": _WHOLE, "estimated_seconds": nullable(number)})
    backup = {"entries": _WHOLE, "objects": _WHOLE, "bytes": _WHOLE, "is_partial": _FLAG}
    return {
        "Recovery": record(
            {
                "recovery": _FLAG,
                "recovery_since": nullable(_MOMENT),
                "recovery_days": nullable(_WHOLE),
                "backup": record(backup, description="is_partial: there is more than was counted"),
                "current": nullable(record({**outcome, "progress": progress})),
                "outcomes": list_of(record(outcome), maxItems=10),
            }
        ),
        "BackupObject": record(
            {
                "first": _WHOLE,
                "last": _WHOLE,
                "entries": _WHOLE,
                "first_accepted_at": _MOMENT,
                "last_accepted_at": _MOMENT,
                "bytes": _WHOLE,
                "url": {**_TEXT, "description": "downloads it (NDJSON, gzipped) for five minutes"},
            }
        ),
    }


def _explore() -> Json:
    link = record({"rel": _TEXT, "href": _TEXT})
    return {
        "Field": record(
            {
                "name": _TEXT,
                "label": _TEXT,
                "type": {"enum": list(FIELD_TYPES)},
                "annotations": {"type": "object", "additionalProperties": {"type": "array"}},
                "description": nullable(_TEXT),
            }
        ),
        "Record": {"type": "object", "description": "Values by the names of fields."},
        "Links": record({"links": list_of(link)}),
        "CatalogDataset": record(
            {
                "dataset_id": _TEXT,
                "dataset_uid": _UID,
                "has_records": _FLAG,
                "data_visible": _FLAG,
                "features": list_of(_TEXT),
                "attachments": list_of(_ANY),
                "metas": {"type": "object", "additionalProperties": {"type": "object"}},
                "fields": list_of(ref("Field")),
            }
        ),
    }


def _details() -> Json:
    return list_of(ref("RecordRefusal"), maxItems=MAX_DETAILS)


def _entry() -> Json:
    return {
        "type": "object",
        "properties": {"uid": _UID, "type": _TEXT, "label": _TEXT},
        "required": ["uid", "type"],
    }
