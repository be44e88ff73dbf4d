"""Virtual environments are made again when their pins change, and only then."""

import json
import sys
from pathlib import Path

import pytest

from infra.local.environments import CannotInstall, Environment, ensure, is_current, pins_of, python_of

ANY = Environment(name="any", folder="venv", requirements=("all.txt",))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "all.txt").write_text("-r some.txt\n")
    (tmp_path / "some.txt").write_text("# nothing\n")
    python = python_of(ANY, tmp_path)
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    return tmp_path


def stamp(project: Path) -> None:
    (project / "venv" / "freshwire-pins.json").write_text(json.dumps({"any": pins_of(ANY, project)}))


def test_an_environment_with_its_pins_is_current(project: Path):
    stamp(project)
    assert is_current(ANY, project)
    assert ensure(ANY, project) is False


@pytest.mark.parametrize("file", ["all.txt", "some.txt"])
def test_a_changed_pin_makes_it_out_of_date_even_in_an_included_file(project: Path, file: str):
    stamp(project)
    (project / file).write_text("# something\n")
    assert not is_current(ANY, project)


def test_an_environment_whose_python_has_gone_is_not_current(project: Path):
    stamp(project)
    python_of(ANY, project).unlink()
    assert not is_current(ANY, project)


def test_what_cannot_be_installed_is_told_in_a_sentence(project: Path):
    (project / "some.txt").write_text("./no-such-folder\n")
    with pytest.raises(CannotInstall, match="What venv needs could not be installed"):
        ensure(ANY, project)
