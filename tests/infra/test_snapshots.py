"""The state is saved while the local cloud runs."""

import asyncio
import os
import time
from pathlib import Path

from infra.local.snapshots import Snapshots


def nothing() -> None:
    pass


def saving_to(path: Path) -> Snapshots:
    def save() -> None:
        path.write_text(f"{path.read_text() if path.exists() else ''}{os.getpid()}\n")

    return Snapshots(nothing, save)


def test_a_child_saves_and_this_process_goes_on(tmp_path: Path):
    file = tmp_path / "state"
    assert asyncio.run(saving_to(file).save_now()) is True
    assert int(file.read_text()) != os.getpid()


def test_a_save_that_fails_says_so():
    def fail() -> None:
        raise OSError("no space left")

    assert asyncio.run(Snapshots(nothing, fail).save_now()) is False
    assert asyncio.run(Snapshots(fail, nothing).save_now()) is False


def test_it_saves_once_after_the_last_request_and_not_without_one(tmp_path: Path):
    file = tmp_path / "state"
    snapshots = saving_to(file)

    async def run() -> list[int]:
        saves: list[int] = []
        running = asyncio.create_task(snapshots.run(idle_seconds=0.1, look_every=0.02))
        for requests in (0, 1, 3):
            for _ in range(requests):
                snapshots.note_request()
                await asyncio.sleep(0.05)
            await asyncio.sleep(0.5)
            saves.append(len(file.read_text().splitlines()) if file.exists() else 0)
        running.cancel()
        return saves

    assert asyncio.run(run()) == [0, 1, 2]


def test_stopping_ends_a_save_that_is_going_on():
    snapshots = Snapshots(nothing, lambda: time.sleep(60))

    async def run() -> list[bool]:
        saving = asyncio.create_task(snapshots.save_now())
        await asyncio.sleep(0.1)
        snapshots.stop()
        return [await saving, await snapshots.save_now()]

    started = time.monotonic()
    assert asyncio.run(run()) == [False, False]
    assert time.monotonic() - started < 10
