"""Multipart forms: the small file upload that clients of the management API know."""

import io

from chalice.app import Request

from chalicelib.api.http import body_of
from chalicelib.domain.errors import ValidationFailed

_HOW = 'send it as multipart/form-data with one part named "file", as curl -F file=@data.csv does'
_IN_MEMORY = 2**24  # bytes, more than the gateway carries: no part goes by way of a temporary file


def is_json(request: Request) -> bool:
    """Whether the body is a JSON object, or says that it is JSON. A form begins with hyphens, whatever it says."""
    is_said = str(request.headers.get("content-type", "")).lower().startswith("application/json")
    return is_said or body_of(request).removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{")


def uploaded_part(request: Request) -> tuple[str, bytes]:
    """File name and bytes of the form's file part."""
    from multipart import MultipartError, MultipartParser, parse_options_header  # noqa: PLC0415 - rare, and not free

    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind.lower() != "multipart/form-data" or not options.get("boundary"):
        raise ValidationFailed({"file": [f"no file: {_HOW}"]})
    try:
        body = io.BytesIO(body_of(request))
        parts = list(MultipartParser(body, options["boundary"], spool_limit=_IN_MEMORY, memory_limit=_IN_MEMORY))
    except (MultipartError, ValueError):
        raise ValidationFailed({"file": [f"the form is broken: {_HOW}"]}) from None
    files = [part for part in parts if part.filename] or [part for part in parts if part.name == "file"]
    if len(files) != 1:
        raise ValidationFailed({"file": [f"the form has {len(files)} files: {_HOW}"]})
    return files[0].filename or "file", files[0].raw
