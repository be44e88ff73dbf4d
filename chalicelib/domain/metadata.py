"""The metadata of a dataset: templates of entries, each `{"value": ...}`; the title is `default.title`."""

from collections.abc import Mapping
from typing import Any

MAX_LENGTH = 100_000  # characters of all of it
# What an entry may hold: the last two are what the reference platform shows of one, and its clients send back.
ENTRY = ("value", "remote_value", "override_remote_value")


def title_of(metadata: Mapping[str, Any]) -> str:
    """The title, or an empty text."""
    return str(metadata.get("default", {}).get("title", {}).get("value", ""))


def metadata_problem(value: Any) -> str | None:
    """What is wrong with the metadata, or None."""
    fits = isinstance(value, dict) and all(
        isinstance(template, dict) and all(isinstance(entry, dict) and "value" in entry for entry in template.values())
        for template in value.values()
    )
    if not fits:
        return 'expected {"default": {"title": {"value": "..."}}}'
    for template, entries in value.items():
        for name, entry in entries.items():
            if unknown := sorted(entry.keys() - set(ENTRY)):
                return f"unknown field {', '.join(unknown)} in {template}.{name}; use value"
    if not isinstance(value.get("default", {}).get("title", {}).get("value", ""), str):
        return "the title must be text"
    return None if len(repr(value)) <= MAX_LENGTH else f"more than {MAX_LENGTH} characters: shorten it"
