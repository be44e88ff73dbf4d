"""What the local cloud keeps on disk: its S3 as it is, and saves, each of everything as it was at one moment.

    s3/           the objects, written by the emulator as they come
    saves/17/     the last save: `services/`, what the emulator keeps in memory, and `s3/`, links to the objects' files
    saves/next/   where the next save is made

A save counts from when it has its number, the highest number counts, and a start puts the objects back to it: a process
that was killed, whenever that was, left all of one moment. Links suffice for this since the emulator replaces files and
never writes into one (`_atomic_write` of its S3).
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

_UNFINISHED = ".tmp"
"""How the emulator's files end until they are whole; no object is kept under such a name."""


class Saves:
    """The saves in one state folder; one process at a time may use it."""

    def __init__(self, state: Path) -> None:
        self.s3 = state / "s3"
        self._saves = state / "saves"
        self._next = self._saves / "next"
        self._without_saves = state / "services"

    def restore(self) -> Path:
        """Put the objects back to the last save and answer the folder of everything else, which may not exist.

        Costs what has changed since the save: nothing after a stop that saved.
        """
        self._saves.mkdir(parents=True, exist_ok=True)
        last = self._last()
        if not last:
            if not self._without_saves.exists():  # where states were kept before there were saves
                shutil.rmtree(self.s3, ignore_errors=True)
            return self._without_saves
        for folder in self._saves.iterdir():
            if folder not in (self._folder(last), self._next):
                shutil.rmtree(folder)
        mirror(self._folder(last) / "s3", self.s3)
        return self._folder(last) / "services"

    def begin(self) -> None:
        """Begin a save with the objects as they are now; costs what has changed since the last one."""
        self.s3.mkdir(parents=True, exist_ok=True)
        mirror(self.s3, self._next / "s3")

    def finish(self, write: Callable[[Path], None]) -> None:
        """Complete the save that was begun: `write` puts everything else, of the same moment, into a folder."""
        services = self._next / "services"
        services.mkdir(exist_ok=True)
        write(services)
        last = self._last()
        made = self._folder(last + 1)
        self._next.rename(made)
        if last:
            self._folder(last).rename(self._next)
        mirror(made / "s3", self._next / "s3")  # so that the next one finds most of its links made

    def _last(self) -> int:
        """The number of the save that counts, 0 without one."""
        return max((int(folder.name) for folder in self._saves.iterdir() if folder.name.isdecimal()), default=0)

    def _folder(self, number: int) -> Path:
        return self._saves / str(number)


def mirror(source: Path, target: Path) -> None:
    """Make `target` hold the files of `source`, as links to the same files, whatever it held before."""
    target.mkdir(parents=True, exist_ok=True)
    with os.scandir(target) as entries:
        held = {entry.name: entry for entry in entries}
    with os.scandir(source) as entries:
        for entry in entries:
            is_folder = entry.is_dir(follow_symlinks=False)
            if not is_folder and entry.name.endswith(_UNFINISHED):
                continue
            old = held.pop(entry.name, None)
            if old is not None and old.inode() != entry.inode() and not (is_folder and old.is_dir()):
                _remove(old)
                old = None
            if is_folder:
                mirror(Path(entry.path), target / entry.name)
            elif old is None:
                (target / entry.name).hardlink_to(entry.path)
    for old in held.values():
        _remove(old)


def _remove(entry: "os.DirEntry[str]") -> None:
    if entry.is_dir(follow_symlinks=False):
        shutil.rmtree(entry.path)
    else:
        Path(entry.path).unlink()
