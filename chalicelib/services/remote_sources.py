"""Remote sources as they are kept, and as they are fetched."""

from collections.abc import Mapping
from typing import Any

from chalicelib.store.stores import Stores


def fetchable(stores: Stores, remote: Mapping[str, Any]) -> Mapping[str, Any]:  # noqa: ARG001 - secrets come from them
    """The datasource of {"source": the datasource without its secrets, "secret": their name or None}, ready for
    `sources.fetching.fetch`."""
    source: Mapping[str, Any] = remote["source"]
    return source
