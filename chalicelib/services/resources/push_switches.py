"""Push on and off, and push keys: what acts at once, and touches no record."""

import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from chalicelib.domain import shape
from chalicelib.domain.identifiers import derive_push_key, fingerprint
from chalicelib.domain.live import PushKeyHash
from chalicelib.domain.shape import Key, checked
from chalicelib.services.alerts.settings import (
    settle_watches,
)
from chalicelib.services.resources.resource_drafts import Draft, load_draft, realtime_switches, with_switches
from chalicelib.store.catalog.drafts import ResourceItem
from chalicelib.store.catalog.published import LiveItem
from chalicelib.store.catalog.transactions import one_transaction
from chalicelib.store.stores import Stores

MAX_OVERLAP_MINUTES = 7 * 24 * 60
MAX_OVERLAPPING = 5


def set_push_enabled(dataset_uid: str, resource_uid: str, enabled: bool, now: datetime) -> Draft:
    """Let the resource take pushes, or refuse them; at once, and without touching a record. Its alert rests
    meanwhile."""
    resource, live = load_draft(dataset_uid, resource_uid)
    switches = replace(realtime_switches(live, resource), push_enabled=enabled)
    with one_transaction() as transaction:
        all_switches = with_switches(live, resource, switches)
        transaction.update(live, [LiveItem.switches.set(all_switches)])
        transaction.save(resource)
        settle_watches(
            transaction,
            dataset_uid,
            is_published=live.is_published,
            configuration=live.configuration,
            switches=all_switches,
            now=now,
        )
    return Draft(resource=resource, switches=switches)


def renew_push_key(stores: Stores, dataset_uid: str, resource_uid: str, body: Any, now: datetime) -> Draft:
    """Give the resource a new push key. With `overlap_minutes` the present one stays valid that long, so that
    devices can be moved over; without, it is dead at once."""
    resource, live = load_draft(dataset_uid, resource_uid)
    switches = realtime_switches(live, resource)
    overlap = checked(body, _RENEWAL).get("overlap_minutes", 0)
    end = int(now.timestamp()) + 60 * overlap
    kept = _overlapping(switches.keys, end, now) if overlap else ()
    resource.key_id, resource.key_nonce = stores.push_secrets.current, secrets.token_hex(16)
    key = PushKeyHash(sha256=fingerprint(push_key(stores, resource)))
    renewed = replace(switches, keys=(key, *kept))
    with one_transaction() as transaction:
        transaction.update(live, [LiveItem.switches.set(with_switches(live, resource, renewed))])
        transaction.save(resource)
    return Draft(resource=resource, switches=renewed)


def push_key(stores: Stores, resource: ResourceItem) -> str:
    """The present push key of a realtime resource, derived anew: it is stored nowhere."""
    return derive_push_key(stores.push_secrets.get(resource.key_id or ""), resource.uid, resource.key_nonce or "")


def _overlapping(keys: Sequence[PushKeyHash], end: int, now: datetime) -> tuple[PushKeyHash, ...]:
    """The keys that stay valid beside a new one: the present one until `end`, older ones until their own end."""
    valid = [key for key in keys if key.expires_at is None or key.expires_at > now.timestamp()]
    return tuple(replace(key, expires_at=key.expires_at or end) for key in valid)[:MAX_OVERLAPPING]


_RENEWAL = {"overlap_minutes": Key(problem=shape.whole(0, MAX_OVERLAP_MINUTES))}
