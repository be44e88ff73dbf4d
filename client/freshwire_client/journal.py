"""Which records of a file are acknowledged, kept beside the file so that an interrupted transfer can go on."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from freshwire_client.errors import Failed

_SUFFIX = ".freshwire-progress"
_HEAD = 64 * 1024  # bytes of the file that tell it from another


class Journal:
    """The journal of one file and one target (a URL without its key; only its hash is kept)."""

    def __init__(self, file: Path, target: str) -> None:
        self._file, self._path = file, file.with_name(file.name + _SUFFIX)
        self._identity = {"file": _identity(file), "target_sha256": hashlib.sha256(target.encode()).hexdigest()}
        self.is_kept = False

    def acknowledged(self) -> int:
        """How many records the last transfer got through; 0 when there was none. Failed when it was of another file
        or to another target."""
        try:
            kept: dict[str, Any] = json.loads(self._path.read_text(encoding="utf-8"))
            count = int(kept.pop("acknowledged"))
        except FileNotFoundError:
            return 0
        except (OSError, ValueError, KeyError, AttributeError, TypeError):
            raise Failed(f"{self._path} cannot be read: start again without --resume. {_HARMLESS}") from None
        if kept != self._identity:
            raise Failed(
                f"{self._file} has changed since it was interrupted, or it went to another URL: start again without "
                f"--resume. {_HARMLESS}"
            )
        self.is_kept = True
        return count

    def note(self, acknowledged: int) -> None:
        """Write down that the first records of the file, so many, are acknowledged. A folder that cannot be written
        to is no reason to stop: `is_kept` tells."""
        content = json.dumps({**self._identity, "acknowledged": acknowledged})
        beside = self._path.with_name(self._path.name + ".new")
        try:
            beside.write_text(content, encoding="utf-8")
            beside.replace(self._path)  # whole or not at all, whenever it is interrupted
        except OSError:
            self.is_kept = False
        else:
            self.is_kept = True

    def remove(self) -> None:
        """There is nothing to go on with: the transfer is done, or begins anew."""
        with suppress(OSError):
            self._path.unlink()
        self.is_kept = False


def _identity(file: Path) -> dict[str, Any]:
    status = file.stat()
    with file.open("rb") as opened:
        head = hashlib.sha256(opened.read(_HEAD)).hexdigest()
    return {"size": status.st_size, "mtime_ns": status.st_mtime_ns, "head_sha256": head}


_HARMLESS = "Sending records again is harmless."
