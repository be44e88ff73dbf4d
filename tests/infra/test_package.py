"""The Lambda package: what stays in it, how it is compiled, when it is made again."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from infra.package import fingerprint_of
from infra.slimming import compiled_name, is_needed, slim
from tests.infra.emulator import echo_project


@pytest.mark.parametrize(
    "name",
    [
        "app.py",
        "chalicelib/console/static/tests/a.h",
        "botocore/data/endpoints.json",
        "botocore/data/partitions.json",
        "botocore/data/dynamodb/2012-08-10/service-2.json.gz",
        "botocore/data/sesv2/2019-09-27/endpoint-rule-set-1.json.gz",
        "botocore/cacert.pem",
        "aws_lambda_powertools-3.37.0.dist-info/METADATA",
        "orjson-3.13.0.dist-info/licenses/LICENSE-APACHE",
        "orjson/orjson.cpython-311-x86_64-linux-gnu.so",
    ],
)
def test_what_may_be_read_stays(name: str):
    assert is_needed(name)


@pytest.mark.parametrize(
    "name",
    [
        "botocore/data/ec2/2016-11-15/service-2.json.gz",
        "botocore/data/s3/2006-03-01/examples-1.json",
        "jmespath-1.1.0.data/scripts/jp.py",
        "six-1.17.0.dist-info/RECORD",
        "pynamodb/py.typed",
        "pynamodb/attributes.pyi",
        "chalicelib/__pycache__/config.cpython-311.pyc",
        "lark/tests/test_lark.py",
    ],
)
def test_what_is_never_read_goes(name: str):
    assert not is_needed(name)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    path = tmp_path / "package.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("app.py", "VALUE = 1\n")
        archive.writestr("chalicelib/__init__.py", "")
        archive.writestr("botocore/data/ec2/2016-11-15/service-2.json", "{}")
    return path


def test_the_same_package_gives_the_same_bytes(package: Path, tmp_path: Path):
    first, second = tmp_path / "1.zip", tmp_path / "2.zip"
    assert slim(package, first) == slim(package, second) == len(first.read_bytes())
    assert first.read_bytes() == second.read_bytes()


def test_python_runs_the_byte_code_without_looking_at_the_source(package: Path, tmp_path: Path):
    slimmed, unpacked = tmp_path / "slimmed.zip", tmp_path / "unpacked"
    slim(package, slimmed)
    with zipfile.ZipFile(slimmed) as archive:
        archive.extractall(unpacked)
    assert (unpacked / compiled_name("app.py")).exists()
    (unpacked / "app.py").write_text("VALUE = 2\n")  # nobody looks, so the compiled 1 is what runs
    done = subprocess.run(
        [sys.executable, "-c", "import app; print(app.VALUE)"], cwd=unpacked, capture_output=True, text=True, check=True
    )
    assert done.stdout == "1\n"


def test_the_fingerprint_changes_with_whatever_the_package_is_made_of(tmp_path: Path):
    project = echo_project(tmp_path)
    seen = {fingerprint_of(project, "local"), fingerprint_of(project, "prod")}
    for path in (
        "app.py",
        "chalicelib/__init__.py",
        "requirements.txt",
        "infra/app-merge.yaml",
        ".chalice/config.json",
    ):
        file = project / path
        file.write_text(file.read_text() + "\n")
        seen.add(fingerprint_of(project, "local"))
    (project / "chalicelib" / "new.py").touch()
    seen.add(fingerprint_of(project, "local"))
    (project / "chalicelib" / "new.py").rename(project / "chalicelib" / "newer.py")
    seen.add(fingerprint_of(project, "local"))
    assert len(seen) == 9
    assert fingerprint_of(project, "local") == fingerprint_of(project, "local")
