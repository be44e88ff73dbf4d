"""The ids that records had when they were deleted.

A record that is replayed gets the id that the published configuration gives it. It was deleted under the one that it
was stored with: that of the time of its push or, when records got other ids in between, of the time of the delete. The
backup holds the configurations of both times.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from chalicelib.domain.backup import Entry
from chalicelib.domain.live import Configuration, Intake
from chalicelib.domain.payload import Payload
from chalicelib.domain.record import Preparer
from chalicelib.domain.rekeying import keeps_ids
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
    _without_intake: dict[tuple[str, str], Configuration] = field(default_factory=dict)

    def preparer(self, entry: Entry) -> Preparer:
        """What prepares the records of an entry now."""
        return self._preparer(self.published, entry.resource_uid)

    def of_delete(self, entry: Entry) -> Preparer:
        """What identified the records that an entry deletes, when it was accepted."""
        if entry.configuration not in self.deleting:
            self.deleting.append(entry.configuration)
        return self._preparer(self._configuration(entry.configuration), entry.resource_uid)

    def undeleted(self, entry: Entry, objects: Sequence[Any], marks: set[bytes]) -> Sequence[Any]:
        """The objects of a push without those that were deleted later, under an id that they had then."""
        deleted = {
            index
            for preparer in self._of_push(entry)
            for index, record_id in self._identified(preparer, objects)
            if deleted_mark(record_id) in marks
        }
        return [pushed for index, pushed in enumerate(objects) if index not in deleted]

    def _of_push(self, entry: Entry) -> list[Preparer]:
        """What identified the records of a push at the times of the deletes that were met."""
        if not self.deleting:
            return []
        own = self._configuration(entry.configuration)
        then = [self._configuration(name) for name in self.deleting]
        found = [own if keeps_ids(own.schema, each.schema) else each for each in then]
        return [self._preparer(each, entry.resource_uid) for each in {id(each): each for each in found}.values()]

    def _identified(self, preparer: Preparer, objects: Sequence[Any]) -> Iterable[tuple[int, str]]:
        identified = preparer.identify(Payload(objects=list(objects)), self.is_late)
        refused = {refusal.index for refusal in identified.refusals}
        return zip((index for index in range(len(objects)) if index not in refused), identified.ids, strict=True)

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
