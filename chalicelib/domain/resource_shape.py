"""The shape of a resource's body, by its type."""

from collections.abc import Mapping
from typing import Any

import orjson

from chalicelib.domain.errors import ValidationFailed
from chalicelib.domain.identifiers import is_slug, is_uid
from chalicelib.domain.shape import REQUIRED, Key, an_object, checked, flag, one_of, text, texts, whole

FILE_TYPES = ("csvfile", "jsonfile", "jsonl")
TYPES = ("realtime", *FILE_TYPES)
MAX_BOOTSTRAP = 100_000  # bytes of JSON


def checked_resource(
    body: Any, kind: str | None = None, *, read_only: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The resource's values with `params` complete; ValidationFailed names what is wrong. `kind` is the type of a
    resource that exists: neither it nor the resource id can change, the id is part of the push URL."""
    given = body.get("type", kind) if isinstance(body, dict) else None
    if given is None:
        raise ValidationFailed({"type": [f"{REQUIRED}: one of {', '.join(TYPES)}"]})
    if kind is not None and given != kind:
        raise ValidationFailed({"type": ["the type of a resource cannot change: delete it and create another"]})
    if given not in TYPES:
        raise ValidationFailed({"type": [f"unknown type; use one of {', '.join(TYPES)}"]})
    is_realtime = given == "realtime"
    keys = {**_KEYS, "datasource": _KEYS["datasource"] if is_realtime else _FILE_SOURCE}
    if kind is None:
        keys["resource_id"] = Key(problem=_slug_problem)
    known = {name: value for name, value in (read_only or {}).items() if name not in keys}
    values = checked(body, keys, read_only=known)
    values.setdefault("type", given)
    values.setdefault("title", "Realtime" if is_realtime else given)
    shown_url = {"push_url": values.get("params", {}).get("push_url")}  # clients send it back as they got it
    values["params"] = checked(values.get("params", {}), _PARAMS[given], read_only=shown_url)
    return values


def _datasource_problem(value: Any) -> str | None:
    return None if value is None else "a realtime source has none: leave it null"


def _file_source_problem(value: Any) -> str | None:
    match value:
        case {"type": "uploaded_file", "file": {"uid": str(uid)}} if is_uid(uid):
            return None
    return 'expected {"type": "uploaded_file", "file": {"uid": ...}} with the uid that the upload answered'


def _bootstrap_problem(value: Any) -> str | None:
    if not (isinstance(value, dict) or (isinstance(value, list) and all(isinstance(v, dict) for v in value))):
        return "expected one record (an object), or an array of records"
    size = len(orjson.dumps(value))
    return None if size <= MAX_BOOTSTRAP else f"{size} bytes, the limit is {MAX_BOOTSTRAP}: some records suffice"


def _slug_problem(value: Any) -> str | None:
    return None if isinstance(value, str) and is_slug(value) else "expected a slug of a-z, 0-9, - and _"


def _single_character(value: Any) -> str | None:
    return None if isinstance(value, str) and len(value) == 1 else "expected one character"


_KEYS = {
    "type": Key(problem=one_of(*TYPES)),
    "title": Key(problem=text(least=1, most=300)),
    "params": Key(problem=an_object),
    "datasource": Key(problem=_datasource_problem),
}
_FILE_SOURCE = Key(problem=_file_source_problem, required=True)
_NULL_VALUES = Key(problem=texts(most=20))
_UNKNOWN_FIELDS = Key(problem=one_of("report", "refuse"))
_NOT_YET = Key(problem=lambda value: None if value is False else "not offered by this version: leave it false")
_REALTIME_PARAMS = {
    "bootstrap": Key(problem=_bootstrap_problem),
    "push_enabled": Key(problem=flag),
    "null_values": _NULL_VALUES,
    "unknown_fields": _UNKNOWN_FIELDS,
    "recovery": _NOT_YET,
    "alerting": _NOT_YET,
    "inactivity_minutes": Key(problem=whole(1, 525_600)),
    "alert_recipients": Key(problem=texts(most=20)),
}
REALTIME_DEFAULTS: Mapping[str, Any] = {
    "bootstrap": {},
    "null_values": [],
    "unknown_fields": "report",
    "recovery": False,
    "alerting": False,
    "inactivity_minutes": 5,
    "alert_recipients": [],
}
_CSV_PARAMS = {
    "encoding": Key(problem=text(least=1, most=40)),
    "separator": Key(problem=_single_character),
    "headers_first_row": Key(problem=flag),
    "first_row_no": Key(problem=whole(1, 1000)),
    "doublequote": Key(problem=flag),
    "null_values": _NULL_VALUES,
}
_PARAMS: Mapping[str, Mapping[str, Key]] = {
    "realtime": _REALTIME_PARAMS,
    "csvfile": _CSV_PARAMS,
    "jsonfile": {"json_root": Key(problem=text(most=200)), "null_values": _NULL_VALUES},
    "jsonl": {"null_values": _NULL_VALUES},
}
