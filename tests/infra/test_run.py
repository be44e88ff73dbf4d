"""`make run`, `make stop`, `make reset`, from the first start to a killed cloud."""

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from infra.local import process
from infra.local.environments import ROOT
from infra.local.process import CloudProblem, Running
from infra.local.run import Keeper

pytestmark = pytest.mark.local_cloud

KEY = re.compile(r"API key, shown this once: (\S+)")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This very project, with a `.local` folder of its own."""
    monkeypatch.setenv("DEMO", "0")
    monkeypatch.delenv("FRESHWIRE_API_KEY", raising=False)
    for name in ("app.py", "chalicelib", "infra", ".chalice", "requirements.txt"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / ".local").mkdir()
    (tmp_path / ".local" / "ministack-venv").symlink_to(ROOT / ".local" / "ministack-venv")
    return tmp_path


@pytest.fixture
def port() -> int:
    """A port that is free, and the one after it too."""
    while True:
        with process.bind(0) as listening:
            number = int(listening.getsockname()[1])
        try:
            process.bind(number + 1).close()
        except CloudProblem:
            continue
        return number


@pytest.fixture
def keeper(project: Path) -> Iterator[Keeper]:
    keeper = Keeper(project)
    yield keeper
    keeper.reset()


def running_cloud(project: Path) -> Running:
    words = (project / ".local" / "cloud.json").read_text()
    return Running(**{name: int(value) for name, value in re.findall(r'"(\w+)": (\d+)', words)})


def may_manage(port: int, key: str) -> bool:
    url = f"http://127.0.0.1:{port}/api/automation/v1.0/datasets/"
    return httpx.get(url, headers={"Authorization": f"Apikey {key}"}, timeout=30).status_code == 200


def test_a_cloud_from_its_first_start_to_its_end(
    keeper: Keeper, project: Path, port: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    keeper.start(port)
    first = capsys.readouterr().out
    (key,) = KEY.findall(first)
    assert first.rstrip().endswith("ready")
    assert f"http://127.0.0.1:{port}" in first
    assert may_manage(port, key)

    keeper.start(port)
    second = capsys.readouterr().out
    assert "already runs" in second
    assert "ready" in second
    assert key not in second

    os.kill(running_cloud(project).pid, signal.SIGKILL)
    while process.answers(port):
        pass
    keeper.start(port)
    third = capsys.readouterr().out
    assert "goes on from the state it saved last" in third
    assert not KEY.findall(third)
    assert may_manage(port, key)

    monkeypatch.setenv("FRESHWIRE_API_KEY", "a-key-of-my-own-choice-0123456789abcdef")
    keeper.start(port)
    assert may_manage(port, "a-key-of-my-own-choice-0123456789abcdef")
    assert may_manage(port, key)

    keeper.stop()
    assert not process.answers(port)
    keeper.stop()
    assert "does not run" in capsys.readouterr().out

    kept = [path.read_bytes() for path in (project / ".local").rglob("*.log")]
    assert not any(key.encode() in log for log in kept)
    keeper.reset()
    assert not (project / ".local" / "state").exists()


def test_a_port_in_use_is_told_before_anything_is_started(keeper: Keeper, project: Path):
    with process.bind(0) as taken, pytest.raises(CloudProblem, match="PORT="):
        keeper.start(taken.getsockname()[1])
    assert not (project / ".local" / "cloud.json").exists()
