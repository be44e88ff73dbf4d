"""Re-keying a dataset: its records are written anew, under the ids that a new unique key gives them, into the next
generation. The old one stays as it is until the publication takes effect, so that nothing is lost half-way.

Of records that come to the same id the one that was accepted last stays, as if all had been pushed under that key.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from chalicelib.domain.changes import Put
from chalicelib.domain.errors import TemporarilyUnavailable
from chalicelib.domain.live import LiveDataset
from chalicelib.domain.rekeying import Rekeyed, Rekeyer
from chalicelib.domain.schema import Schema
from chalicelib.store.dynamodb import Deadline, aws_faults_as_unavailable
from chalicelib.store.objects import file_key
from chalicelib.store.parallel import run_all
from chalicelib.store.record_reader import OwnedRecord, StoredRecord
from chalicelib.store.records import Origin
from chalicelib.store.stores import Stores

AT_ONCE = 1000  # records


@dataclass(frozen=True, kw_only=True)
class Loss:
    """What re-keying would come to: of so many records, how many would be overwritten by another one of the same new
    id, and how many have none under the new key. Of a large dataset only a part may have been looked at."""

    records: int = 0
    collisions: int = 0
    unidentified: int = 0
    is_complete: bool = True

    @property
    def is_any(self) -> bool:
        """Whether a record would be lost."""
        return bool(self.collisions or self.unidentified)


def foreseen_loss(stores: Stores, live: LiveDataset, schema: Schema, deadline: Deadline) -> Loss:
    """What re-keying the stored records to this schema would lose. Takes about 100 bytes of memory a record; what is
    not counted at the deadline is not counted."""
    rekeyer = Rekeyer(live.configuration.schema, schema)
    seen: set[bytes] = set()
    loss = Loss()
    try:
        for found in stores.reader.walk(live.partition, "", deadline):
            rekeyed = rekeyer.rekey(found.record.text)
            loss = replace(loss, records=loss.records + 1, unidentified=loss.unidentified + (rekeyed is None))
            if rekeyed is not None:
                seen.add(bytes.fromhex(rekeyed.id))
    except TemporarilyUnavailable:
        loss = replace(loss, is_complete=False)
    return replace(loss, collisions=loss.records - loss.unidentified - len(seen))


def rekeyed_so_far(
    stores: Stores, partition: str, to: str, rekeyer: Rekeyer, deadline: Deadline, *, after: str, batch_id: str
) -> Iterator[str]:
    """Write the records of `partition` whose ids come after `after` into the partition `to`, some at a time; yields
    the last id that is done. Doing some of it twice changes nothing."""
    walked = stores.reader.walk(partition, after, deadline)
    while some := list(islice(walked, AT_ONCE)):
        _move(stores, some, rekeyer, to, deadline, batch_id=batch_id)
        yield some[-1].record.id


def _move(
    stores: Stores, some: Sequence[OwnedRecord], rekeyer: Rekeyer, to: str, deadline: Deadline, *, batch_id: str
) -> None:
    newest: dict[str, tuple[Put, Origin]] = {}
    copies: dict[str, dict[str, str]] = {}  # new key of a file's content by the old one, by record
    for record, resource_uid in some:
        rekeyed = rekeyer.rekey(record.text)
        if rekeyed is None:
            continue
        keys = _file_keys(record, rekeyed, to, batch_id)
        put = Put(rekeyed.id, rekeyed.text, rekeyed.hash, {name: new for name, (_, new) in keys.items()})
        found = (put, Origin(record.accepted_at, resource_uid))
        if put.id not in newest or _order(newest[put.id]) < _order(found):
            newest[put.id] = found
            copies[put.id] = dict(keys.values())
    marks = stores.records.marks(to, newest, deadline)
    puts = [
        found
        for record_id, found in newest.items()
        if (mark := marks.get(record_id)) is None or (mark.accepted_at, mark.hash) < _order(found)
    ]
    _copy(stores, (pair for put, _ in puts for pair in copies[put.id].items()))
    stores.records.write(to, puts, [], trailing=lambda: (), deadline=deadline)


def _order(found: tuple[Put, Origin]) -> tuple[int, str]:
    """Which of two records of one id stays: that of the later batch; the hash settles it between equals."""
    return found[1].accepted_at, found[0].hash


def _file_keys(record: StoredRecord, rekeyed: Rekeyed, to: str, batch_id: str) -> dict[str, tuple[str, str]]:
    """The old and the new key of each file content, by the field's new name."""
    keys = {}
    for name, before in rekeyed.moved.items():
        if (old := record.files.get(before)) is not None:
            sha256 = old.rpartition("/")[2].partition(".")[0]
            keys[name] = (old, file_key(to, rekeyed.id, name, sha256, batch_id))
    return keys


def _copy(stores: Stores, pairs: Iterable[tuple[str, str]]) -> None:
    with aws_faults_as_unavailable():
        run_all(lambda pair: stores.files.copy(*pair), list(pairs))
