"""Start local clouds, and run Python where the emulator is installed."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from infra.local import cloud, process
from infra.local.environments import ROOT
from infra.local.process import Running
from infra.package import make_package

APPLICATION = Path(__file__).with_name("echo_app.py")


def in_emulator(program: str) -> Any:
    """Run `program` in the emulator's environment and answer the JSON of the last line it prints."""
    done = subprocess.run(
        [cloud.emulator_python(), "-c", program],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "LOG_LEVEL": "ERROR", "IOT_MTLS_ENABLED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def echo_project(folder: Path) -> Path:
    """A project like this one with the small application of the tests, which needs nothing but Chalice."""
    (folder / "chalicelib").mkdir()
    (folder / "chalicelib" / "__init__.py").touch()
    (folder / "requirements.txt").touch()
    (folder / "infra").mkdir()
    shutil.copytree(ROOT / ".chalice", folder / ".chalice", ignore=shutil.ignore_patterns("deploy*"))
    shutil.copyfile(ROOT / "infra" / "app-merge.yaml", folder / "infra" / "app-merge.yaml")
    shutil.copyfile(APPLICATION, folder / "app.py")
    return folder


@contextmanager
def running_process(folder: Path, *, state: Path | None = None) -> Iterator[Running]:
    """A local cloud without an application, stopped afterwards."""
    running = process.start(python=cloud.emulator_python(), project=ROOT, log=folder / "cloud.log", state=state)
    try:
        yield running
    finally:
        process.stop(running)


@contextmanager
def echo_cloud(folder: Path) -> Iterator[Running]:
    """A local cloud with the tests' small application deployed."""
    package = make_package(stage=cloud.STAGE, project=echo_project(folder))
    with running_process(folder) as running:
        cloud.deploy(running, package)
        yield running
