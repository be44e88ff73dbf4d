"""The launcher refuses an emulator that its repairs were not written for."""

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from infra.local import guard
from tests.infra.emulator import in_emulator


def function_taking(signature: str) -> Callable[..., Any]:
    """A function whose signature prints as `signature`."""
    taking = lambda: None  # noqa: E731 - only its signature counts
    taking.__signature__ = _Printed(signature)  # type: ignore[attr-defined]
    return taking


class _Printed(inspect.Signature):
    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def __str__(self) -> str:
        return self._text


def as_expected(path: str) -> Any:
    """An emulator in which everything is where the guard expects it."""
    if path.endswith("_RESOURCE_HANDLERS"):
        return {
            kind: {operation: function_taking(signature) for operation, signature in operations.items()}
            for kind, operations in guard.HANDLERS.items()
        }
    return function_taking(guard.SIGNATURES.get(path, "()"))


def test_the_emulator_it_was_written_for_is_accepted():
    guard.check(installed=lambda: guard.VERSION, find=as_expected)


def test_another_version_is_refused_by_its_number():
    with pytest.raises(guard.EmulatorMoved, match=r"its version is 9\.9\.9, not"):
        guard.check(installed=lambda: "9.9.9", find=as_expected)


@pytest.mark.parametrize("path", [*guard.SIGNATURES, *guard.STORES])
def test_whatever_is_gone_is_named(path: str):
    def find(wanted: str) -> Any:
        if wanted == path:
            raise AttributeError(path)
        return as_expected(wanted)

    with pytest.raises(guard.EmulatorMoved, match=f"ministack.{path} is gone"):
        guard.check(installed=lambda: guard.VERSION, find=find)


@pytest.mark.parametrize("path", guard.SIGNATURES)
def test_whatever_takes_other_arguments_is_named(path: str):
    def find(wanted: str) -> Any:
        return function_taking("(surprise)") if wanted == path else as_expected(wanted)

    with pytest.raises(guard.EmulatorMoved, match=rf"ministack.{path} takes \(surprise\), not"):
        guard.check(installed=lambda: guard.VERSION, find=find)


@pytest.mark.parametrize("kind", guard.HANDLERS)
def test_a_resource_handler_that_is_gone_is_named(kind: str):
    def find(wanted: str) -> Any:
        found = as_expected(wanted)
        if wanted.endswith("_RESOURCE_HANDLERS"):
            del found[kind]["update"]
        return found

    with pytest.raises(guard.EmulatorMoved, match=f"update of {kind} is gone"):
        guard.check(installed=lambda: guard.VERSION, find=find)


@pytest.mark.local_cloud
def test_the_pinned_emulator_is_the_one_the_guard_knows():
    assert in_emulator("from infra.local import guard; guard.check(); print('true')") is True
