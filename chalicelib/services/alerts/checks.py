"""The check for silence: once a minute, watches that are due are looked at, whatever the number of the others.

What was noted of a resource may be stale, so its batches are looked through before anything is concluded. The outcome
is one conditional write: the watch's new state with the notice in the outbox and in the activity. Whoever loses that
race, against a sign of life or another check, has nothing to tell.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from typing import Any

from chalicelib.domain.errors import TemporarilyUnavailable
from chalicelib.domain.inactivity import RECOVERY, SILENT, WATCHING, Watch, heard, is_silent, next_step
from chalicelib.domain.notice import Notice
from chalicelib.store.dynamodb import Deadline, Item
from chalicelib.store.stores import Stores
from chalicelib.store.watches import DUE_ALERT, DUE_SILENT, Watched, watched_of

PUT_OFF_SECONDS = 3600  # until a watch is looked at again whose check has failed
MAX_PAGES = 20  # of receipts, 1 MB each, that are looked through for one watch in one check
COMMITTED_WITHIN = 360_000  # milliseconds from the moment that begins a batch's id until it is in the table
_CHUNK = 100


@dataclass(kw_only=True)
class Checked:
    """What a check came to: watches looked at, those whose check failed (by their keys, with why), and the notices
    that it put into the outbox and claimed for whoever sends them now."""

    looked_at: int = 0
    failed: dict[str, Exception] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)


def look_for_silence(stores: Stores, now: datetime, deadline: Deadline) -> Checked:
    """Look at all watches that are due. One whose check fails is put off for an hour, and stops no other."""
    checked, seconds = Checked(), int(now.timestamp())
    with suppress(TemporarilyUnavailable):  # the rest stays due; what was found out is to be told now
        keys = [key for kind in (DUE_ALERT, DUE_SILENT) for key in stores.due.keys(kind, seconds, deadline)]
        for start in range(0, len(keys), _CHUNK):
            for item in stores.watches.items(keys[start : start + _CHUNK], deadline):
                _look_at(stores, item, now, deadline, checked)
    return checked


def _look_at(stores: Stores, item: Item, now: datetime, deadline: Deadline, checked: Checked) -> None:
    if "due_at" not in item or int(item["due_at"]["N"]) > now.timestamp():
        return  # the index lags behind
    checked.looked_at += 1
    try:
        notice = _check(stores, watched_of(item), now, deadline)
    except TemporarilyUnavailable:
        if deadline.remaining() <= 0:
            raise
    except Exception as failure:  # whatever is wrong with one, the others are looked at
        checked.failed[f"{item['pk']['S']} {item['sk']['S']}"] = failure
        with suppress(TemporarilyUnavailable):
            stores.watches.put_off(item, int(now.timestamp()) + PUT_OFF_SECONDS, deadline)
    else:
        if notice is not None:
            checked.notices.append(notice)


def _check(stores: Stores, watched: Watched, now: datetime, deadline: Deadline) -> Notice | None:
    """Bring a watch up to date; the notice that this gave."""
    moment = int(now.timestamp() * 1000)
    watch, is_complete = _with_batches(stores, watched, moment, deadline)
    if not is_complete:
        stores.watches.write(watched, watch, [], deadline)
        return None
    step = next_step(watch, moment)
    if step.notice is None:
        stores.watches.write(watched, step.watch, [], deadline)
        return None
    notice = _notice(watched, watch, step.notice, step.watch, moment)
    entry = {"kind": notice.kind, "resource_uid": watched.resource_uid, "at": now.isoformat(), **notice.facts}
    riders = [
        stores.outbox.write(notice, moment // 1000, claimed=True),
        stores.activity.note(watched.dataset_uid, f"alert#{moment:013d}#{notice.id}", entry, now),
    ]
    return notice if stores.watches.write(watched, step.watch, riders, deadline) else None


def _with_batches(stores: Stores, watched: Watched, now: int, deadline: Deadline) -> tuple[Watch, bool]:
    """The watch with the batches that came in since what was noted, and whether all of them were looked through: the
    rest follows at the next check. Of what is certainly not silent, or has been heard, nothing is looked for."""
    watch = watched.watch
    since = watch.clock_start if watch.state == WATCHING else watch.outage_since or 0
    if watch.has_been_heard or (watch.state == WATCHING and not is_silent(watch, now)):
        return watch, True
    after = max(since, watch.searched_to or 0)
    pages = stores.activity.batches_of(watched.dataset_uid, watched.resource_uid, after, deadline)
    rest: int | None = after
    for moments, told_to in islice(pages, MAX_PAGES):
        rest = told_to
        for moment in moments:
            watch = heard(watch, moment)
    end = now if rest is None else rest
    return replace(watch, searched_to=max(after, end - COMMITTED_WITHIN)), rest is None


def _notice(watched: Watched, before: Watch, kind: str, after: Watch, now: int) -> Notice:
    told_of = before if kind == RECOVERY else after
    return Notice(
        id=f"{kind}-{watched.resource_uid}-{before.revision}",
        kind=kind,
        scope=watched.resource_uid,
        created_at=now,
        base_url=watched.base_url,
        owner=watched.owner,
        recipients=watched.recipients,
        facts={
            **facts_of(watched),
            "outage_since": told_of.outage_since,
            "heard_at": told_of.heard_at or told_of.received,
        },
    )


def facts_of(watched: Watched) -> dict[str, Any]:
    """What mails say of a watched resource."""
    return {
        "dataset_uid": watched.dataset_uid,
        "dataset_id": watched.dataset_id,
        "resource_uid": watched.resource_uid,
        "title": watched.title,
        "threshold": watched.watch.threshold,
        "outage_since": watched.watch.outage_since,
    }


def silent_resources(stores: Stores, deadline: Deadline) -> Sequence[Watched]:
    """All resources that are silent now, by their names."""
    keys = list(stores.due.keys(DUE_SILENT, _ANY_TIME, deadline))
    watched = (watched_of(item) for item in stores.watches.items(keys, deadline))
    silent = [one for one in watched if one.watch.state == SILENT]
    return sorted(silent, key=lambda one: (one.dataset_id, one.title, one.resource_uid))


_ANY_TIME = 10**11  # epoch seconds, past every moment that something is due at
