"""The collector of garbage, and when it is of no use."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_at_rest() -> Iterator[None]:
    """Keep the collector from visiting many small objects again and again while they are made. It would find nothing,
    none of them is garbage, and take a third of the time of a large push."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
