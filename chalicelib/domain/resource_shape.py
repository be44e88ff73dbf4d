"""The shape of a resource's body, by its type."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import orjson

from chalicelib.domain.errors import ValidationFailed
from chalicelib.domain.identifiers import is_slug, is_uid
from chalicelib.domain.inactivity import DAILY, DEFAULT_MINUTES, HOURLY, MAX_MINUTES, NONE
from chalicelib.domain.mail_address import address_problem
from chalicelib.domain.remote_source import expanded, pasted_problem, remote_source_problem
from chalicelib.domain.shape import (
    REQUIRED,
    Json,
    Key,
    an_object,
    checked,
    described,
    flag,
    one_of,
    schema_of,
    text,
    texts,
    whole,
)
from chalicelib.domain.source_secrets import with_any_secrets

FILE_TYPES = ("csvfile", "jsonfile", "jsonl", "geojson", "xlsx")
TYPES = ("realtime", *FILE_TYPES)
MAX_BOOTSTRAP = 100_000  # bytes of JSON
MAX_RECIPIENTS = 20  # of the alerts of a resource
_UPLOADED = ("uid", "filename", "size", "created_at", "detected", "upload")  # a file, as its upload was answered


def checked_resource(
    body: Any, kind: str | None = None, *, read_only: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The resource's values; ValidationFailed names what is wrong. `kind` is the type of a resource that exists, and
    `read_only` how it is shown: neither its type nor its id, which is part of the push URL, can change; its title and
    source stay unless the body names them, and null for a param of a file is for the caller to take it away."""
    given = body.get("type", kind) if isinstance(body, dict) else None
    if given is None:
        raise ValidationFailed({"type": [f"{REQUIRED}: one of {', '.join(TYPES)}"]})
    if kind is not None and given != kind:
        raise ValidationFailed({"type": ["the type of a resource cannot change: delete it and create another"]})
    if given not in TYPES:
        raise ValidationFailed({"type": [f"unknown type; use one of {', '.join(TYPES)}"]})
    is_realtime = given == "realtime"
    before = read_only or {}
    keys = {**_KEYS, "datasource": _KEYS["datasource"] if is_realtime else _FILE_SOURCE}
    if kind is None:
        keys["resource_id"] = Key(problem=_slug_problem)
    else:
        keys["datasource"] = replace(keys["datasource"], required=False)
    known = {name: value for name, value in before.items() if name not in keys}
    values = checked(body, keys, read_only=known)
    values.setdefault("type", given)
    values.setdefault("title", before.get("title", "Realtime" if is_realtime else given))
    params, shown = _PARAMS[given] if kind is None else _CHANGED_PARAMS[given], before.get("params", {})
    kept = {name: shown[name] for name in shown if name not in params}  # the push URL: clients send it back
    values["params"] = checked(values.get("params", {}), params, read_only=kept)
    if not is_realtime:
        values["datasource"] = expanded({**before, **values}["datasource"])
    return values


def checked_preview(body: Any) -> dict[str, Any]:
    """What is to be previewed: {"type", "params", "datasource", "uid"}, of which only the datasource is needed. It may
    lack secrets that the resource of that uid has."""
    values = checked(body, _PREVIEW)
    given = values.get("type")
    if given is None and values.get("params"):
        raise ValidationFailed({"params": ["params belong to a type: give the type too, or leave them out"]})
    values["params"] = checked(values.get("params", {}), _PARAMS[given]) if given else {}
    return {**values, "type": given, "datasource": expanded(values["datasource"])}


def params_schemas(*, changed: bool = False) -> dict[str, Json]:
    """The JSON Schema of the params of each type of resource, as they are given at first or changed."""
    return {kind: schema_of(keys) for kind, keys in (_CHANGED_PARAMS if changed else _PARAMS).items()}


def _or_null(key: Key) -> Key:
    schema = {"anyOf": [dict(getattr(key.problem, "schema", {})), {"type": "null"}]}
    return Key(problem=described(schema)(lambda value: None if value is None else key.problem(value)))


def _datasource_problem(value: Any) -> str | None:
    return None if value is None else "a realtime source has none: leave it null"


def _file_source_problem(value: Any) -> str | None:
    match value:
        case {"type": "uploaded_file", "file": {"uid": str(uid)} as file} if is_uid(uid):
            return _unknown(file, _UPLOADED, "file") or _unknown(value, ("type", "file"), "datasource")
        case {"type": "uploaded_file", "file": None}:  # of a resource that waits for its file, as an imported one does
            return _unknown(value, ("type", "file"), "datasource")
        case {"type": "http" | "ftp", "connection": _}:
            return remote_source_problem(with_any_secrets(value))
        case {"url": str()}:
            return pasted_problem(value)
    return (
        'expected {"type": "uploaded_file", "file": {"uid": ...}} with the uid that the upload answered, '
        '{"url": "https://..."}, or '
        '{"type": "http", "connection": {"type": "http", "url": "https://..."}, "relative_url": "/..."}'
    )


def _remote_problem(value: Any) -> str | None:
    if isinstance(value, dict) and value.get("type") == "uploaded_file":
        return "only remote sources are previewed before they are saved: an uploaded file was, when it was uploaded"
    return _file_source_problem(value)


def _uid_problem(value: Any) -> str | None:
    return None if isinstance(value, str) and is_uid(value) else "expected the uid of a resource"


def _unknown(given: Mapping[str, Any], known: Sequence[str], where: str) -> str | None:
    names = [name for name in given if name not in known]
    return f"unknown field {', '.join(names)} in {where}; use {', '.join(known)}" if names else None


@described({"type": ["object", "array"], "items": {"type": "object"}, "description": "one record, or several"})
def _bootstrap_problem(value: Any) -> str | None:
    if not (isinstance(value, dict) or (isinstance(value, list) and all(isinstance(v, dict) for v in value))):
        return "expected one record (an object), or an array of records"
    size = len(orjson.dumps(value))
    return None if size <= MAX_BOOTSTRAP else f"{size} bytes, the limit is {MAX_BOOTSTRAP}: some records suffice"


def _slug_problem(value: Any) -> str | None:
    return None if isinstance(value, str) and is_slug(value) else "expected a slug of a-z, 0-9, - and _"


@described({"type": "string", "minLength": 1, "maxLength": 1, "pattern": '^[^"\\r\\n]$'})
def _separator_problem(value: Any) -> str | None:
    is_one = isinstance(value, str) and len(value) == 1 and value not in '"\r\n'
    return None if is_one else "expected one character, no quote and no line end"


@described({"type": "array", "maxItems": MAX_RECIPIENTS, "items": address_problem.schema})
def _addresses_problem(value: Any) -> str | None:
    if not isinstance(value, list) or len(value) > MAX_RECIPIENTS:
        return f"expected a list of at most {MAX_RECIPIENTS} e-mail addresses"
    return next((f"'{str(given)[:60]}': {problem}" for given in value if (problem := address_problem(given))), None)


@described({"type": ["string", "null"], "description": "ISO 8601; without a zone UTC"})
def _snooze_problem(value: Any) -> str | None:
    if value is not None:
        try:
            datetime.fromisoformat(value)
        except (TypeError, ValueError):
            return "expected a moment such as 2027-01-31T12:00:00Z, or null"
    return None


@described({"anyOf": [{"type": "integer", "minimum": 1, "maximum": 36_500}, {"type": "null"}]})
def _days_problem(value: Any) -> str | None:
    return None if value is None else whole(1, 36_500)(value)


@described({"const": False})
def _not_yet_problem(value: Any) -> str | None:
    return None if value is False else "not offered by this version: leave it false"


_KEYS = {
    "type": Key(problem=one_of(*TYPES)),
    "title": Key(problem=text(least=1, most=300)),
    "params": Key(problem=an_object),
    "datasource": Key(problem=_datasource_problem),
}
_FILE_SOURCE = Key(problem=_file_source_problem, required=True)
_PREVIEW = {
    "type": Key(problem=one_of(*FILE_TYPES)),
    "title": _KEYS["title"],
    "resource_id": Key(problem=_slug_problem),
    "params": _KEYS["params"],
    "datasource": Key(problem=_remote_problem, required=True),
    "uid": Key(problem=_uid_problem),
}
_NULL_VALUES = Key(problem=texts(most=20))
_UNKNOWN_FIELDS = Key(problem=one_of("report", "refuse"))
_NOT_YET = Key(problem=_not_yet_problem)
_REALTIME_PARAMS = {
    "bootstrap": Key(problem=_bootstrap_problem),
    "push_enabled": Key(problem=flag),
    "null_values": _NULL_VALUES,
    "unknown_fields": _UNKNOWN_FIELDS,
    "recovery": Key(problem=flag),
    "recovery_days": Key(problem=_days_problem),
    "alerting": Key(problem=flag),
    "inactivity_minutes": Key(problem=whole(1, MAX_MINUTES)),
    "alert_recipients": Key(problem=_addresses_problem),
    "alert_reminder": Key(problem=one_of(NONE, HOURLY, DAILY)),
    "alert_snoozed_until": Key(problem=_snooze_problem),
}
REALTIME_DEFAULTS: Mapping[str, Any] = {
    "bootstrap": {},
    "null_values": [],
    "unknown_fields": "report",
    "recovery": False,
    "recovery_days": None,
    "alerting": False,
    "inactivity_minutes": DEFAULT_MINUTES,
    "alert_recipients": [],
    "alert_reminder": NONE,
    "alert_snoozed_until": None,
}
_TABLE_PARAMS = {"headers_first_row": Key(problem=flag), "first_row_no": Key(problem=whole(1, 1000))}
_TEXT_PARAMS = {"encoding": Key(problem=text(least=1, most=40)), "null_values": _NULL_VALUES}
_FILE_PARAMS = {"vanished": Key(problem=one_of("remove", "keep")), "allow_shrinking": Key(problem=flag)}
_CSV_PARAMS = {
    **_TEXT_PARAMS,
    **_TABLE_PARAMS,
    "separator": Key(problem=_separator_problem),
    "doublequote": Key(problem=flag),
}
_PARAMS: Mapping[str, Mapping[str, Key]] = {
    "realtime": _REALTIME_PARAMS,
    "csvfile": {**_CSV_PARAMS, **_FILE_PARAMS},
    "jsonfile": {**_TEXT_PARAMS, **_FILE_PARAMS, "json_root": Key(problem=text(most=200))},
    "jsonl": {**_TEXT_PARAMS, **_FILE_PARAMS},
    "geojson": {**_TEXT_PARAMS, **_FILE_PARAMS},
    "xlsx": {
        **_TABLE_PARAMS,
        **_FILE_PARAMS,
        "sheet": Key(problem=text(least=1, most=31)),
        "null_values": _NULL_VALUES,
    },
}
# Of a file null takes a param away: it is then found out again, or has its default.
_CHANGED_PARAMS: Mapping[str, Mapping[str, Key]] = {
    **{kind: {name: _or_null(key) for name, key in keys.items()} for kind, keys in _PARAMS.items()},
    "realtime": _REALTIME_PARAMS,
}
