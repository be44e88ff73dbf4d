"""Doing the same work for many chunks at once, with nothing left running afterwards."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import TypeVar

from chalicelib.store.dynamodb import THREADS

Chunk = TypeVar("Chunk")


def run_all(work: Callable[[Chunk], None], chunks: Sequence[Chunk], threads: int = THREADS) -> None:
    """Do the work for every chunk, so many at once; one chunk runs inline. After the first failure no further chunk
    starts, those under way are joined, and the failure is raised."""
    if len(chunks) <= 1:
        for chunk in chunks:
            work(chunk)
        return
    failed = Event()

    def guarded(chunk: Chunk) -> None:
        if failed.is_set():
            return
        try:
            work(chunk)
        except BaseException:
            failed.set()
            raise

    with ThreadPoolExecutor(max_workers=min(threads, len(chunks)), thread_name_prefix="store") as pool:
        futures = [pool.submit(guarded, chunk) for chunk in chunks]
    for future in futures:
        future.result()
