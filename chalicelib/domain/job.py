"""Jobs: what a lane holds. A job is an acknowledged operation that is yet to be applied to the records."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from chalicelib.domain.live import LiveDataset

WRITE, PUBLISH, REFRESH, RECOVER = "write", "publish", "refresh", "recover"
MAX_ATTEMPTS = 5  # failures in a row after which a lane pauses


@dataclass(frozen=True, kw_only=True)
class Job:
    """One job. It was prepared for this version and generation of the dataset, and applies to that generation only.

    What it writes (`domain/changes.py`) is in `inline`, gzipped, or in the objects named by `parts`, one after the
    other; `done` of them have been applied, with these `counts`. `position` is the last record id that was re-keyed,
    or how far a recovery has caught up. `accepted_at` is in epoch milliseconds.
    """

    kind: str
    batch_id: str
    dataset_id: str
    dataset_uid: str
    generation: int
    version: int
    resource_uid: str
    accepted_at: int
    receipt: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    inline: bytes | None = None
    parts: Sequence[str] = ()
    done: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    position: str = ""
    seq: int = 0

    @classmethod
    def of(
        cls,
        live: LiveDataset,
        *,
        kind: str,
        batch_id: str,
        resource_uid: str,
        now: datetime,
        receipt: Mapping[str, Any],
        generation: int | None = None,
        version: int | None = None,
        parts: Sequence[str] = (),
        options: Mapping[str, Any] | None = None,
    ) -> "Job":
        """A job for a dataset as it is; for the generation and the version it has, unless others are named."""
        return cls(
            kind=kind,
            batch_id=batch_id,
            dataset_id=live.dataset_id,
            dataset_uid=live.dataset_uid,
            generation=live.generation if generation is None else generation,
            version=live.version if version is None else version,
            resource_uid=resource_uid,
            accepted_at=int(now.timestamp() * 1000),
            receipt=receipt,
            parts=parts,
            options=options or {},
        )

    @property
    def partition(self) -> str:
        """The name its records are stored under."""
        return f"{self.dataset_uid}.{self.generation}"
