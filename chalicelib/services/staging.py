"""Staging: a long run of prepared changes, put away in parts before anything is applied, so that what turns out to be
broken further down has changed nothing, and memory stays bounded whatever the length."""

from collections.abc import Callable

from chalicelib.domain.changes import Changes, as_text
from chalicelib.services.job_payload import packed_text
from chalicelib.store.dynamodb import aws_faults_as_unavailable
from chalicelib.store.stores import Stores

PART_CHARACTERS = 4_000_000
PART_RECORDS = 20_000


class Stager:
    """Takes changes in their order and keeps them in parts; the last part is kept by `finish`. Within a part, as
    between parts, what comes later wins when it is applied."""

    def __init__(self, stores: Stores, key_of: Callable[[int], str]) -> None:
        self._stores, self._key_of = stores, key_of
        self._texts: list[str] = []
        self._characters = self._records = 0
        self.keys: list[str] = []

    def add(self, changes: Changes) -> None:
        """Take some more changes."""
        if not len(changes):
            return
        text = as_text(changes)
        self._texts.append(text)
        self._characters += len(text)
        self._records += len(changes)
        if self._characters >= PART_CHARACTERS or self._records >= PART_RECORDS:
            self._keep()

    def finish(self) -> list[str]:
        """Keep what is left, and answer the keys of all parts, in order."""
        if self._texts:
            self._keep()
        return self.keys

    def _keep(self) -> None:
        key = self._key_of(len(self.keys))
        self.keys.append(key)
        with aws_faults_as_unavailable():
            self._stores.jobs.put(key, packed_text("\n".join(self._texts)), "application/gzip")
        self._texts, self._characters, self._records = [], 0, 0
