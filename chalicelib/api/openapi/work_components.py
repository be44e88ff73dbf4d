"""The schemas of what is done to a dataset, and how that goes: schedules, runs, the lane, recoveries."""

from chalicelib.api.openapi.operation import Json, list_of, nullable, record, ref
from chalicelib.api.openapi.shapes import ANY, FLAG, MOMENT, TEXT, UID, WHOLE
from chalicelib.domain.run_state import STATES


def schedules() -> Json:
    """Schedules, and the times at which they run."""
    cron = nullable({**TEXT, "description": "null when a recurrence takes more than one unix cron"})
    run = {"paris": MOMENT, "utc": MOMENT, "note": nullable(TEXT)}
    return {
        "Schedule": record(
            {
                "uid": UID,
                "cron_schedule": cron,
                "recurrence": ref("Recurrence"),
                "is_paused": FLAG,
                "paused_because": nullable(TEXT),
                "next_runs": list_of(MOMENT),
            },
            optional=["recurrence"],
        ),
        "SchedulePreview": record(
            {
                "sentence": TEXT,
                "timezone": TEXT,
                "cron_schedule": cron,
                "crons": list_of(TEXT),
                "recurrence": nullable(ref("Recurrence")),
                "runs": list_of(record(run)),
                "skipped": list_of(TEXT, description="times in Paris, without a zone, that the clocks skip"),
                "shortest_interval_minutes": WHOLE,
                "minimum_interval_minutes": WHOLE,
                "is_allowed": FLAG,
            }
        ),
    }


def runs() -> Json:
    """Runs of schedules."""
    count = nullable(WHOLE)
    counts = record(dict.fromkeys(("added", "changed", "removed", "unchanged", "refused"), count))
    said = {"error_code": nullable(TEXT), "message": nullable(TEXT)}
    detail = {"index": WHOLE, "field": nullable(TEXT), "error_code": TEXT, "message": TEXT}
    details = list_of(record(detail), maxItems=100, description="why records were refused; of a single run only")
    source = {
        "resource_uid": UID,
        "state": {"enum": ["unchanged", "queued", "applied", "held_back", "failed", "aborted"]},
        "batch_id": nullable(TEXT),
        "size": {**WHOLE, "description": "bytes that were received"},
        "http_status": count,
        "etag": nullable(TEXT),
        "records": count,
        "counts": counts,
        **said,
        "details": details,
    }
    run = {
        "run_id": TEXT,
        "trigger": {"enum": ["schedule", "manual"]},
        "schedule_uid": nullable(UID),
        "scheduled_time": MOMENT,
        "state": {"enum": list(STATES)},
        "attempts": WHOLE,
        "started_at": nullable(MOMENT),
        "ended_at": nullable(MOMENT),
        "duration_seconds": nullable({"type": "number", "minimum": 0}),
        "next_attempt_at": nullable(MOMENT),
        **said,
        "size": WHOLE,
        "counts": {**counts, "description": "null is what is not known, or not yet: a run, or its batch, is not over"},
        "sources": list_of(record(source, optional=["details"])),
    }
    return {"Run": record(run)}


def status() -> Json:
    """The status of a dataset."""
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
    error = {"record_id": nullable(TEXT), "field_uid": nullable(TEXT), "processor_uid": nullable(TEXT)}
    return record(
        {
            "status": status,
            "previous": nullable(status),
            "next": nullable(status),
            "since": MOMENT,
            "is_published": FLAG,
            "message": nullable(TEXT),
            "records_errors": list_of(record({**error, "message": TEXT})),
            "processed_since": {
                **nullable(MOMENT),
                "description": "when a publication last changed what becomes of pushed records; recovery/ offers to "
                "apply anew what was kept of before",
            },
            "params": ANY,
        }
    )


def lane() -> Json:
    """The lane of a dataset."""
    first = {
        "batch_id": TEXT,
        "kind": TEXT,
        "accepted_at": MOMENT,
        "records": nullable(WHOLE),
        "parts": WHOLE,
        "parts_applied": WHOLE,
    }
    return record(
        {
            "state": {"enum": ["empty", "working", "paused"]},
            "jobs": {**WHOLE, "description": "batches that wait to be applied"},
            "attempts": {**WHOLE, "description": "failures in a row; the lane pauses after five"},
            "problem": nullable(TEXT),
            "first_job": nullable(record(first)),
        }
    )


def recovery() -> Json:
    """Recoveries, and what is backed up."""
    number = {"type": "number", "minimum": 0}
    error = {"batch_id": TEXT, "number": WHOLE, "field": nullable(TEXT), "error_code": TEXT, "message": TEXT}
    counts = ("entries", "records", "suppressed", "errors", "created", "updated", "unchanged")
    outcome = {
        "resource_uid": UID,
        "state": {"enum": ["queued", "reading", "applying", "done", "failed", "aborted"]},
        "dry_run": FLAG,
        "all_resources": FLAG,
        "from": nullable(MOMENT),
        "to": nullable(MOMENT),
        "started_at": MOMENT,
        "moved_at": {**MOMENT, "description": "when it last got on"},
        "message": nullable(TEXT),
        "batch_id": nullable(TEXT),
        "counts": record(dict.fromkeys(counts, WHOLE)),
        "errors": {"type": "object", "additionalProperties": WHOLE, "description": "records that do not fit, by code"},
        "details": list_of(record(error), maxItems=100),
    }
    progress = record({"done": WHOLE, "total": WHOLE, "estimated_seconds": nullable(number)})
    backup = {"entries": WHOLE, "objects": WHOLE, "bytes": WHOLE, "is_partial": FLAG}
    return {
        "Recovery": record(
            {
                "recovery": FLAG,
                "recovery_since": nullable(MOMENT),
                "recovery_days": nullable(WHOLE),
                "backup": record(backup, description="is_partial: there is more than was counted"),
                "current": nullable(record({**outcome, "progress": progress})),
                "outcomes": list_of(record(outcome), maxItems=10),
                "offer": nullable(record({"processed_since": MOMENT, "kept_since": MOMENT, "message": TEXT})),
            }
        ),
        "BackupObject": record(
            {
                "first": WHOLE,
                "last": WHOLE,
                "entries": WHOLE,
                "first_accepted_at": MOMENT,
                "last_accepted_at": MOMENT,
                "bytes": WHOLE,
                "url": {**TEXT, "description": "downloads it (NDJSON, gzipped) for five minutes"},
            }
        ),
    }
