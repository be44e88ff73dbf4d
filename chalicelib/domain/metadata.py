"""The metadata of a dataset: templates of entries, each `{"value": ...}`; the title is `default.title`."""

from collections.abc import Mapping
from typing import Any

import orjson

MAX_BYTES = 100_000  # of JSON
MAX_TITLE = 1000  # characters
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
    title = value.get("default", {}).get("title", {}).get("value", "")
    if not isinstance(title, str) or len(title) > MAX_TITLE:
        return f"the title must be text of at most {MAX_TITLE} characters"
    try:
        size = len(orjson.dumps(value))
    except orjson.JSONEncodeError:  # a template or an entry may be named by a path
        return "a name is no Unicode text: encode it as UTF-8"
    return None if size <= MAX_BYTES else f"{size} bytes of JSON, the limit is {MAX_BYTES}: shorten it"
