"""What a recovery keeps until its job is applied: parts to write, and the ids that are settled."""

from collections.abc import Callable
from datetime import datetime

from chalicelib.services.datasets.drafts import draft_resources
from chalicelib.services.recovery.former_ids import KEY_BYTES
from chalicelib.services.recovery.state import settle
from chalicelib.services.writing.job_payload import discard_parts, load_keys
from chalicelib.store.catalog.recovery import RecoveryItem
from chalicelib.store.objects import job_key
from chalicelib.store.stores import Stores


def part_keys(item: RecoveryItem) -> list[str]:
    """The keys of the parts, in the order in which they are applied."""
    return [job_key(_partition(item), item.nonce, part) for part in range(int(item.parts))]


def chunk_key(item: RecoveryItem, chunk: int) -> str:
    """Where keys that are settled are kept, one after the other."""
    return job_key(_partition(item), f"{item.nonce}.settled", chunk)


def settled_keys(stores: Stores, item: RecoveryItem) -> set[bytes]:
    """All that is settled by now."""
    keys: set[bytes] = set()
    for chunk in range(int(item.chunks)):
        keys.update(load_keys(stores, chunk_key(item, chunk), KEY_BYTES))
    return keys


def prevailed_over(dataset_uid: str) -> frozenset[str]:
    """The resources whose records yield to recovered ones even when they were loaded later: uploaded files, which
    what is pushed is newer than (see the publication)."""
    return frozenset(resource.uid for resource in draft_resources(dataset_uid) if resource.file_uid)


def end_unwritten(
    stores: Stores, item: RecoveryItem, state: str, clock: Callable[[], datetime], *, message: str | None = None
) -> None:
    """End a recovery that wrote nothing, and remove what it kept."""
    settle(item, state, clock(), message=message)
    discard_kept(stores, item)


def discard_kept(stores: Stores, item: RecoveryItem) -> None:
    """Remove what a recovery kept: it will not be applied."""
    if item.generation is not None:
        chunks = [chunk_key(item, chunk) for chunk in range(int(item.chunks))]
        discard_parts(stores, [*part_keys(item), *chunks])


def _partition(item: RecoveryItem) -> str:
    return f"{item.pk.partition('#')[2]}.{int(item.generation)}"
