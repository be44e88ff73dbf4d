"""Staging: a long run of records, prepared and put away in parts before anything is applied, so that what turns out to
be broken further down has changed nothing, and memory stays bounded whatever the length."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from chalicelib.domain.changes import Changes, as_text, content_keys, puts_of
from chalicelib.domain.manifest import Manifest
from chalicelib.domain.payload import Payload
from chalicelib.domain.prepared_record import PreparedPayload
from chalicelib.domain.record import Preparer
from chalicelib.services.writing.job_payload import discard_parts, packed_text
from chalicelib.services.writing.staged_contents import drop_staged
from chalicelib.services.writing.writer import store_contents
from chalicelib.sources.formats.portion import portion_of
from chalicelib.sources.formats.source_record import SourceRecord
from chalicelib.store.dynamodb import Deadline, with_retries
from chalicelib.store.objects import file_key, job_key
from chalicelib.store.stores import Stores

PREPARED_AT_ONCE = 500  # records; processors may make each of them as long as a record may be: 175 MB in all
PART_CHARACTERS = 4_000_000
PART_RECORDS = 20_000

Batch = tuple[list[SourceRecord], PreparedPayload]


def prepared_batches(
    records: Iterable[SourceRecord], preparer: Preparer, is_late: Callable[[], bool]
) -> Iterator[Batch]:
    """The records of a file, some at a time, with what they were prepared to. ProcessingTooSlow when processors are
    still at it once `is_late`."""
    iterator = iter(records)
    while batch := list(portion_of(iterator, PREPARED_AT_ONCE)):
        yield batch, preparer.prepare(Payload(objects=[record.values for record in batch]), is_late)


def stage_records(
    stager: "Stager",
    records: Iterable[SourceRecord],
    preparer: Preparer,
    *,
    is_late: Callable[[], bool],
    note: Callable[[Sequence[SourceRecord], PreparedPayload, int], None],
    manifest: Manifest | None = None,
) -> None:
    """Prepare all records of a file and stage those that fit. `note` is told of each batch, and of how many records
    came before it; what it raises ends the staging. The manifest takes all that was staged, and the ids of what was
    refused."""
    before = 0
    for batch, prepared in prepared_batches(records, preparer, is_late):
        note(batch, prepared, before)
        stager.take(prepared)
        if manifest is not None:
            for record in prepared.records.values():
                manifest.add(record.id, record.hash)
            for record_id in _refused_ids(batch, prepared, preparer, is_late):
                manifest.refuse(record_id)
        before += len(batch)
    stager.finish()


def _refused_ids(
    batch: Sequence[SourceRecord], prepared: PreparedPayload, preparer: Preparer, is_late: Callable[[], bool]
) -> list[str]:
    """The ids of the refused records that have one. Without a unique key a record is known by all of its values, and
    one that is refused is none that was there."""
    if not (prepared.refusals and preparer.has_unique_key):
        return []
    refused = sorted({refusal.index for refusal in prepared.refusals})
    return preparer.identify_unfit([batch[index].values for index in refused], is_late)


class Stager:
    """Takes what a job will write, in its order, and keeps it in parts; the last part is kept by `finish`. Within a
    part, as between parts, what comes later wins when it is applied. `first` is the number of its first part. At the
    deadline it raises TemporarilyUnavailable."""

    def __init__(self, stores: Stores, partition: str, batch_id: str, deadline: Deadline, *, first: int = 0) -> None:
        self._stores, self._partition, self._batch_id, self._first = stores, partition, batch_id, first
        self._deadline = deadline
        self._texts: list[str] = []
        self._characters = self._records = 0
        self._contents: list[str] = []  # keys of the file contents of what is not in a part yet
        self._with_contents: list[str] = []  # keys of the parts that tell of others
        self.keys: list[str] = []

    @property
    def owner(self) -> str:
        """In whose name the file contents of what is taken next are stored: that of its part. Each part has its own:
        what an earlier one brought may be gone when a later one brings the same again."""
        return f"{self._batch_id}.{self._first + len(self.keys)}"

    def take(self, prepared: PreparedPayload) -> None:
        """Take the records of a prepared payload; their file contents are stored at once."""
        owner = self.owner
        puts = puts_of(
            prepared.records.values(),
            lambda record_id, name, sha256: file_key(self._partition, record_id, name, sha256, owner),
        )
        self._contents += content_keys(puts)
        store_contents(self._stores, prepared.records, puts, self._deadline)
        self.add(Changes(puts=puts))

    def add(self, changes: Changes) -> None:
        """Take some changes."""
        if not len(changes):
            return
        self.add_text(as_text(changes), len(changes))

    def add_text(self, text: str, records: int) -> None:
        """Take the text of so many changes."""
        self._texts.append(text)
        self._characters += len(text)
        self._records += records
        if self._characters >= PART_CHARACTERS or self._records >= PART_RECORDS:
            self._keep()

    def finish(self) -> list[str]:
        """Keep what is left, and answer the keys of all parts, in order."""
        if self._texts:
            self._keep()
        return self.keys

    def discard(self) -> None:
        """Remove the parts and the file contents that came with them: they will not be applied."""
        drop_staged(self._stores, self._contents, self._with_contents)
        discard_parts(self._stores, self.keys)

    def _keep(self) -> None:
        key = job_key(self._partition, self._batch_id, self._first + len(self.keys))
        self.keys.append(key)
        packed = packed_text("\n".join(self._texts))
        with_retries(lambda: self._stores.jobs.put(key, packed, "application/gzip"), self._deadline)
        if self._contents:
            self._with_contents.append(key)
        self._texts, self._contents, self._characters, self._records = [], [], 0, 0
