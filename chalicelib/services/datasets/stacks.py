"""The two ordered stacks of a dataset's draft, processors and field configurations, each checked as a whole at every
change: what is stored can always be published."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from chalicelib.domain.errors import NotFound, ValidationFailed
from chalicelib.domain.field_stack import check_configuration
from chalicelib.domain.identifiers import new_uid
from chalicelib.domain.processors import check_processor
from chalicelib.services.datasets.datasets import find_dataset
from chalicelib.services.datasets.drafts import check_draft, load_stack
from chalicelib.store.catalog.drafts import StackItem
from chalicelib.store.catalog.keys import FIELDS, PROCESSORS
from chalicelib.store.catalog.transactions import conflicts_as_edit_conflict

MAX_ENTRIES = 1000
MAX_BYTES = 150_000  # of JSON; both stacks and the schema must fit one item of 400 KB

Entry = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Stack:
    """The entries of one stack: `name` is also its sort key, `prefix` begins their uids, `check` knows their shape."""

    name: str
    prefix: str
    check: Callable[[Any], Entry]

    def entries(self, dataset_uid: str) -> list[Entry]:
        """The entries, in order; each with its uid."""
        find_dataset(dataset_uid)
        entries: list[Entry] = load_stack(dataset_uid, self.name).stack
        return entries

    def find(self, dataset_uid: str, uid: str) -> Entry:
        """One entry, else NotFound."""
        entries = self.entries(dataset_uid)
        return entries[self._position(entries, uid)]

    def add(self, dataset_uid: str, body: Any) -> Entry:
        """Put an entry on the stack."""
        find_dataset(dataset_uid)
        stored = load_stack(dataset_uid, self.name)
        added = {"uid": new_uid(self.prefix), **self.check(body)}
        if len(stored.stack) >= MAX_ENTRIES:
            raise ValidationFailed({self.name: [f"there are {MAX_ENTRIES} of them already: delete some"]})
        self._save(dataset_uid, stored, [*stored.stack, added])
        return added

    def edit(self, dataset_uid: str, uid: str, body: Any) -> Entry:
        """Replace an entry, in its place on the stack."""
        find_dataset(dataset_uid)
        stored = load_stack(dataset_uid, self.name)
        position = self._position(stored.stack, uid)
        if isinstance(body, dict) and body.get("uid", uid) == uid:
            body = {name: value for name, value in body.items() if name != "uid"}
        edited = {"uid": uid, **self.check(body)}
        self._save(dataset_uid, stored, [*stored.stack[:position], edited, *stored.stack[position + 1 :]])
        return edited

    def delete(self, dataset_uid: str, uid: str) -> None:
        """Take an entry off the stack."""
        find_dataset(dataset_uid)
        stored = load_stack(dataset_uid, self.name)
        position = self._position(stored.stack, uid)
        self._save(dataset_uid, stored, [*stored.stack[:position], *stored.stack[position + 1 :]])

    def _save(self, dataset_uid: str, stored: StackItem, entries: list[Entry]) -> None:
        if len(orjson.dumps(entries)) > MAX_BYTES:
            raise ValidationFailed({self.name: [f"together they take more than {MAX_BYTES} bytes: shorten some"]})
        check_draft(dataset_uid, **{self.name: entries})
        with conflicts_as_edit_conflict():
            stored.update([StackItem.stack.set(entries)])

    def _position(self, entries: list[Entry], uid: str) -> int:
        for position, entry in enumerate(entries):
            if entry["uid"] == uid:
                return position
        raise NotFound(f"This dataset has no '{uid[:40]}' in its {self.name}: list them with GET {self.name}/.")


fields = Stack(name=FIELDS, prefix="fi", check=check_configuration)
processors = Stack(name=PROCESSORS, prefix="pr", check=check_processor)
