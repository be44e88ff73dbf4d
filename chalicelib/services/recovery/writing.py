"""Writing what is replayed: where nothing stands that was accepted later."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from chalicelib.domain.backup import Entry
from chalicelib.domain.changes import Changes, puts_of
from chalicelib.domain.job import Job
from chalicelib.domain.prepared_record import PreparedRecord
from chalicelib.domain.receipt import Tally
from chalicelib.domain.replayed import Replayed
from chalicelib.services.writing.writer import Batch, store_contents, write_batches
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.objects import file_key
from chalicelib.store.records import Origin
from chalicelib.store.stores import Stores


def replayed_of(
    entry: Entry,
    records: Mapping[str, PreparedRecord],
    partition: str,
    owner: str,
    deadline: Deadline,
    *,
    stores: Stores | None,
) -> Replayed:
    """Records of an entry as they are to be written. Their file contents are stored, in the name of `owner`, when
    there are stores to take them."""
    puts = puts_of(
        records.values(), lambda record_id, name, sha256: file_key(partition, record_id, name, sha256, owner)
    )
    if stores is not None:
        store_contents(stores, records, puts, deadline)
    return Replayed(
        number=entry.number,
        accepted_at=entry.accepted_at,
        resource_uid=entry.resource_uid,
        numbered_at=max(entry.accepted_at, entry.numbered_at),
        changes=Changes(puts=puts),
    )


def replayed_batches(replayed: Sequence[Replayed], prevails_over: frozenset[str]) -> list[Batch]:
    """What is replayed as batches to write. Each yields to records that were accepted after it had its number: those of
    operations with a smaller number, which it follows, were accepted before, though perhaps after it began."""
    return [
        Batch(
            origin=Origin(each.accepted_at, each.resource_uid),
            changes=each.changes,
            yields_after=each.numbered_at,
            prevails_over=prevails_over,
        )
        for each in replayed
    ]


def write_replayed(
    stores: Stores, job: Job, replayed: Sequence[Replayed], clock: Callable[[], datetime], deadline: Deadline
) -> Tally:
    """Write what is replayed for a job, and tell what all of it came to."""
    if not replayed:
        return Tally()
    batches = replayed_batches(replayed, frozenset(job.options["prevails_over"]))
    total = Tally()
    for tally in write_batches(stores, job, batches, deadline, clock=clock):
        total = total.plus(tally)
    return total
