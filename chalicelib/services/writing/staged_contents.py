"""File contents of what was staged and will not be applied. A file may bring a million of them: their keys stay in the
parts, and are read back when they are to be removed."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.domain.changes import content_keys, from_text
from chalicelib.services.writing.job_payload import unpacked_text
from chalicelib.services.writing.writer import drop_contents
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.parallel import run_all
from chalicelib.store.stores import Stores

DROPPED_AT_ONCE = 1000  # contents: one call
DROP_SECONDS = 8.0  # a worker whose time is over is stopped soon after


def drop_staged(stores: Stores, contents: Sequence[str], parts: Sequence[str]) -> None:
    """Remove these contents, and those that these parts tell of, while the parts are still there. What cannot be
    removed in eight seconds, or at all, is out of reach, and goes when the generation is swept."""
    deadline = Deadline(DROP_SECONDS)
    drop = partial(_drop, stores, deadline)
    run_all(drop, list(_portions(contents)), stores.threads)
    for part in parts:
        run_all(drop, list(_portions(_told_by(stores, part, deadline))), stores.threads)


def _drop(stores: Stores, deadline: Deadline, keys: Sequence[str]) -> None:
    if not deadline.has_passed():
        drop_contents(stores, keys)


def _told_by(stores: Stores, part: str, deadline: Deadline) -> list[str]:
    with suppress(ClientError, BotoCoreError):
        packed = None if deadline.has_passed() else stores.jobs.get(part)
        if packed is not None:
            return list(content_keys(from_text(unpacked_text(packed)).puts))
    return []


def _portions(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    return (keys[i : i + DROPPED_AT_ONCE] for i in range(0, len(keys), DROPPED_AT_ONCE))
