"""Receipts: what became of one batch."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from chalicelib.domain.details import kept
from chalicelib.domain.errors import MAX_DETAILS, RecordRefusal

MAX_RECORD_IDS = 1000
QUEUED, APPLIED, FAILED, REFUSED = "queued", "applied", "failed", "refused"
MAX_NOTED = 10  # refused records that the note of a refusal names


class Tally(NamedTuple):
    """What writing a batch came to, in records."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0

    def plus(self, other: "Tally") -> "Tally":
        """Both together."""
        return Tally(*(a + b for a, b in zip(self, other, strict=True)))


@dataclass(frozen=True, kw_only=True)
class Counts:
    """How many records of a batch met which fate; None is what is not known while it is queued."""

    records: int
    created: int | None = None
    updated: int | None = None
    unchanged: int | None = None
    deleted: int | None = None
    rejected: int = 0
    skipped: int = 0

    def with_tally(self, tally: Tally) -> "Counts":
        """The counts once the batch is written."""
        return replace(self, **tally._asdict())


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """The receipt of an accepted batch. `record_ids` are answered once, up to 1,000, and never kept."""

    batch_id: str
    resource_uid: str
    received_at: datetime
    operation: str
    state: str
    counts: Counts
    ignored_fields: Sequence[str] = ()
    refusals: Sequence[RecordRefusal] = ()
    record_ids: Sequence[str] = ()
    message: str | None = None
    """Why it failed."""

    def as_settled(self, stored: Mapping[str, Any]) -> "Receipt":
        """The receipt of a queued batch, from what is stored of it now."""
        tally = Tally(*(stored[name] or 0 for name in Tally._fields))
        counts = self.counts.with_tally(tally)
        return replace(self, state=stored["state"], counts=counts, message=stored.get("message"))

    def as_stored(self) -> dict[str, Any]:
        """What the activity table keeps: counts, no ids, and of the reasons for refusals as many as `kept` takes."""
        details = [refusal.as_json() for refusal in self.refusals[:MAX_DETAILS]]
        return {
            "batch_id": self.batch_id,
            "resource_uid": self.resource_uid,
            "received_at": self.received_at.isoformat(timespec="milliseconds"),
            "operation": self.operation,
            "state": self.state,
            **asdict(self.counts),
            "ignored_fields": list(self.ignored_fields)[:MAX_DETAILS],
            "details": kept(details, of=len(self.refusals)),
        }

    def as_answer(self) -> dict[str, Any]:
        """The body of `Prefer: return=representation`."""
        ids = list(self.record_ids) if len(self.record_ids) <= MAX_RECORD_IDS else None
        return {"status": "OK", **shown_receipt(self.as_stored()), "record_ids": ids}


def applied_receipt(queued: Mapping[str, Any], tally: Tally, now: datetime) -> dict[str, Any]:
    """The stored receipt of a batch that was queued, once it is applied."""
    return {**queued, "state": APPLIED, **tally._asdict(), "applied_at": now.isoformat(timespec="milliseconds")}


def failed_receipt(queued: Mapping[str, Any], message: str) -> dict[str, Any]:
    """The stored receipt of a batch that was queued and will not be applied, and why."""
    return {**queued, "state": FAILED, "message": message}


def noted_refusal(
    batch_id: str,
    resource_uid: str,
    received_at: datetime,
    *,
    code: str,
    message: str,
    details: Sequence[Mapping[str, Any]] = (),
    state: str = REFUSED,
) -> dict[str, Any]:
    """What the activity keeps of a batch that was not accepted, under the id that its answer told."""
    return {
        "batch_id": batch_id,
        "resource_uid": resource_uid,
        "received_at": received_at.isoformat(timespec="milliseconds"),
        "state": state,
        "error_code": code,
        "message": message,
        "details": list(details)[:MAX_NOTED],
    }


def shown_receipt(stored: Mapping[str, Any]) -> dict[str, Any]:
    """A stored receipt as clients see it: without the uid of the resource, which they address by its id."""
    return {name: value for name, value in stored.items() if name != "resource_uid"}
