"""One file sent from its first record, or from where an earlier transfer stopped, to its last."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from freshwire_client.batches import Batch, Batches, Limits
from freshwire_client.console import Console
from freshwire_client.delivery import Delivery
from freshwire_client.errors import Failed, Interrupted, Unsendable
from freshwire_client.journal import Journal
from freshwire_client.progress import Progress
from freshwire_client.retries import Clock
from freshwire_client.source_file import Form, opened

SendBody = Callable[[bytes], Mapping[str, Any]]
# A journal does not outlive a change of its file.
_FROM_THE_START = (
    "Mend what is named above, then run the command again without --resume: sending records again is harmless."
)


@dataclass(frozen=True)
class Plan:
    """What is sent and how: a file by its name (`-` is standard input), its form, and the limits of a batch.

    `target` names where it goes, without the key: a transfer to elsewhere is not gone on with.
    """

    name: str
    form: Form
    limits: Limits
    target: str
    is_resumed: bool = False
    shows_receipts: bool = False


def transfer_file(plan: Plan, send: SendBody, *, stdin: BinaryIO, console: Console, clock: Clock) -> None:
    """Send every record of the file in its order. Failed says what stopped it, and how far it got."""
    with opened(plan.name, plan.form, stdin) as source:
        journal = Journal(Path(plan.name), plan.target) if source.size is not None else None
        before = _gone_on_after(journal, plan) if journal else 0
        if plan.is_resumed:
            console.note(f"Going on after {before:,} records." if before else "Nothing to go on with: from the start.")
        for _ in islice(source.records, before):
            pass  # read past them
        progress = Progress(console, clock, source, before=before)
        delivery = Delivery(send, Batches(source.records, plan.limits), console)
        _Run(delivery, journal, progress, console, before=before, shows_receipts=plan.shows_receipts).run()


def _gone_on_after(journal: Journal, plan: Plan) -> int:
    """How many records are not sent again. A transfer that begins anew forgets what an earlier one sent: that may be
    gone by now."""
    if plan.is_resumed:
        return journal.acknowledged()
    journal.remove()
    return 0


class _Run:
    """A transfer under way."""

    def __init__(
        self,
        delivery: Delivery,
        journal: Journal | None,
        progress: Progress,
        console: Console,
        *,
        before: int,
        shows_receipts: bool,
    ) -> None:
        self._delivery, self._journal, self._progress, self._console = delivery, journal, progress, console
        self._acknowledged, self._shows_receipts = before, shows_receipts

    def run(self) -> None:
        try:
            for batch, said in self._delivery.run():
                self._note(batch, said)
        except Unsendable as problem:
            raise Failed(f"{problem}\n{self._state(to_go_on=_FROM_THE_START)}") from None
        except Failed as problem:
            raise Failed(f"{problem}\n{self._state()}") from None
        except KeyboardInterrupt:
            raise Interrupted(f"Interrupted.\n{self._state()}") from None
        finally:
            self._progress.close()
        if self._journal:
            self._journal.remove()
        self._console.note(self._delivery.totals.sentence(self._progress.seconds))

    def _note(self, batch: Batch, said: Mapping[str, Any]) -> None:
        self._acknowledged = batch.records[-1].number
        if self._journal:
            self._journal.note(self._acknowledged)
        if self._shows_receipts:
            self._show(_receipt(batch, said))
        self._progress.advance(len(batch.records), len(batch.body))

    def _show(self, receipt: str) -> None:
        """Who reads the receipts may have seen enough, as `head -1` has; the records must arrive all the same."""
        try:
            self._console.put(receipt)
        except BrokenPipeError:
            self._console.drop()
            self._shows_receipts = False
            self._console.say("Nobody reads the receipts any more: going on without showing them.")

    def _state(self, *, to_go_on: str | None = None) -> str:
        if not self._acknowledged:
            return "No record is acknowledged."
        count = f"The first {self._acknowledged:,} records are acknowledged"
        if to_go_on:
            return f"{count}. {to_go_on}"
        if self._journal and self._journal.is_kept:
            return f"{count}: the same command with --resume goes on after them."
        return f"{count}; sending all of them again is harmless."


def _receipt(batch: Batch, said: Mapping[str, Any]) -> str:
    counts = ", ".join(
        f"{said[name]} {name}" for name in ("created", "updated", "unchanged", "deleted") if said.get(name)
    )
    return f"{said.get('batch_id')} {said.get('state')}: {batch.place}{f': {counts}' if counts else ''}"
