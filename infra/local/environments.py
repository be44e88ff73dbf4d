"""The virtual environments of the project, made when missing and brought up to date when their pins change.

    python3.11 -m infra.local.environments run|test

Runs before anything is installed: nothing but the standard library.
"""

import fcntl
import hashlib
import json
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
_STAMP = "freshwire-pins.json"


@dataclass(frozen=True, kw_only=True)
class Environment:
    """A virtual environment: where, and which requirement files it holds (all relative to the project)."""

    name: str
    folder: str
    requirements: tuple[str, ...]
    flags: tuple[str, ...] = ()


RUN = Environment(name="run", folder=".venv", requirements=("requirements.txt", "infra/requirements.txt"))
TEST = Environment(name="test", folder=".venv", requirements=("requirements-dev.txt",))
EMULATOR = Environment(
    name="emulator",
    folder=".local/ministack-venv",
    requirements=("infra/local/requirements.txt",),
    flags=("--no-deps",),  # the file pins every package there is
)
_NEEDED = {"run": (RUN, EMULATOR), "test": (TEST, EMULATOR), "check": (TEST,), "package": (RUN,)}


class CannotInstall(Exception):  # noqa: N818 - it says what happened
    """An environment could not be made; the message says why."""


def python_of(environment: Environment, project: Path = ROOT) -> Path:
    """The environment's interpreter, whether it exists yet or not."""
    return project / environment.folder / "bin" / "python"


def pins_of(environment: Environment, project: Path = ROOT) -> str:
    """SHA-256, hex, over the environment's requirement files and those they include."""
    digest = hashlib.sha256()
    waiting = [project / name for name in environment.requirements]
    while waiting:
        path = waiting.pop(0)
        text = path.read_text()
        digest.update(text.encode())
        waiting += [path.parent / name for name in re.findall(r"^-r\s+(\S+)", text, re.MULTILINE)]
    return digest.hexdigest()


def is_current(environment: Environment, project: Path = ROOT) -> bool:
    """Tell whether the environment works and holds what its requirement files say."""
    if _stamps(environment, project).get(environment.name) != pins_of(environment, project):
        return False
    return _works(python_of(environment, project))


def ensure(environment: Environment, project: Path = ROOT) -> bool:
    """Make the environment or bring it up to date; answer whether there was anything to do. Raises CannotInstall."""
    if is_current(environment, project):
        return False
    folder = project / environment.folder
    python = python_of(environment, project)
    if not _works(python):
        _run([sys.executable, "-m", "venv", "--clear", str(folder)], f"{environment.folder} could not be made")
    # Byte code is written when a module is first used: most of these modules never are.
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    files = [part for name in environment.requirements for part in ("-r", str(project / name))]
    _run([*install, *environment.flags, *files], f"What {environment.folder} needs could not be installed")
    stamps = {environment.name: pins_of(environment, project)}
    if environment == TEST:
        stamps[RUN.name] = pins_of(RUN, project)  # the tests' requirements include them
    (folder / _STAMP).write_text(json.dumps(stamps))
    return True


def ensure_all(environments: tuple[Environment, ...], project: Path = ROOT) -> list[str]:
    """Bring several environments up to date side by side; answer the folders where there was something to do."""
    (project / ".local").mkdir(exist_ok=True)
    with (project / ".local" / "environments.lock").open("w") as lock, ThreadPoolExecutor() as side_by_side:
        fcntl.flock(lock, fcntl.LOCK_EX)
        changed = list(side_by_side.map(lambda environment: ensure(environment, project), environments))
    return [environment.folder for environment, made in zip(environments, changed, strict=True) if made]


def _stamps(environment: Environment, project: Path) -> dict[str, str]:
    try:
        return dict(json.loads((project / environment.folder / _STAMP).read_text()))
    except (OSError, ValueError):
        return {}


def _works(python: Path) -> bool:
    return python.exists() and subprocess.run([str(python), "-c", ""], check=False).returncode == 0


def _run(command: list[str], problem: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CannotInstall(f"{problem}:\n{done.stdout}{done.stderr}")


def main() -> None:
    """Bring the environments up to date that the target named on the command line needs."""
    if sys.version_info[:2] != (3, 11):
        sys.exit("Freshwire runs on Python 3.11, the version of its functions on AWS.")
    started = time.perf_counter()
    try:
        made = ensure_all(_NEEDED[sys.argv[1]])
    except CannotInstall as problem:
        sys.exit(str(problem))
    if made:
        print(f"  {time.perf_counter() - started:5.1f} s  installed {' and '.join(made)}", flush=True)


if __name__ == "__main__":
    main()
