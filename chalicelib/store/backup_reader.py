"""Reading the backup log of a dataset, from the newest entry to the oldest: objects are fetched some at a time, so that
memory stays bounded however long the log is."""

import heapq
from collections.abc import Iterable, Iterator

from chalicelib.domain.backup import Entry, entry_of, lines_of
from chalicelib.store.backups import BackupObject, BackupStore
from chalicelib.store.dynamodb import aws_faults_as_unavailable
from chalicelib.store.parallel import run_all

FETCHED_AT_ONCE, FETCHED_BYTES = 64, 8 * 1024 * 1024  # objects, and of them as they lie there


class BackupReader:
    """Reads logs while pushes go on, and while objects are merged. Raises TemporarilyUnavailable when S3 fails."""

    def __init__(self, backups: BackupStore, threads: int) -> None:
        self._backups, self._threads = backups, threads

    def newest_first(
        self, dataset_uid: str, *, below: int, since: int = 0, until: int | None = None, resource_uid: str = ""
    ) -> Iterator[Entry]:
        """The entries of all resources, or of one, with numbers under `below`, each once. Those
        accepted before `since` or after `until` (epoch milliseconds) may be left out."""
        with aws_faults_as_unavailable():
            resources = [resource_uid] if resource_uid else self._backups.resources(dataset_uid)
        logs = [self._of_resource(dataset_uid, each, below, since, until) for each in resources]
        return heapq.merge(*logs, key=lambda entry: -entry.number)

    def _of_resource(
        self, dataset_uid: str, resource_uid: str, below: int, since: int, until: int | None
    ) -> Iterator[Entry]:
        with aws_faults_as_unavailable():
            objects = _accepted(self._backups.objects(dataset_uid, resource_uid, below=below), since, until)
            for some in _portions(objects):
                contents = self._fetched(some)
                for found in some:
                    if found.first >= below:
                        continue  # all of it was read from an object that was merged meanwhile, or the other way round
                    content = contents[found.key] or self._merged(dataset_uid, found, resource_uid)
                    for line in reversed(lines_of(content)) if content else ():
                        entry = entry_of(line)
                        if entry.number < below:
                            below = entry.number
                            yield entry

    def _fetched(self, objects: list[BackupObject]) -> dict[str, bytes | None]:
        contents: dict[str, bytes | None] = {}

        def fetch(key: str) -> None:
            contents[key] = self._backups.bucket.get(key)

        run_all(fetch, [found.key for found in objects], self._threads)
        return contents

    def _merged(self, dataset_uid: str, gone: BackupObject, resource_uid: str) -> bytes | None:
        """The object that holds what an object held that has just been merged into it; None when it was deleted."""
        for found in self._backups.objects(dataset_uid, resource_uid, below=gone.first + 1):
            if found.last >= gone.first and (content := self._backups.bucket.get(found.key)) is not None:
                return content
        return None


def _accepted(objects: Iterable[BackupObject], since: int, until: int | None) -> Iterator[BackupObject]:
    for found in objects:
        if found.last_at < since:
            return
        if until is None or found.first_at <= until:
            yield found


def _portions(objects: Iterable[BackupObject]) -> Iterator[list[BackupObject]]:
    portion: list[BackupObject] = []
    size = 0
    for found in objects:
        if portion and (len(portion) >= FETCHED_AT_ONCE or size + found.size > FETCHED_BYTES):
            yield portion
            portion, size = [], 0
        portion.append(found)
        size += found.size
    if portion:
        yield portion
