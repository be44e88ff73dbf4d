"""Attributes of the catalog's items that pynamodb has not."""

from typing import Any

import orjson
from pynamodb.attributes import (
    JSONAttribute,
)


class JsonAttribute(JSONAttribute):
    """JSON as UTF-8. As pynamodb writes it, every letter beyond ASCII is escaped and takes up to three times as many of
    the 400 KB that an item may have, and of the bytes that the services count."""

    def serialize(self, value: Any) -> str | None:
        """The text that is stored."""
        return None if value is None else orjson.dumps(value).decode()
