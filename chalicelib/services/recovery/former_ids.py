"""The ids that records had when they were deleted.

A record that is replayed gets the id that the published configuration gives it. It was deleted under another one, which
the configurations of the two times tell, both of which are in the backup: the id that it was pushed with; the one that
it got from that when the unique key was changed; or the one that the configuration of the delete gives it, when it was
recovered in between. A delete holds for a record that has any of them.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from chalicelib.domain.backup import Entry
from chalicelib.domain.live import Configuration, Intake
from chalicelib.domain.payload import Payload
from chalicelib.domain.record import Preparer
from chalicelib.domain.rekeying import Rekeyer, keeps_ids
from chalicelib.store.dynamodb import aws_faults_as_unavailable
from chalicelib.store.stores import Stores

KEY_BYTES = 20  # of an id that is settled, or of the mark of one that was deleted


def deleted_mark(record_id: str) -> bytes:
    """What is held of an id that was deleted: as long as an id, and never equal to one that is settled."""
    return hashlib.sha256(f"deleted {record_id}".encode()).digest()[:KEY_BYTES]


@dataclass(kw_only=True)
class FormerIds:
    """The configurations that the entries of a log were accepted under, beside the one that is replayed under.
    `deleting` names those of the deletes that were met."""

    stores: Stores
    dataset_uid: str
    published: Configuration
    is_late: Callable[[], bool]
    deleting: list[str] = field(default_factory=list)
    _known: dict[str, Configuration] = field(default_factory=dict)
    _rekeyers: dict[tuple[str, str], Rekeyer | None] = field(default_factory=dict)
    _without_intake: dict[tuple[str, str], Configuration] = field(default_factory=dict)

    def preparer(self, entry: Entry) -> Preparer:
        """What prepares the records of an entry now."""
        return self._preparer(self.published, entry.resource_uid)

    def of_delete(self, entry: Entry) -> tuple[Preparer, bool]:
        """What identified the records that an entry deletes, when it was accepted, and whether it does so now."""
        if entry.configuration not in self.deleting:
            self.deleting.append(entry.configuration)
        then = self._configuration(entry.configuration)
        return self._preparer(then, entry.resource_uid), then is self.published

    def undeleted(self, entry: Entry, objects: Sequence[Any], marks: set[bytes]) -> Sequence[Any]:
        """The objects of a push without those that were deleted later, under an id that they had then."""
        if not self.deleting:
            return objects
        own = self._configuration(entry.configuration)
        found = {each.kept_as: each for each in (own, *map(self._configuration, self.deleting))}.values()
        if all(each is self.published for each in found):
            return objects  # what was deleted is settled
        identified = [self._identified(self._preparer(each, entry.resource_uid), objects) for each in found]
        preparer = self._preparer(own, entry.resource_uid)
        rekeyed = [
            self._rekeyed(preparer, rekeyer, objects)
            for each in found
            if (rekeyer := self._rekeyer(own, each)) is not None
        ]
        deleted = {index for ids in (*identified, *rekeyed) for index, i in ids if deleted_mark(i) in marks}
        return [pushed for index, pushed in enumerate(objects) if index not in deleted]

    def _identified(self, preparer: Preparer, objects: Sequence[Any]) -> Iterable[tuple[int, str]]:
        identified = preparer.identify(Payload(objects=list(objects)), self.is_late)
        refused = {refusal.index for refusal in identified.refusals}
        return zip((index for index in range(len(objects)) if index not in refused), identified.ids, strict=True)

    def _rekeyed(self, own: Preparer, rekeyer: Rekeyer, objects: Sequence[Any]) -> Iterator[tuple[int, str]]:
        """The ids that records got from what was stored of them, when the key was changed."""
        for index, pushed in enumerate(objects):
            for stored in own.prepare(Payload(objects=[pushed]), self.is_late).records.values():
                if (rekeyed := rekeyer.rekey(stored.text)) is not None:
                    yield index, rekeyed.id

    def _rekeyer(self, own: Configuration, each: Configuration) -> Rekeyer | None:
        """What gave records other ids between the two, or None; made once, not for each push."""
        key = (own.kept_as, each.kept_as)
        if key not in self._rekeyers:
            self._rekeyers[key] = None if keeps_ids(own.schema, each.schema) else Rekeyer(own.schema, each.schema)
        return self._rekeyers[key]

    def _configuration(self, name: str) -> Configuration:
        """The configuration of that name: the published one when records become the same under both, or when it was
        not kept."""
        if name not in self._known:
            with aws_faults_as_unavailable():
                kept = self.stores.backups.configuration(self.dataset_uid, name) if name else None
            is_other = kept is not None and not kept.processes_like(self.published)
            self._known[name] = kept if kept is not None and is_other else self.published
        return self._known[name]

    def _preparer(self, configuration: Configuration, resource_uid: str) -> Preparer:
        """Records of a resource that a configuration does not know are prepared as those of any other."""
        if resource_uid in configuration.intakes:
            return configuration.preparer(resource_uid)
        key = (configuration.kept_as, resource_uid)
        if key not in self._without_intake:
            self._without_intake[key] = Configuration(
                schema=configuration.schema, processors=configuration.processors, intakes={resource_uid: Intake()}
            )
        return self._without_intake[key].preparer(resource_uid)
