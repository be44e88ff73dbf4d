"""Saving: the emulator wrote each service over what it had saved before, so that a kill meanwhile left services of
different moments, and went on when one could not be written.
"""

from pathlib import Path

from ministack import app as emulator
from ministack.core import persistence
from ministack.services import lambda_svc

from infra.local.saves import Saves


class NotSaved(Exception):  # noqa: N818 - it says what happened
    """Some services' state could not be written; the emulator has logged why."""


def apply(saves: Saves | None) -> None:
    """Make the emulator's last act a save like the others; without `saves` it keeps nothing and needs none."""
    if saves is not None:
        emulator.save_all = lambda _: _save(saves)


def write_services(folder: Path) -> None:
    """Write what the emulator keeps in memory into `folder`, over whatever is there. Raises NotSaved."""
    persistence.STATE_DIR, lambda_svc.CODE_BLOB_DIR = str(folder), str(folder / "lambda-blobs")
    for old in folder.glob("*.json"):
        old.unlink()
    services = emulator._build_persistence_save_dict()
    persistence.save_all(services)
    missing = [name for name in services if not (folder / f"{name}.json").exists()]
    if missing:
        raise NotSaved(", ".join(missing))


def _save(saves: Saves) -> None:
    try:
        saves.begin()
        saves.finish(write_services)
    except (OSError, NotSaved):
        persistence.logger.exception("The state could not be saved; the one saved before stays")
