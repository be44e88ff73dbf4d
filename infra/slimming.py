"""Make a Lambda package small and quick to start: compiled, without what the application never opens.

A package as `chalice package` leaves it holds the descriptions of every AWS service and no byte code, which Lambda
cannot cache: each cold start would parse and compile again. Nothing here changes what the code does.
"""

import importlib.util
import marshal
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

SERVICES = frozenset({"dynamodb", "lambda", "s3", "sqs", "secretsmanager", "scheduler", "ses", "sesv2", "ssm", "sts"})
"""The AWS services whose descriptions stay in the package; botocore knows no other at run time."""

_KEPT_OF_DIST_INFO = ("METADATA", "entry_points.txt", "licen", "copying", "notice")
_DEAD_SUFFIXES = (".pyi", ".pyx", ".pxd", ".c", ".h", ".exe")
_DEAD_NAMES = frozenset({"py.typed", "examples-1.json", "examples-1.json.gz"})
_DEAD_FOLDERS = frozenset({"tests", "__pycache__", "swagger_ui"})
_OURS = frozenset({"app.py", "chalicelib"})
_EPOCH = (1980, 1, 1, 0, 0, 0)


def is_needed(name: str) -> bool:
    """Tell whether the package's file `name` (a path inside the zip) can ever be read by the application."""
    path = PurePosixPath(name)
    top = path.parts[0]
    if top in _OURS:
        return "__pycache__" not in path.parts
    if top.endswith(".dist-info"):
        return any(word.lower() in name.lower() for word in _KEPT_OF_DIST_INFO)
    if top.endswith(".data") or path.name in _DEAD_NAMES or path.suffix in _DEAD_SUFFIXES:
        return False
    if _DEAD_FOLDERS.intersection(path.parts[:-1]):
        return False
    if path.parts[:2] == ("botocore", "data") and len(path.parts) > 3:  # botocore/data/<service>/...
        return path.parts[2] in SERVICES
    return True


def compiled_name(name: str) -> str:
    """Where Python 3.11 looks for the byte code of the module file `name`."""
    return str(PurePosixPath(importlib.util.cache_from_source(name)))


def byte_code(name: str, source: bytes) -> bytes:
    """Compile `source` to byte code that is trusted without looking at the source's time or content.

    Files of a Lambda package cannot change under it, and their times mean nothing: no check is both safe and quickest.
    """
    code = compile(source, name, "exec", dont_inherit=True)
    unchecked = (0b01).to_bytes(4, "little")  # PEP 552: by hash, never compared
    return importlib.util.MAGIC_NUMBER + unchecked + importlib.util.source_hash(source) + marshal.dumps(code)


def slim(package: Path, slimmed: Path) -> int:
    """Write `package` again as `slimmed`, with byte code and without dead weight; answer its size in bytes.

    The same input gives the same bytes: entries are sorted and carry one fixed time.
    """
    with zipfile.ZipFile(package) as source:
        files = {name: source.read(name) for name in source.namelist() if not name.endswith("/") and is_needed(name)}
    with zipfile.ZipFile(slimmed, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as target:
        for name, content in sorted(_with_byte_code(files.items())):
            target.writestr(_entry(name), content)
    return slimmed.stat().st_size


def _with_byte_code(files: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
    for name, content in files:
        yield name, content
        if name.endswith(".py"):
            yield compiled_name(name), byte_code(name, content)


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    # Lambda runs as another user than the one who packaged: readable by all.
    entry.external_attr = (0o755 if name.endswith(".so") else 0o644) << 16
    return entry
