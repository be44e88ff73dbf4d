"""The state is saved while the local cloud runs."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

from infra.local.environments import ROOT
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


SAVES_FOR_EVER = """
import asyncio, os, socket, sys, time
from infra.local.snapshots import Snapshots

def save():
    print(os.getpid(), flush=True)
    time.sleep(60)

port = socket.create_server(("127.0.0.1", 0))
print(port.getsockname()[1], flush=True)
asyncio.run(Snapshots(lambda: None, save).save_now())
"""


def test_a_save_holds_no_port_open_and_ends_with_the_cloud_that_is_killed():
    cloud = subprocess.Popen([sys.executable, "-c", SAVES_FOR_EVER], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert cloud.stdout is not None
    with cloud.stdout as said:
        port, child = int(said.readline()), int(said.readline())
        assert not any("socket" in str(file.readlink()) for file in Path(f"/proc/{child}/fd").iterdir())
        cloud.kill()
        cloud.wait()
        socket.create_server(("127.0.0.1", port)).close()
        killed = time.monotonic()
        assert said.read() == ""  # once nobody is left that could write more
        assert time.monotonic() - killed < 10
