"""Make the application's Lambda package and template: `python -m infra.package --stage prod`.

`chalice package` does the packaging; here its template is completed from `app-merge.yaml`, its zip slimmed, and the
result kept under `.local/package/<stage>/` for as long as nothing it is made of changes.
"""

import argparse
import fcntl
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from infra.slimming import slim

ROOT = Path(__file__).resolve().parent.parent
PYTHON = (3, 11)
_INPUTS = ("app.py", "chalicelib", "requirements.txt", ".chalice/config.json", "infra/app-merge.yaml")
_OWN_CODE = ("package.py", "slimming.py")
_IGNORED = shutil.ignore_patterns("__pycache__", "*.pyc")


@dataclass(frozen=True, kw_only=True)
class Package:
    """A packaged application: its template (SAM, YAML) naming `./deployment.zip`, that zip, and its fingerprint."""

    template: Path
    archive: Path
    fingerprint: str
    is_new: bool

    @property
    def size(self) -> int:
        """The size of the zip in bytes."""
        return self.archive.stat().st_size


class CannotPackage(Exception):  # noqa: N818 - it says what happened
    """The package was not made; the message says why."""


def make_package(*, stage: str, project: Path = ROOT, output: Path | None = None) -> Package:
    """Package `project` for `stage`, or answer the package made before when nothing changed.

    Raises CannotPackage when Chalice refuses the application.
    """
    if sys.version_info[:2] != PYTHON:
        raise CannotPackage("Packaging needs Python 3.11: Lambda would ignore the byte code of any other.")
    output = output or project / ".local" / "package" / stage
    fingerprint = fingerprint_of(project, stage)
    template, archive, mark = output / "sam.yaml", output / "deployment.zip", output / "fingerprint"
    with _alone(output):
        is_new = not (_reads(mark) == fingerprint and template.exists() and archive.exists())
        if is_new:
            mark.unlink(missing_ok=True)
            built = _run_chalice(project, stage, output)
            slim(built / "deployment.zip", archive)
            shutil.copyfile(built / "sam.yaml", template)
            mark.write_text(fingerprint)
    return Package(template=template, archive=archive, fingerprint=fingerprint, is_new=is_new)


def fingerprint_of(project: Path, stage: str) -> str:
    """SHA-256, hex, over everything the package of `stage` is made of; so is the processor it is made for."""
    digest = hashlib.sha256(f"{stage} {_architecture(project, stage)} chalice {version('chalice')}".encode())
    own = Path(__file__).parent
    inputs = [*(project / name for name in _INPUTS), *_policies(project, stage)]
    for path in [*inputs, *(own / name for name in _OWN_CODE)]:
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(f"\0{file.name}\0{file.relative_to(path)}\0".encode())
                digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _architecture(project: Path, stage: str) -> str:
    """The processor the stage's functions run on; `local` runs on this very machine."""
    config = json.loads((project / ".chalice" / "config.json").read_text())
    chosen = config["stages"].get(stage, {}).get("lambda_architecture")
    return str(chosen or ("arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"))


def _run_chalice(project: Path, stage: str, output: Path) -> Path:
    """Run `chalice package` on a copy of the project (it writes into the folder it packages); answer its output."""
    copy, built = output / "project", output / "built"
    for folder in (copy, built):
        shutil.rmtree(folder, ignore_errors=True)
    _copy_project(project, stage, copy)
    command = [sys.executable, "-c", "from chalice.cli import main; main()", "package", "--stage", stage]
    command += ["--merge-template", str(project / "infra" / "app-merge.yaml"), "--template-format", "yaml", str(built)]
    environment = {"AWS_DEFAULT_REGION": "eu-west-3", **os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0 or not (built / "deployment.zip").exists():
        raise CannotPackage(f"chalice package failed:\n{done.stdout}{done.stderr}")
    if "Could not install dependencies" in done.stdout + done.stderr:
        raise CannotPackage(f"A requirement has no wheel for this processor:\n{done.stdout}{done.stderr}")
    return built


def _copy_project(project: Path, stage: str, copy: Path) -> None:
    (copy / ".chalice").mkdir(parents=True)
    shutil.copytree(project / "chalicelib", copy / "chalicelib", ignore=_IGNORED)
    for path in (project / "app.py", project / "requirements.txt", *_policies(project, stage)):
        shutil.copyfile(path, copy / path.relative_to(project))
    config = json.loads((project / ".chalice" / "config.json").read_text())
    config["stages"].setdefault(stage, {})["lambda_architecture"] = _architecture(project, stage)
    (copy / ".chalice" / "config.json").write_text(json.dumps(config))


def _policies(project: Path, stage: str) -> list[Path]:
    """What the stage's functions may do: a file for each."""
    return sorted((project / ".chalice").glob(f"policy-{stage}*.json"))


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let one process at a time package into `folder`; test runs start several."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _reads(path: Path) -> str | None:
    return path.read_text() if path.exists() else None


def main() -> None:
    """Make the package that the command line asks for and print where it is and how large."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stage", default="prod")
    stage = parser.parse_args().stage
    started = time.perf_counter()
    try:
        package = make_package(stage=stage)
    except CannotPackage as refusal:
        sys.exit(str(refusal))
    made = f"made in {time.perf_counter() - started:.1f} s" if package.is_new else "unchanged since it was made"
    print(f"{package.archive.relative_to(ROOT)}: {package.size:,} bytes, {made}")
    print(f"{package.template.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
