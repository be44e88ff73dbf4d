"""Notices: what people are told by mail, before it is put into words (`mails.py`)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from chalicelib.domain.inactivity import ALERT, RECOVERY, REMINDER
from chalicelib.domain.mail_address import header_text

CONFIRM, REPORT = "confirm", "report"
FAILING, PAUSED, HELD_BACK = "failing", "paused", "held_back"  # of a schedule
OF_RESOURCES = (ALERT, REMINDER, RECOVERY)


@dataclass(frozen=True, kw_only=True)
class Notice:
    """Something that people are to be told once.

    `id` is the same whenever it is found out again. `scope` is what it is about, and what one unsubscribes from: the
    uid of a resource or of a dataset, or `report`. `owner` is told without having confirmed, `recipients` once they
    have. `told` are those who were. `created_at` is in epoch milliseconds, `base_url` where its links lead.
    """

    id: str
    kind: str
    scope: str
    created_at: int
    base_url: str
    owner: str | None = None
    recipients: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    told: frozenset[str] = frozenset()

    @property
    def addresses(self) -> list[str]:
        """Everybody it may be for, each once."""
        owner = [self.owner] if self.owner else []
        return list(dict.fromkeys([*owner, *self.recipients]))

    def as_json(self) -> dict[str, Any]:
        """What is stored; `from_json` reads it back. Who was told is kept apart."""
        return {
            "id": self.id,
            "kind": self.kind,
            "scope": self.scope,
            "created_at": self.created_at,
            "base_url": self.base_url,
            "owner": self.owner,
            "recipients": list(self.recipients),
            "facts": dict(self.facts),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any], told: frozenset[str] = frozenset()) -> "Notice":
        """The notice that `as_json` stored."""
        return cls(**{**stored, "recipients": tuple(stored["recipients"])}, told=told)

    def after_telling(self, address: str) -> "Notice":
        """The notice when one more has been told."""
        return replace(self, told=self.told | {address})


def schedule_notice(
    kind: str,
    *,
    dataset_uid: str,
    dataset_id: str,
    reason: str,
    occurrence: str,
    at: int,
    base_url: str,
    owner: str | None,
) -> Notice:
    """The notice that the schedule of a dataset is failing, was paused, or holds back what it fetched, and why.
    `occurrence` tells one such event from the next; `at` is in epoch milliseconds."""
    return Notice(
        id=f"{kind}-{dataset_uid}-{occurrence}",
        kind=kind,
        scope=dataset_uid,
        created_at=at,
        base_url=base_url,
        owner=owner,
        facts={"dataset_uid": dataset_uid, "dataset_id": dataset_id, "reason": header_text(reason)},
    )
