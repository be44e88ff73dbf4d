"""The check for keys in logs catches a key however it gets there."""

import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HEAD = """
import logging, sys
from chalicelib.telemetry import logger
from chalicelib.domain.identifiers import derive_push_key, new_api_key
from chalicelib.domain.source_secrets import take_out
from tests.no_secrets import inspect_kept
"""
PLANTED = {
    "by the product's logger": "logger.info('pushed', extra={'url': '?pushkey=' + derive_push_key('s', 're_0', 'n')})",
    "in a sentence": "logging.getLogger('any').warning('key %s', new_api_key())",
    "cut off from its shape": "logging.getLogger('any').warning('x' + 'ab' + new_api_key() + 'cd')",
    "in a traceback": "\n    try: raise ValueError(new_api_key())\n    except ValueError: logger.exception('failed')",
    "on standard output": "print(new_api_key())",
    "on standard error": "sys.stderr.write(new_api_key())",
    "a source's password": (
        "take_out({'connection': {'auth': {'type': 'basic_auth', 'username': 'u', 'password': 'pass word ' * 2}}})\n"
        "    logger.info('pass word ' * 2)"
    ),
    "a source's header in a table": (
        "take_out({'connection': {}, 'headers': [{'name': 'X', 'value': 'Secret' * 4}]})\n"
        "    inspect_kept(lambda: 'a' + 'Secret' * 4, 'a table')"
    ),
    "made elsewhere": "print('0123456789abcdef' * 3 + '01234567')",
}
ALLOWED = {
    "its fingerprint": "from chalicelib.domain.identifiers import fingerprint; logger.info(fingerprint(new_api_key()))",
    "a record id": "print('0123456789abcdef0123456789abcdef01234567')",
    "a text of one letter that was also a header": (
        "take_out({'connection': {}, 'headers': [{'name': 'X', 'value': 'v' * 2040}]})\n    logger.info('v' * 3000)"
    ),
    "nothing": "new_api_key()",
}
AFTER_THE_LAST_TEST = """
def pytest_sessionfinish(session):
    if not session.config.getoption("numprocesses") or hasattr(session.config, "workeroutput"):
        logging.getLogger("any").warning(new_api_key())
"""


def run(folder: Path, statements: Iterable[str], *options: str) -> "subprocess.CompletedProcess[str]":
    """A run of a test for each statement."""
    tests = [f"def test_{number}():\n    {statement}\n" for number, statement in enumerate(statements)]
    file = folder / "test_planted.py"
    file.write_text("\n".join([HEAD, *tests]))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.no_secrets", "-p", "no:cacheprovider", *options]
    return subprocess.run(
        [*command, "--rootdir", str(folder), str(file)], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_a_planted_key_fails_the_test_that_wrote_it(tmp_path: Path) -> None:
    statements = [ALLOWED["nothing"], *PLANTED.values(), ALLOWED["nothing"]]
    done = run(tmp_path, statements, "-rA")
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout
    failed = {int(number) for number in re.findall(r"^(?:FAILED|ERROR) .*::test_(\d+)", done.stdout, re.MULTILINE)}
    assert failed == set(range(1, len(PLANTED) + 1)), [name for n, name in enumerate(PLANTED, 1) if n not in failed]
    assert done.stdout.count("a key or secret was written where it has no place") >= len(PLANTED)


def test_a_key_in_a_record_is_found_when_nothing_is_captured(tmp_path: Path) -> None:
    done = run(tmp_path, [PLANTED["by the product's logger"]], "-s")
    assert done.returncode == pytest.ExitCode.TESTS_FAILED


@pytest.mark.parametrize("options", [(), ("-n", "2")], ids=["in one process", "in several"])
def test_a_key_that_is_written_after_the_last_test_fails_the_run(tmp_path: Path, options: tuple[str, ...]) -> None:
    (tmp_path / "conftest.py").write_text(f"{HEAD}{AFTER_THE_LAST_TEST}")
    done = run(tmp_path, [ALLOWED["nothing"]], *options)
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout
    assert "a key or secret was written where it has no place" in done.stdout + done.stderr


def test_what_is_no_key_may_be_logged(tmp_path: Path) -> None:
    done = run(tmp_path, ALLOWED.values())
    assert done.returncode == pytest.ExitCode.OK, done.stdout


def test_this_run_is_watched(pytestconfig: pytest.Config) -> None:
    assert pytestconfig.pluginmanager.has_plugin("no-secrets")
