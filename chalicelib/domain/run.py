"""What a run came to, for each remote resource of the dataset."""

from dataclasses import dataclass

UNCHANGED, QUEUED, HELD_BACK, FAILED, ABORTED = "unchanged", "queued", "held_back", "failed", "aborted"


@dataclass(frozen=True, kw_only=True)
class SourceOutcome:
    """What became of one resource. `batch_id` is that of the job (state `queued`), `size` in bytes, `records` and
    `refused` are counts, `retry_after` in seconds; what is not known is None."""

    resource_uid: str
    state: str
    batch_id: str | None = None
    size: int = 0
    http_status: int | None = None
    etag: str | None = None
    records: int | None = None
    refused: int = 0
    code: str | None = None
    message: str | None = None
    may_succeed_later: bool = False
    retry_after: float | None = None
