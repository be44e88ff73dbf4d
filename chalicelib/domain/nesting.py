"""How deep JSON values may be nested: the same for pushes, files and processors."""

from typing import Any

MAX_DEPTH = 32  # levels of arrays and objects within each other; a record itself is one


def is_deeper(value: Any, levels: int) -> bool:
    """Whether a value has arrays and objects within each other beyond so many levels."""
    if isinstance(value, dict):
        return levels == 0 or any(is_deeper(part, levels - 1) for part in value.values())
    if isinstance(value, list):
        return levels == 0 or any(is_deeper(part, levels - 1) for part in value)
    return False
