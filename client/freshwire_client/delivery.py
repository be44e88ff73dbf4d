"""Sending the batches of a file one after the other, and telling what became of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from freshwire_client.batches import Batch, Batches
from freshwire_client.console import Console
from freshwire_client.errors import Failed, Refused, Unsendable
from freshwire_client.resource import TooLarge

_WRONG_CONTENT = 400  # the other refusals are due to the key, the dataset or what lies on the way
_COUNTS = ("created", "updated", "unchanged", "deleted", "skipped", "rejected")


@dataclass
class Totals:
    """What became of the records so far. The counts are those of the receipts; without any they stay empty."""

    records: int = 0
    batches: int = 0
    queued: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    ignored_fields: set[str] = field(default_factory=set)

    def add(self, batch: Batch, said: Mapping[str, Any]) -> None:
        """Count an acknowledged batch."""
        self.records += len(batch.records)
        self.batches += 1
        if "batch_id" not in said:
            return
        self.ignored_fields.update(said.get("ignored_fields") or ())
        if said.get("state") == "queued":
            self.queued += len(batch.records)
        for name in _COUNTS:
            self.counts[name] = self.counts.get(name, 0) + int(said.get(name) or 0)

    def sentence(self, seconds: float) -> str:
        """What has been done in so many seconds."""
        batches = "1 batch" if self.batches == 1 else f"{self.batches:,} batches"
        records = "1 record" if self.records == 1 else f"{self.records:,} records"
        rate = self.records / max(seconds, 0.001)
        said = f"Done: {records} acknowledged in {batches}, {seconds:.1f} s ({rate:,.0f} records/s)."
        counts = [f"{count:,} {name}" for name, count in self.counts.items() if count]
        if self.queued:
            counts.append(f"{self.queued:,} queued (`freshwire batches` tells when they are applied)")
        if counts:
            said += f" {', '.join(counts)}."
        if self.ignored_fields:
            said += f" Ignored, as the schema lacks them: {', '.join(sorted(self.ignored_fields))}."
        return said


class Delivery:
    """Sends batches in their order: the next when the one before is acknowledged."""

    def __init__(self, send: Callable[[bytes], Mapping[str, Any]], batches: Batches, console: Console) -> None:
        self._send, self._batches, self._console = send, batches, console
        self.totals = Totals()

    def run(self) -> Iterator[tuple[Batch, Mapping[str, Any]]]:
        """Each batch when it is acknowledged, and the answer. Failed when the service refuses one, Unsendable when
        that is due to its records."""
        for batch in self._batches:
            for part, said in self._delivered(batch):
                self.totals.add(part, said)
                self._tell_rejected(part, said)
                yield part, said

    def _delivered(self, batch: Batch) -> Iterator[tuple[Batch, Mapping[str, Any]]]:
        try:
            said = self._send(batch.body)
        except TooLarge as refusal:
            if len(batch.records) == 1:
                raise Unsendable(_explained(refusal, batch)) from None
            self._batches.limits = self._batches.limits.below(batch)
            self._console.note(f"The service finds {len(batch.records):,} records at once too large: halving.")
            for half in batch.halves():
                yield from self._delivered(half)
        except Refused as refusal:
            kind = Unsendable if refusal.status == _WRONG_CONTENT else Failed
            raise kind(_explained(refusal, batch)) from None
        else:
            yield batch, said

    def _tell_rejected(self, batch: Batch, said: Mapping[str, Any]) -> None:
        rejected, details = int(said.get("rejected") or 0), said.get("details") or []
        for detail in details:
            self._console.say(f"Rejected: {_located(detail, batch)}")
        told = len({detail.get("index") for detail in details})
        if rejected > told:
            self._console.say(f"Rejected: {rejected - told:,} more of {batch.place}")


def _explained(refusal: Refused, batch: Batch) -> str:
    lines = [f"The service refused {batch.place} with {refusal.status}: {refusal}"]
    return "\n".join([*lines, *(f"  {_located(detail, batch)}" for detail in refusal.details)])


def _located(detail: Mapping[str, Any], batch: Batch) -> str:
    """A detail of the service, its index in the body turned into the place in the file."""
    index = detail.get("index")
    record = batch.records[index] if isinstance(index, int) and 0 <= index < len(batch.records) else None
    place = record.place if record else batch.place
    name = f", {detail['field']}" if detail.get("field") else ""
    return f"{place}{name}: {detail.get('message')} ({detail.get('error_code')})"
