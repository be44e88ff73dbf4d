"""Re-keying a dataset: its records are written anew, under the ids that a new unique key gives them, into the next
generation. The old one stays as it is until the publication takes effect, so that nothing is lost half-way.

Of records that come to the same id the one that was accepted last stays, as if all had been pushed under that key.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import NamedTuple

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


class _Moved(NamedTuple):
    put: Put
    copies: Mapping[str, str]
    origin: Origin

    @property
    def order(self) -> tuple[int, str]:
        """Which of two records of one id stays: that of the later batch; the hash settles it between equals."""
        return self.origin.accepted_at, self.put.hash


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


@dataclass(frozen=True, kw_only=True)
class Rekeying:
    """The records of the partition `source` on their way into `target`."""

    stores: Stores
    source: str
    target: str
    batch_id: str

    def from_id(self, after: str, rekeyer: Rekeyer, deadline: Deadline) -> Iterator[str]:
        """Write the records whose ids come after that one, some at a time; yields the last id that is done. Doing some
        of it twice changes nothing."""
        walked = self.stores.reader.walk(self.source, after, deadline)
        while some := list(islice(walked, AT_ONCE)):
            self._move(self._newest(some, rekeyer), deadline)
            yield some[-1].record.id

    def _newest(self, some: Sequence[OwnedRecord], rekeyer: Rekeyer) -> Mapping[str, _Moved]:
        """The records as they will be stored, by their new ids; of those that meet the last one."""
        newest: dict[str, _Moved] = {}
        for record, resource_uid in some:
            rekeyed = rekeyer.rekey(record.text)
            if rekeyed is not None:
                moved = _Moved(*self._put(record, rekeyed), Origin(record.accepted_at, resource_uid))
                if rekeyed.id not in newest or newest[rekeyed.id].order < moved.order:
                    newest[rekeyed.id] = moved
        return newest

    def _put(self, record: StoredRecord, rekeyed: Rekeyed) -> tuple[Put, dict[str, str]]:
        """What to put, and under which key each content of it lies now, by the key that it will lie under."""
        keys, copies = {}, {}
        for name, before in rekeyed.moved.items():
            if (old := record.files.get(before)) is not None:
                sha256 = old.rpartition("/")[2].partition(".")[0]
                keys[name] = file_key(self.target, rekeyed.id, name, sha256, self.batch_id)
                copies[keys[name]] = old
        return Put(rekeyed.id, rekeyed.text, rekeyed.hash, keys), copies

    def _move(self, newest: Mapping[str, _Moved], deadline: Deadline) -> None:
        marks = self.stores.records.marks(self.target, newest, deadline)
        moved = [
            found
            for record_id, found in newest.items()
            if (mark := marks.get(record_id)) is None or (mark.accepted_at, mark.hash) < found.order
        ]
        with aws_faults_as_unavailable():
            copies = [(old, new) for found in moved for new, old in found.copies.items()]
            run_all(lambda pair: self.stores.files.copy(*pair), copies)
        puts = [(found.put, found.origin) for found in moved]
        self.stores.records.write(self.target, puts, [], trailing=lambda: (), deadline=deadline)
