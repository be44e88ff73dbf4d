"""The schemas of what clients send, from the shapes and registries that check it, and an example of each."""

from typing import Any

from chalicelib.api.openapi.operation import Json, list_of, nullable, record, ref
from chalicelib.api.openapi.push_operations import SLUG
from chalicelib.domain.field_stack import configuration_schemas
from chalicelib.domain.mail_address import address_problem
from chalicelib.domain.metadata import ENTRY, MAX_TITLE
from chalicelib.domain.processors import MAX_LABEL, describe
from chalicelib.domain.recurrence import recurrence_schemas
from chalicelib.domain.remote_source import MAX_CREDENTIAL, MAX_HEADER_NAME, MAX_HEADER_VALUE, MAX_HEADERS, MAX_URL
from chalicelib.domain.resource_shape import FILE_TYPES, params_schemas
from chalicelib.domain.security import SECURITY_KEYS
from chalicelib.domain.shape import schema_of
from chalicelib.services.access import PERMISSIONS
from chalicelib.services.recovery.backup_access import SCRATCH_KEYS
from chalicelib.services.recovery.recovery import RECOVER_KEYS
from chalicelib.services.resources.push_switches import MAX_OVERLAP_MINUTES
from chalicelib.services.resources.source_files import MAX_UPLOAD_BYTES
from chalicelib.services.schedules.schedules import MAX_CRON

_TITLE = {"type": "string", "minLength": 1, "maxLength": 300}
_SLUG = {"type": "string", "pattern": SLUG}
_UID = {"type": "string", "pattern": "^[a-z]{2}_[0-9a-z]{6}$"}
_NEVER_SHOWN = "never shown; left out or null, the one that is stored stays"
_KEPT = ("uid", "dataset_id", "created_at", "updated_at", "is_published")
_KEPT_OF_RESOURCE = ("uid", "resource_id", "created_at", "updated_at", "problem")
_READ_ONLY = {"readOnly": True}
_VISIBILITY = {"is_restricted": {"type": "boolean"}, "default_security": ref("DefaultSecurityChange")}
_METADATA = {"default": {"title": {"value": "Library books"}}}
_REALTIME = {
    "type": "realtime",
    "title": "Devices",
    "params": {"bootstrap": {"title": "Emma", "isbn": "9780141439587"}, "unknown_fields": "report"},
}
EXAMPLES: dict[str, Any] = {
    "DatasetInput": {"metadata": _METADATA, "dataset_id": "library-books"},
    "DatasetChange": {"metadata": _METADATA, "is_restricted": False, "default_security": {"is_data_visible": True}},
    "DefaultSecurityChange": {"is_data_visible": False},
    "Metadata": _METADATA,
    "MetadataTemplate": _METADATA["default"],
    "MetadataEntry": {"value": "Library books"},
    "FieldConfigurationInput": {"type": "annotate", "annotation": "id", "field": "isbn", "label": "id"},
    "ProcessorInput": {"type": "string_replace", "field": "title", "old": "&amp;", "new": "&"},
    "ScheduleInput": {"cron_schedule": "0 2 * * *"},
    "ResourceInput": _REALTIME,
    "ResourceChange": {"title": "Devices on the roof"},
    "SourceInput": {"datasource": {"url": "https://data.example.org/books.csv"}},
    "Renewal": {"overlap_minutes": 60},
    "RecoverInput": {"from": "2026-03-29T10:30:00Z", "to": None, "dry_run": True},
    "ScratchInput": {"confirm": "realtime"},
    "UploadInput": {"filename": "books.csv", "size": 100_000_000},
    "ApiKeyInput": {"label": "night job", "permissions": ["browse", "edit", "publish"]},
    "Configuration": {
        "freshwire": 1,
        "dataset_id": "imported-books",
        "is_restricted": False,
        "metadata": _METADATA,
        "resources": [_REALTIME],
        "processors": [],
        "fields": [],
        "schedules": [],
    },
}


def body_schemas() -> Json:
    """The schemas, by their names in the components."""
    parts = list_of({"type": "object"})
    return {
        "Payload": {
            "description": "One record, or several.",
            "anyOf": [{"type": "object"}, list_of({"type": "object"})],
        },
        **_metadata_schemas(),
        "DatasetInput": record(
            {"metadata": ref("Metadata"), "dataset_id": _SLUG, **_VISIBILITY},
            optional=["dataset_id", *_VISIBILITY],
        ),
        "DatasetChange": record(
            {"metadata": ref("Metadata"), **_VISIBILITY, **dict.fromkeys(_KEPT, _READ_ONLY)},
            optional=["metadata", *_VISIBILITY, *_KEPT],
            description="What is left out stays. A dataset may be sent back as it was read.",
        ),
        "DefaultSecurityChange": {
            **schema_of(SECURITY_KEYS),
            "description": "What is left out stays. Visible fields must hold those that record ids are made of.",
        },
        "FieldConfigurationInput": {"oneOf": configuration_schemas()},
        "ProcessorInput": {"anyOf": [_processor(described) for described in describe()]},
        **_schedule_schemas(),
        **_resource_schemas(),
        "Renewal": record(
            {"overlap_minutes": {"type": "integer", "minimum": 0, "maximum": MAX_OVERLAP_MINUTES}},
            optional=["overlap_minutes"],
        ),
        "RecoverInput": {**schema_of(RECOVER_KEYS), "description": "Without a range: all that is backed up."},
        "ScratchInput": {**schema_of(SCRATCH_KEYS), "description": "`confirm` must be the id of the resource."},
        "UploadInput": record(
            {
                "filename": {"type": "string", "minLength": 1, "maxLength": 200},
                "size": {"type": "integer", "minimum": 1, "maximum": MAX_UPLOAD_BYTES},
            }
        ),
        "ApiKeyInput": record(
            {
                "label": {"type": "string", "minLength": 1, "maxLength": 200},
                "permissions": list_of({"enum": list(PERMISSIONS)}, minItems=1),
                "expires_at": nullable({"type": "string", "description": "ISO 8601; without a zone UTC"}),
                "email": nullable({**address_problem.schema, "description": "where alerts set up with the key go"}),
            },
            optional=["expires_at", "email"],
        ),
        "Configuration": record(
            {
                "freshwire": {"const": 1},
                "dataset_id": _SLUG,
                **_VISIBILITY,
                "metadata": ref("Metadata"),
                "resources": parts,
                "processors": parts,
                "fields": parts,
                "schedules": parts,
            },
            optional=[*_VISIBILITY, "resources", "processors", "fields", "schedules"],
        ),
    }


def _metadata_schemas() -> Json:
    template = {"type": "object", "additionalProperties": ref("MetadataEntry")}
    titled = {"allOf": [ref("MetadataEntry"), {"properties": {"value": {"type": "string", "maxLength": MAX_TITLE}}}]}
    return {
        "MetadataEntry": record({name: {} for name in ENTRY}, optional=ENTRY[1:]),
        "MetadataTemplate": template,
        "Metadata": {
            "description": "Entries by template; the title is `default.title`.",
            "type": "object",
            "properties": {"default": {**template, "properties": {"title": titled}}},
            "additionalProperties": ref("MetadataTemplate"),
        },
    }


def _processor(described: Json) -> Json:
    parameters = described["parameters"]
    beside = {"type": {"const": described["type"]}, "label": {"type": "string", "maxLength": MAX_LABEL}}
    return {
        **parameters,
        "title": described["label"],
        "description": described["description"],
        "properties": {**beside, **parameters["properties"]},
        "required": ["type", *parameters.get("required", ())],
    }


def _schedule_schemas() -> Json:
    cron = {"type": "string", "minLength": 1, "maxLength": MAX_CRON, "description": "unix cron, Europe/Paris"}
    given = {"cron_schedule": nullable(cron), "recurrence": ref("Recurrence")}
    return {
        "Recurrence": {"description": "When to refresh, without cron; Europe/Paris.", "oneOf": recurrence_schemas()},
        "ScheduleInput": {"anyOf": [record({"cron_schedule": cron}), record(given, optional=["cron_schedule"])]},
    }


def _resource_schemas() -> Json:
    params = params_schemas()
    beside: Json = {"title": _TITLE, "resource_id": _SLUG}
    realtime = {
        **beside,
        "type": {"const": "realtime"},
        "params": params["realtime"],
        "datasource": {"type": "null"},
    }
    files = [
        record(
            {**beside, "type": {"const": kind}, "params": params[kind], "datasource": ref("FileSource")},
            optional=["title", "resource_id", "params"],
        )
        for kind in FILE_TYPES
    ]
    return {
        "ResourceInput": {
            "oneOf": [record(realtime, optional=["title", "resource_id", "params", "datasource"]), *files]
        },
        "ResourceChange": {
            "description": "What is left out stays, each param for itself; null takes a param of a file away. A "
            "datasource is taken whole. The type cannot change, and a resource may be sent back as it was read.",
            "anyOf": [_resource_change(kind, params) for kind, params in params_schemas(changed=True).items()],
        },
        "FileSource": {"anyOf": [_uploaded(), ref("RemoteSource")]},
        "RemoteSource": {"anyOf": [_remote("http"), _remote("ftp"), _pasted()]},
        "SourceInput": {
            "description": "A resource, or only its datasource; a type belongs to params.",
            "anyOf": [_source_input({}), *(_source_input(params[kind], kind) for kind in FILE_TYPES)],
        },
    }


def _resource_change(kind: str, params: Json) -> Json:
    is_file = kind in FILE_TYPES
    if not is_file:
        params = {**params, "properties": {**params["properties"], "push_url": _READ_ONLY}}
    given = {
        "type": {"const": kind},
        "title": _TITLE,
        "params": params,
        "datasource": ref("FileSource") if is_file else {"type": "null"},
        **dict.fromkeys(_KEPT_OF_RESOURCE, _READ_ONLY),
    }
    return record(given, optional=list(given))


def _source_input(params: Json, kind: str | None = None) -> Json:
    """What is previewed: without a type it is guessed. The uid is of a resource whose secrets are left out."""
    typed: Json = {"type": {"const": kind}, "params": params} if kind else {}
    beside: Json = {"uid": _UID, "title": _TITLE, "resource_id": _SLUG}
    optional = [*beside, *(["params"] if kind else [])]
    return record({**typed, **beside, "datasource": ref("RemoteSource")}, optional=optional)


def _uploaded() -> Json:
    return record({"type": {"const": "uploaded_file"}, "file": nullable(record({"uid": _UID}))})


def _pasted() -> Json:
    url = {"type": "string", "description": "https://, http://, ftps:// or ftp://, with user and password if need be"}
    return record({"type": {"enum": ["http", "ftp"]}, "url": url}, optional=["type"])


def _remote(kind: str) -> Json:
    url = {"type": "string", "maxLength": MAX_URL, "description": f"{kind}s://host, without credentials"}
    connection = {"type": {"const": kind}, "url": url, "auth": nullable({"oneOf": _auths(kind)})}
    header = {
        "name": {"type": "string", "minLength": 1, "maxLength": MAX_HEADER_NAME},
        "value": nullable({"type": "string", "maxLength": MAX_HEADER_VALUE, "description": _NEVER_SHOWN}),
    }
    headers = {"headers": list_of(record(header), maxItems=MAX_HEADERS)} if kind == "http" else {}
    return record(
        {
            "type": {"const": kind},
            "connection": record(connection, optional=["auth"]),
            "relative_url": {"type": "string", "maxLength": MAX_URL},
            **headers,
        },
        optional=["relative_url", *headers],
    )


def _auths(kind: str) -> list[Json]:
    secret = nullable({"type": "string", "maxLength": MAX_CREDENTIAL, "description": _NEVER_SHOWN})
    user = {"type": "string", "minLength": 1, "maxLength": MAX_CREDENTIAL}
    basic = record({"type": {"const": "basic_auth"}, "username": user, "password": secret}, optional=["password"])
    bearer = record({"type": {"const": "bearer"}, "token": secret}, optional=["token"])
    return [basic, bearer] if kind == "http" else [basic]
