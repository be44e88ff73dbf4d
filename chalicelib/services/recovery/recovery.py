"""Recovery: having what was backed up applied anew, stopping that, and seeing how it goes."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from chalicelib.domain import shape
from chalicelib.domain.errors import (
    DatasetNotPublished,
    EditConflict,
    NoRecoveryUnderWay,
    RecoveryUnderWay,
    ValidationFailed,
)
from chalicelib.domain.live import Switches
from chalicelib.domain.shape import Key, checked, described
from chalicelib.services.bells import RECOVERY as BELL
from chalicelib.services.bells import ring
from chalicelib.services.datasets.datasets import find_dataset
from chalicelib.services.recovery.offer import offer_of
from chalicelib.services.recovery.replay import Scope
from chalicelib.services.recovery.state import (
    MAX_OUTCOMES,
    QUEUED,
    READING,
    UNDER_WAY,
    job_failure,
    load_recovery,
    outcome_of,
)
from chalicelib.services.resources.resource_drafts import Draft
from chalicelib.services.resources.resources import find_resource
from chalicelib.store.backups import BackupObject
from chalicelib.store.catalog.keys import RECOVERY, RECOVERY_ABORT, dataset_pk
from chalicelib.store.catalog.recovery import RecoveryAbortItem, RecoveryItem
from chalicelib.store.catalog.transactions import conflicts_as_edit_conflict
from chalicelib.store.due import due_shard
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.job_item import RUNG_AGAIN_AFTER
from chalicelib.store.stores import Stores

COUNTED_OBJECTS = 20_000  # of the backup; what is beyond is told by `is_partial`


@described({"anyOf": [{"type": "string", "description": "ISO 8601; without a zone UTC"}, {"type": "null"}]})
def _moment_problem(value: Any) -> str | None:
    try:
        moment = None if value is None else datetime.fromisoformat(value)
    except (TypeError, ValueError):
        moment = datetime.max
    fits = moment is None or 1970 < moment.year < 9999
    return None if fits else 'expected a moment such as "2026-03-29T10:30:00Z"'


RECOVER_KEYS = {
    "from": Key(problem=_moment_problem),
    "to": Key(problem=_moment_problem),
    "dry_run": Key(problem=shape.flag),
    "all_resources": Key(problem=shape.flag),
}


def start_recovery(
    stores: Stores, dataset_uid: str, resource_uid: str, body: Any, *, now: datetime, deadline: Deadline
) -> Draft:
    """Have the backup of a resource (with `all_resources` of all of them) applied anew, through the processors and
    fields that are published: all of it, or what was accepted between `from` and `to`. `dry_run` only counts."""
    draft = find_realtime(dataset_uid, resource_uid)
    scope, is_dry = _scope(body, resource_uid)
    live = stores.live.read(find_dataset(dataset_uid).dataset_id, deadline)
    if live is None or not live.is_published:
        raise DatasetNotPublished
    before = load_recovery(dataset_uid)
    outcomes: list[dict[str, Any]] = []
    if before is not None:
        failure = job_failure(stores, before, deadline)
        if before.state in UNDER_WAY and failure is None:
            raise RecoveryUnderWay
        outcomes = [outcome_of(before, failure), *before.outcomes][:MAX_OUTCOMES]
        for outcome in outcomes:
            outcome["details"] = outcome["details"][:5]
    condition = RecoveryItem.nonce.does_not_exist() if before is None else RecoveryItem.nonce == before.nonce
    moment = now.isoformat(timespec="milliseconds")
    item = RecoveryItem(
        dataset_pk(dataset_uid),
        RECOVERY,
        nonce=secrets.token_hex(14),
        resource_uid=resource_uid,
        scope=scope.as_json(),
        is_dry=is_dry,
        state=QUEUED,
        started_at=moment,
        moved_at=moment,
        counts={},
        details=[],
        outcomes=outcomes,
        due=due_shard(BELL, dataset_uid),
        due_at=int(now.timestamp()) + RUNG_AGAIN_AFTER,
    )
    try:
        with conflicts_as_edit_conflict():
            item.save(condition=condition)
    except EditConflict:
        raise RecoveryUnderWay from None
    ring(stores, BELL, dataset_uid)
    return draft


def abort_recovery(stores: Stores, dataset_uid: str, resource_uid: str, deadline: Deadline) -> Draft:
    """Ask the recovery of the dataset to stop: before anything is written, or between two parts."""
    draft = find_realtime(dataset_uid, resource_uid)
    item = load_recovery(dataset_uid)
    if item is None or item.state not in UNDER_WAY or job_failure(stores, item, deadline) is not None:
        raise NoRecoveryUnderWay
    RecoveryAbortItem(item.pk, RECOVERY_ABORT, nonce=item.nonce).save()
    ring(stores, BELL, dataset_uid)
    return draft


def show_recovery(
    stores: Stores, dataset_uid: str, resource_uid: str, now: datetime, deadline: Deadline
) -> dict[str, Any]:
    """Since when recovery has been on, what is backed up, and the recoveries of the dataset: the one that is under
    way with its progress, and the last ones."""
    switches = _switches(find_realtime(dataset_uid, resource_uid))
    item = load_recovery(dataset_uid)
    current: dict[str, Any] | None = None
    recoveries: list[dict[str, Any]] = []
    if item is not None:
        failure = job_failure(stores, item, deadline)
        recoveries = [outcome_of(item, failure), *item.outcomes]
        if item.state in UNDER_WAY and failure is None:
            current = {**recoveries[0], "progress": _progress(item, now)}
    outcomes = recoveries[1:] if current else recoveries
    kept = list(islice(stores.backups.objects(dataset_uid, resource_uid), COUNTED_OBJECTS + 1))
    has_more = len(kept) > COUNTED_OBJECTS
    oldest = stores.backups.oldest(dataset_uid, resource_uid) if has_more else next(reversed(kept), None)
    return {
        "recovery": switches.recovery,
        "recovery_since": switches.recovery_since,
        "recovery_days": switches.recovery_days,
        "backup": _backup(kept),
        "current": current,
        "outcomes": outcomes[:MAX_OUTCOMES],
        "offer": offer_of(find_dataset(dataset_uid), resource_uid, oldest, recoveries),
    }


def find_realtime(dataset_uid: str, resource_uid: str) -> Draft:
    """A realtime resource; the others are not backed up, which ValidationFailed says."""
    draft = find_resource(dataset_uid, resource_uid)
    if draft.switches is None:
        kind = draft.resource.type
        raise ValidationFailed({"type": [f"this resource is of type {kind}; only realtime ones are backed up"]})
    return draft


def _switches(draft: Draft) -> Switches:
    assert draft.switches is not None  # noqa: S101 - a realtime resource has some
    return draft.switches


def _scope(body: Any, resource_uid: str) -> tuple[Scope, bool]:
    values = checked(body, RECOVER_KEYS)
    start, end = _epoch_ms(values.get("from")), _epoch_ms(values.get("to"))
    if start is not None and end is not None and start >= end:
        raise ValidationFailed({"to": ["must be later than from"]})
    recovered = None if values.get("all_resources") else resource_uid
    return Scope(resource_uid=recovered, start=start, end=end), values.get("dry_run", False)


def _epoch_ms(text: str | None) -> int | None:
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def _progress(item: RecoveryItem, now: datetime) -> dict[str, Any]:
    """Entries of the log that were read, of how many, and an estimate of the seconds until the rest is. Numbers that
    were given to nothing, and entries that were deleted, count as read when they are passed."""
    total = int(item.high)
    done = total + 1 - int(item.cursor) if item.state == READING and item.version is not None else 0
    done = total if item.state not in (QUEUED, READING) else min(done, total)
    elapsed = (now - datetime.fromisoformat(item.started_at)).total_seconds()
    estimate = round(elapsed / done * (total - done)) if done else None
    return {"done": done, "total": total, "estimated_seconds": estimate}


def _backup(objects: Sequence[BackupObject]) -> Mapping[str, Any]:
    counted = objects[:COUNTED_OBJECTS]
    return {
        "entries": sum(found.count for found in counted),
        "objects": len(counted),
        "bytes": sum(found.size for found in counted),
        "is_partial": len(objects) > COUNTED_OBJECTS,
    }
