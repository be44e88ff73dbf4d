"""Replaying the backup log, from its newest entry to its oldest: of each record the last value stands.

An id that was met is settled: whatever older entries say of it is passed over. So one pass suffices, and all that is
held in memory is the set of those ids, some 100 bytes each. Entries outside of what is to be recovered settle their
ids too, without bringing a record: a record that was deleted, or overwritten, by one of them does not come back as it
was before.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import Any

from chalicelib.domain.backup import DELETE, DELETE_BY_ID, Entry
from chalicelib.domain.errors import InvalidJson, InvalidPayload, PayloadTooLarge
from chalicelib.domain.live import Configuration
from chalicelib.domain.payload import Payload, parse_payload
from chalicelib.domain.prepared_record import PreparedRecord
from chalicelib.domain.record import Preparer
from chalicelib.services.recovery.former_ids import FormerIds, deleted_mark
from chalicelib.services.uploads.file import Unacceptable, read_upload
from chalicelib.store.stores import Stores

MAX_ERRORS = 100  # whose reasons are listed; all are counted
MAX_IDS = 5_000_000  # that one recovery settles: half a gigabyte
_UPLOADED_AT_ONCE = 2000  # records of a large file


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What is to be recovered: entries of this resource (None: of all), accepted from `start` on and before `end`
    (epoch milliseconds; None: without bound)."""

    resource_uid: str | None = None
    start: int | None = None
    end: int | None = None

    def holds(self, entry: Entry) -> bool:
        """Whether the entry is to be recovered."""
        return (
            (self.resource_uid is None or entry.resource_uid == self.resource_uid)
            and (self.start is None or entry.accepted_at >= self.start)
            and (self.end is None or entry.accepted_at < self.end)
        )

    def as_json(self) -> dict[str, Any]:
        """What is stored; the keyword arguments make it anew."""
        return dict(vars(self))


@dataclass(kw_only=True)
class Replay:
    """One replay under a configuration. `settled` holds the ids that newer entries have settled and the marks of those
    that they have deleted, `fresh` those of them since somebody emptied it; `counts` and `details` say what came of the
    records. `deleting` names the configurations of the deletes; `deleted` are the ids that the last entry deleted."""

    stores: Stores
    dataset_uid: str
    configuration: Configuration
    scope: Scope
    is_late: Callable[[], bool]
    settled: set[bytes] = field(default_factory=set)
    fresh: list[bytes] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    details: list[dict[str, Any]] = field(default_factory=list)
    deleting: list[str] = field(default_factory=list)
    deleted: Sequence[str] = ()

    def take(self, entry: Entry) -> Iterator[Mapping[str, PreparedRecord]]:
        """The records of an entry that are to be written, some at a time; `counts` has `entries`, `records` that are
        written, `suppressed` ones that newer entries settle or that are outside of the scope, and `errors`."""
        self.counts["entries"] += 1
        self.deleted = ()
        if entry.operation in (DELETE, DELETE_BY_ID):
            self._delete(entry)
        elif entry.upload is None:
            yield self._put(entry, self._objects(entry), set())
        else:
            yield from self._put_upload(entry)

    def _delete(self, entry: Entry) -> None:
        """Mark the ids that an entry deleted, and settle them when they are those of today."""
        preparer, is_present = self._former.of_delete(entry)
        self.deleted = [entry.record_id]
        if entry.operation == DELETE:
            self.deleted = preparer.identify(Payload(objects=self._objects(entry)), self.is_late).ids
        if is_present:
            self._settle(self.deleted)
        self._settle_keys(map(deleted_mark, self.deleted))

    def _put_upload(self, entry: Entry) -> Iterator[Mapping[str, PreparedRecord]]:
        """A large file is read from its beginning: a later record of an id is written after the earlier one."""
        own: set[bytes] = set()
        refused = frozenset(entry.refused)
        try:
            upload = entry.upload or {}
            found = read_upload(self.stores.backups.bucket, upload["key"], upload["format"])
            kept = (record.values for index, record in enumerate(found) if index not in refused)
            while objects := list(islice(kept, _UPLOADED_AT_ONCE)):
                yield self._put(entry, objects, own)
        except Unacceptable as unreadable:
            self._note(entry, "unreadable_file", None, unreadable.message)

    def _put(self, entry: Entry, objects: Sequence[Any], own: set[bytes]) -> Mapping[str, PreparedRecord]:
        """The records of these objects that nothing newer settles. `own` are the ids settled by this entry."""
        objects, before = self._former.undeleted(entry, objects, self.settled), len(objects)
        self.counts["suppressed"] += before - len(objects)
        preparer = self._former.preparer(entry)
        prepared = preparer.prepare(Payload(objects=list(objects)), self.is_late)
        records = self._one_by_one(entry, preparer, objects) if prepared.refusals else prepared.records
        wanted: dict[str, PreparedRecord] = {}
        for record_id, record in records.items():
            key = bytes.fromhex(record_id)
            if key not in self.settled or key in own:
                wanted[record_id] = record
                own.add(key)
        self.counts["suppressed"] += len(records) - len(wanted)
        self._settle(wanted)
        if self._replays(entry):
            self.counts["records"] += len(wanted)
            return wanted
        self.counts["suppressed"] += len(wanted)
        return {}

    def _one_by_one(self, entry: Entry, preparer: Preparer, objects: Sequence[Any]) -> dict[str, PreparedRecord]:
        """The records of a payload of which some do not fit any more. One that does not settles its id nevertheless,
        when it has one: an older value in its place would pass for the last one."""
        records: dict[str, PreparedRecord] = {}
        for pushed in reversed(objects):
            payload = Payload(objects=[pushed])
            prepared = preparer.prepare(payload, self.is_late)
            for refusal in prepared.refusals:
                ids = [i for i in preparer.identify_unfit([pushed], self.is_late) if i not in records]
                if any(bytes.fromhex(record_id) not in self.settled for record_id in ids) or not ids:
                    self._note(entry, refusal.code, refusal.field, refusal.message)
                self._settle(ids)
            for record_id, record in prepared.records.items():
                records.setdefault(record_id, record)
        return records

    def _objects(self, entry: Entry) -> list[Any]:
        """The records of a body, without those that were refused when it was pushed."""
        refused = frozenset(entry.refused)
        try:
            objects = parse_payload(entry.body, entry.content_type).objects
        except (InvalidJson, InvalidPayload, PayloadTooLarge) as unreadable:
            self._note(entry, unreadable.code, None, unreadable.message)
            return []
        return [pushed for index, pushed in enumerate(objects) if index not in refused]

    @cached_property
    def _former(self) -> FormerIds:
        return FormerIds(
            stores=self.stores,
            dataset_uid=self.dataset_uid,
            published=self.configuration,
            is_late=self.is_late,
            deleting=self.deleting,
        )

    def _replays(self, entry: Entry) -> bool:
        """Whether its records are to be written: those of a resource that is not published any more only settle ids."""
        return entry.resource_uid in self.configuration.intakes and self.scope.holds(entry)

    def _settle(self, record_ids: Mapping[str, Any] | Sequence[str]) -> None:
        self._settle_keys(map(bytes.fromhex, record_ids))

    def _settle_keys(self, keys: Iterable[bytes]) -> None:
        for key in keys:
            if key not in self.settled:
                self.settled.add(key)
                self.fresh.append(key)

    def _note(self, entry: Entry, code: str, field_name: str | None, message: str) -> None:
        """Count an error of what is to be recovered."""
        if not self._replays(entry):
            return
        self.counts["errors"] += 1
        self.counts[f"errors.{code}"] += 1
        if len(self.details) < MAX_ERRORS:
            said = {"batch_id": entry.batch_id, "number": entry.number, "field": field_name}
            self.details.append({**said, "error_code": code, "message": message[:500]})
