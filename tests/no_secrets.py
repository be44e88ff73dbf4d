"""No key or secret appears in the logs of the tests: a check of the whole run, hooked into `conftest.py`.

It learns every push key and API key that the run makes, looks at every logging record (whatever its logger, with its
extra fields and traceback) and at what each test left on standard output and standard error, and fails the test that
let a key through. Keys have a shape (56 hex characters), so those made in other processes are found as well.

The passwords, tokens and header values of remote sources are learnt as well; they are looked for in answers and in
tables too, where keys have their place. Those that are short or of a few letters only are passed over: such a text
may stand anywhere.
"""

import logging
import re
import sys
import traceback
from collections.abc import Callable, Generator
from functools import wraps
from typing import Any

import pytest

from chalicelib.domain import identifiers, source_secrets
from chalicelib.services import access

_SHAPE = re.compile(r"(?<![0-9a-f])[0-9a-f]{56}(?![0-9a-f])")
_SHORT = 16  # characters
_FEW_LETTERS = 4  # different ones
_MAKERS = ((identifiers, "derive_push_key"), (identifiers, "new_api_key"), (access, "create_api_key"))


class NoSecrets:
    """The keys that were made and the secrets that were given, and where one of them was found."""

    def __init__(self) -> None:
        self._keys: set[str] = set()
        self._source_secrets: set[str] = set()
        self._leaks: list[str] = []
        self.records = 0
        self._elsewhere = [0, 0, 0]

    def note(self, key: str) -> None:
        """Remember a key that must not be seen."""
        self._keys.add(key)

    def note_source_secrets(self, secrets: source_secrets.SourceSecrets) -> None:
        """Remember secrets of a source that must be seen nowhere."""
        given = {secrets.credential or "", *secrets.headers.values()}
        self._source_secrets |= {
            secret for secret in given if len(secret) >= _SHORT and len(set(secret)) > _FEW_LETTERS
        }

    def inspect_kept(self, text: Callable[[], str], where: str) -> None:
        """Look for secrets of sources in what is stored or answered; the text is made when there are any."""
        if self._source_secrets:
            self._look_for(self._source_secrets, text(), where)

    def inspect(self, text: str, where: str) -> None:
        """Look for keys in the text; what is found is told without the key."""
        self._look_for(self._keys | self._source_secrets | set(_SHAPE.findall(text)), text, where)

    def _look_for(self, secrets: set[str], text: str, where: str) -> None:
        for key in (secret for secret in secrets if secret in text):
            around = text[max(0, text.index(key) - 60) : text.index(key)]
            self._leaks.append(f"{where}: a key of {len(key)} characters after {around!r}")

    def inspect_record(self, record: logging.LogRecord) -> None:
        """Look at all that a record carries."""
        self.records += 1
        parts = [record.getMessage(), *(f"{name}={value!r}" for name, value in vars(record).items())]
        if record.exc_info and record.exc_info[1]:
            parts += traceback.format_exception(record.exc_info[1])
        self.inspect("\n".join(parts), f"a record of the logger {record.name}")

    def take_leaks(self) -> list[str]:
        """The leaks found since this was asked last."""
        leaks, self._leaks = self._leaks, []
        return leaks

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Fail the test during which a key was written."""
        report = yield
        for name, text in report.sections:
            if name.endswith(report.when or ""):  # the report of each phase repeats those of the phases before
                self.inspect(text, name)
        if leaks := self.take_leaks():
            report.outcome = "failed"
            report.longrepr = "a key or secret was written where it has no place\n" + "\n".join(dict.fromkeys(leaks))
        return report

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail the run for a key written outside any test."""
        leaks = self.take_leaks()
        if (output := getattr(session.config, "workeroutput", None)) is not None:
            output["no_secrets"] = [leaks, len(self._keys), len(self._source_secrets), self.records]
        else:
            self._fail_for(session, leaks)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take over what one of several processes has looked at."""
        leaks, *looked_at = getattr(node, "workeroutput", {}).get("no_secrets", [[], 0, 0, 0])
        self._leaks += leaks
        self._elsewhere = [a + b for a, b in zip(self._elsewhere, looked_at, strict=True)]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say how much was looked at."""
        here = (len(self._keys), len(self._source_secrets), self.records)
        keys, secrets, records = (a + b for a, b in zip(here, self._elsewhere, strict=True))
        terminalreporter.write_line(f"no secrets: {keys} keys, {secrets} secrets of sources, {records} logging records")

    @staticmethod
    def _fail_for(session: pytest.Session, leaks: list[str]) -> None:
        for leak in leaks:
            sys.stderr.write(f"a key or secret was written where it has no place: {leak}\n")
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def inspect_kept(text: Callable[[], str], where: str) -> None:
    """Look for secrets of sources in what is stored or answered, when this run is watched."""
    for watch in _WATCHING:
        watch.inspect_kept(text, where)


def pytest_configure(config: pytest.Config) -> None:
    """Watch this run from its start to its end."""
    if config.pluginmanager.has_plugin("no-secrets"):
        return
    watch = NoSecrets()
    config.pluginmanager.register(watch, "no-secrets")
    _WATCHING.append(watch)
    config.add_cleanup(_WATCHING.clear)
    take_out = source_secrets.take_out

    def noted(source: Any) -> Any:
        shown, secrets = take_out(source)
        watch.note_source_secrets(secrets)
        return shown, secrets

    config.add_cleanup(_replace_everywhere(take_out, noted))
    for module, name in _MAKERS:
        config.add_cleanup(_replace_everywhere(getattr(module, name), _noting(getattr(module, name), watch)))
    handle = logging.Logger.handle

    def inspected(logger: logging.Logger, record: logging.LogRecord) -> None:
        watch.inspect_record(record)
        handle(logger, record)

    # Every record of every logger passes here, whatever handlers and levels there are behind it.
    logging.Logger.handle = inspected  # type: ignore[method-assign, assignment]
    config.add_cleanup(lambda: setattr(logging.Logger, "handle", handle))


_WATCHING: list[NoSecrets] = []


def _noting(make: Callable[..., str], watch: NoSecrets) -> Callable[..., str]:
    @wraps(make)
    def noted(*args: Any, **kwargs: Any) -> str:
        key = make(*args, **kwargs)
        watch.note(key)
        return key

    return noted


def _replace_everywhere(old: Any, new: Any) -> Callable[[], None]:
    """Put `new` wherever a loaded module knows `old` by a name; modules loaded later import it from there."""
    places = [
        (module, name)
        for module in list(sys.modules.values())
        if getattr(module, "__name__", "").startswith(("chalicelib", "tests", "infra"))
        for name, value in list(vars(module).items())
        if value is old
    ]
    for module, name in places:
        setattr(module, name, new)

    def undo() -> None:
        for module, name in places:
            setattr(module, name, old)

    return undo
