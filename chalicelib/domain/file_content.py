"""File fields: base64 contents in a pushed record, and how their record shows them."""

import base64
import binascii
import hashlib
from typing import Any, NamedTuple

from chalicelib.domain.casting import CastError, shown

# Raster images are shown by browsers; everything else is served as an attachment, never as a page.
INLINE_TYPES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp", "image/bmp", "image/tiff"})
EXTENSIONS = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/gif": "gif",
    "image/webp": "webp",
    "image/bmp": "bmp",
    "image/tiff": "tiff",
    "image/svg+xml": "svg",
    "application/pdf": "pdf",
    "application/json": "json",
    "application/geo+json": "geojson",
    "application/xml": "xml",
    "application/zip": "zip",
    "application/gzip": "gz",
    "application/octet-stream": "bin",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "text/plain": "txt",
    "text/csv": "csv",
    "audio/mpeg": "mp3",
    "audio/ogg": "ogg",
    "audio/wav": "wav",
    "video/mp4": "mp4",
    "video/webm": "webm",
}
_ALIASES = {"image/jpg": "image/jpeg", "audio/mp3": "audio/mpeg", "application/x-gzip": "application/gzip"}
_MAX_NAME = 200


class FileContent(NamedTuple):
    """One pushed file: its bytes, and what the record keeps of it."""

    content: bytes
    sha256: str
    mimetype: str
    filename: str

    def as_stored(self) -> dict[str, Any]:
        """What the stored record keeps: {"filename", "mimetype", "size" in bytes, "sha256"}."""
        return {
            "filename": self.filename,
            "mimetype": self.mimetype,
            "size": len(self.content),
            "sha256": self.sha256,
        }


def cast_file(value: Any) -> FileContent:
    """The file of `{"content": base64, "content-type": type, "filename"?: name}`."""
    if not isinstance(value, dict) or not isinstance(value.get("content"), str):
        raise CastError(f'expected {{"content": "<base64>", "content-type": "image/jpeg"}}, got {shown(value)}')
    declared = value.get("content-type", value.get("content_type"))
    mimetype = _mimetype(declared)
    try:
        content = base64.b64decode("".join(value["content"].split()), validate=True)
    except (binascii.Error, ValueError):
        raise CastError("the content is not base64: send the file's bytes in standard base64") from None
    sha256 = hashlib.sha256(content).hexdigest()
    name = value.get("filename")
    filename = _safe_name(name) if isinstance(name, str) else ""
    return FileContent(content, sha256, mimetype, filename or f"{sha256[:16]}.{EXTENSIONS[mimetype]}")


def _mimetype(declared: Any) -> str:
    if not isinstance(declared, str):
        raise CastError('the file has no "content-type": add it, for example "image/jpeg"')
    mimetype = declared.partition(";")[0].strip().lower()
    mimetype = _ALIASES.get(mimetype, mimetype)
    if mimetype not in EXTENSIONS:
        raise CastError(f"files of type {shown(declared)} are not accepted: use one of {', '.join(sorted(EXTENSIONS))}")
    return mimetype


def _safe_name(name: str) -> str:
    """The last part of the name without control characters or quotes, so that it fits a header."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(c for c in last if c.isprintable() and c not in '";')[:_MAX_NAME].strip(". ")
