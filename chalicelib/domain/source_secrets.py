"""The secrets of a remote datasource: taken out of it to be kept apart, and put back in to fetch with.

What is shown instead: auth without its password or token, headers with null for their values. Whoever sends that back
keeps the secrets that it stands for.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

MAX_TEXT = 4096  # bytes of `as_text`: what a parameter of the standard tier holds
_CREDENTIALS = {"basic_auth": "password", "bearer": "token"}  # by the type of auth


@dataclass(frozen=True, kw_only=True)
class SourceSecrets:
    """The password or token of a source, and the values of its headers by their names in lower case."""

    credential: str | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __bool__(self) -> bool:
        """Whether there is any."""
        return self.credential is not None or bool(self.headers)

    def as_text(self) -> str:
        """ASCII without braces, since a parameter's value must not have two of them together; `from_text` reads it."""
        text = json.dumps([self.credential, *self.headers.items()], separators=(",", ":"))
        return text.replace("{", "\\u007b").replace("}", "\\u007d")

    @classmethod
    def from_text(cls, text: str) -> "SourceSecrets":
        """The secrets that `as_text` wrote."""
        credential, *headers = json.loads(text)
        return cls(credential=credential, headers=dict(headers))


NONE = SourceSecrets()


def take_out(source: Mapping[str, Any]) -> tuple[dict[str, Any], SourceSecrets]:
    """A datasource as it may be stored and shown, and the secrets that it had."""
    shown, credential, values = dict(source), None, {}
    if auth := source["connection"].get("auth"):
        name = _CREDENTIALS[auth["type"]]
        credential = auth.get(name)
        public = {key: value for key, value in auth.items() if key != name}
        shown["connection"] = {**source["connection"], "auth": public}
    if "headers" in source:
        values = {h["name"].lower(): h["value"] for h in source["headers"] if h["value"] is not None}
        shown["headers"] = [{"name": header["name"], "value": None} for header in source["headers"]]
    return shown, SourceSecrets(credential=credential, headers=values)


def put_in(source: Mapping[str, Any], secrets: SourceSecrets) -> dict[str, Any]:
    """The datasource with these secrets where it has none of its own. It may still lack some, see
    `remote_source_problem`."""
    return _filled(source, secrets.credential, lambda name: secrets.headers.get(name.lower()))


def with_any_secrets(source: Mapping[str, Any]) -> dict[str, Any]:
    """The datasource with something in place of each secret that it lacks, to check all else in it."""
    return _filled(source, "x", lambda _: "x")


def _filled(source: Mapping[str, Any], credential: str | None, value_of: Callable[[str], str | None]) -> dict[str, Any]:
    filled = dict(source)
    connection: Any = source.get("connection")
    match connection:
        case {"auth": {"type": "basic_auth" | "bearer" as kind, **given}}:
            name = _CREDENTIALS[kind]
            if given.get(name) is None and credential is not None:
                filled["connection"] = {**connection, "auth": {"type": kind, **given, name: credential}}
    match source.get("headers"):
        case [*headers]:
            filled["headers"] = [_with_value(header, value_of) for header in headers]
    return filled


def _with_value(header: Any, value_of: Callable[[str], str | None]) -> Any:
    match header:
        case {"name": str(name), "value": None}:
            return {**header, "value": value_of(name)}
    return header
