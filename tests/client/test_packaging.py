"""The client installs by itself, on every Python it says, and leaves nothing out of its page."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

import freshwire_client

CODE = Path(freshwire_client.__file__).parent
CLIENT = CODE.parent
DOCS = CLIENT.parent / "docs"
PAGE = (DOCS / "client.md").read_text()
PROJECT = tomllib.loads((CLIENT / "pyproject.toml").read_text())["project"]
MODULES = sorted(CODE.glob("*.py"))
COMMANDS = ("push", "delete", "batches", "tail")


@pytest.mark.skipif(not (find_spec("setuptools") and find_spec("wheel")), reason="there is nothing to build it with")
def test_it_installs_and_runs_without_any_other_package(tmp_path: Path) -> None:
    shutil.copytree(CLIENT, tmp_path / "client", ignore=shutil.ignore_patterns("__pycache__"))  # it builds in place
    install = [sys.executable, "-m", "pip", "install", "--no-index", "--no-deps", "--no-build-isolation", "--quiet"]
    target = tmp_path / "installed"
    subprocess.run([*install, "--target", str(target), str(tmp_path / "client")], check=True, capture_output=True)
    ran = subprocess.run(
        [str(target / "bin" / "freshwire"), "--version"],
        env={"PYTHONPATH": str(target)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert ran.stdout == f"freshwire {freshwire_client.__version__}\n"


def test_the_command_is_a_function_of_the_package() -> None:
    module, _, function = PROJECT["scripts"]["freshwire"].partition(":")
    assert callable(getattr(import_module(module), function))
    assert PROJECT["dependencies"] == []


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_it_needs_nothing_but_python_3_9_and_its_standard_library(module: Path) -> None:
    assert PROJECT["requires-python"] == ">=3.9"
    tree = ast.parse(module.read_text(), feature_version=(3, 9))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in imported} <= sys.stdlib_module_names | {"freshwire_client"}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_and_exit_status_is_on_the_page(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    run = import_module("freshwire_client.cli").main
    with pytest.raises(SystemExit):
        run([command, "--help"])
    options = set(re.findall(r"--[a-z-]+", capsys.readouterr().out)) - {"--help"}
    assert {option for option in options if f"`{option}" not in PAGE} == set()
    with pytest.raises(SystemExit):
        run(["--help"])
    overview = capsys.readouterr().out
    statuses = re.findall(r"^  (\d+)  ", overview, re.MULTILINE)
    assert statuses == re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE) == ["0", "1", "2", "130"]
    assert {name for name in re.findall(r"FRESHWIRE_\w+", overview) if f"`{name}`" not in PAGE} == set()
