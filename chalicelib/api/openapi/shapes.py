"""Shapes that many schemas have."""

from chalicelib.api.openapi.operation import Json, list_of, ref
from chalicelib.domain.errors import MAX_DETAILS

TEXT: Json = {"type": "string"}
WHOLE: Json = {"type": "integer", "minimum": 0}
FLAG: Json = {"type": "boolean"}
MOMENT: Json = {"type": "string", "format": "date-time"}
UID: Json = {"type": "string", "pattern": "^[a-z]{2}_[0-9a-z]{6}$"}
ANY: Json = {"type": "object"}


def details() -> Json:
    """Why records were refused."""
    return list_of(ref("RecordRefusal"), maxItems=MAX_DETAILS)


def entry() -> Json:
    """An entry of a stack."""
    return {
        "type": "object",
        "properties": {"uid": UID, "type": TEXT, "label": TEXT},
        "required": ["uid", "type"],
    }
