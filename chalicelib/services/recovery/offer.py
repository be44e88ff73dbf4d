"""Offering a recovery after a publication has changed what becomes of pushed records: what was stored before stays as
it was processed then, unless somebody asks for it anew."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from chalicelib.services.recovery.state import ABORTED, FAILED
from chalicelib.store.backups import BackupObject
from chalicelib.store.catalog.drafts import DatasetItem

MESSAGE = (
    "What was pushed before {since} was processed otherwise: POST recover/ processes anew what was kept of it, "
    '{{"dry_run": true}} counts it first.'
)


def offer_of(
    dataset: DatasetItem, resource_uid: str, first: BackupObject | None, recoveries: Sequence[Mapping[str, Any]]
) -> dict[str, str] | None:
    """The offer, or None: nothing was kept of before, or a recovery of all of it was asked for since. `first` is the
    oldest object that is kept, `recoveries` are as they are shown."""
    if not dataset.is_published or dataset.processed_since is None or first is None:
        return None
    since, oldest = datetime.fromisoformat(dataset.processed_since), _moment(first.first_at)
    if oldest >= since or any(_answers(recovery, resource_uid, since) for recovery in recoveries):
        return None
    return {
        "processed_since": dataset.processed_since,
        "kept_since": oldest.isoformat(timespec="milliseconds"),
        "message": MESSAGE.format(since=dataset.processed_since),
    }


def _answers(recovery: Mapping[str, Any], resource_uid: str, since: datetime) -> bool:
    """Whether a recovery brings all of the resource that was kept of before."""
    return (
        not recovery["dry_run"]
        and recovery["state"] not in (FAILED, ABORTED)
        and (recovery["all_resources"] or recovery["resource_uid"] == resource_uid)
        and recovery["from"] is None
        and (recovery["to"] is None or datetime.fromisoformat(recovery["to"]) >= since)
        and datetime.fromisoformat(recovery["started_at"]) >= since
    )


def _moment(epoch_ms: int) -> datetime:
    return datetime.fromtimestamp(epoch_ms / 1000, UTC)
