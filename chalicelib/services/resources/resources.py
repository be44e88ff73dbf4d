"""Resources of a dataset's draft: where its records come from."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from chalicelib.domain.errors import ValidationFailed
from chalicelib.domain.identifiers import fingerprint, new_uid, slugified
from chalicelib.domain.live import PushKeyHash, Switches
from chalicelib.domain.resource_shape import FILE_TYPES, REALTIME_DEFAULTS, checked_resource
from chalicelib.services.alerts.settings import (
    NOBODY,
    Requester,
    ask_for_agreement,
    change_watch,
    drop_watches,
    silence_minutes,
    watch_items_of,
)
from chalicelib.services.datasets.datasets import find_dataset, live_item
from chalicelib.services.datasets.drafts import draft_resources
from chalicelib.services.datasets.schedule_marks import mark_all
from chalicelib.services.datasets.source_copies import drop_source_copy
from chalicelib.services.resources.push_switches import push_key
from chalicelib.services.resources.remote_sources import delete_unused_secrets, take_source
from chalicelib.services.resources.resource_drafts import Draft, load_draft, switches_of, with_switches
from chalicelib.services.resources.source_files import infer_source_fields
from chalicelib.services.resources.source_head import Fetching
from chalicelib.services.schedules.scheduling import settle_all
from chalicelib.store.catalog.drafts import ResourceItem
from chalicelib.store.catalog.keys import RESOURCE, dataset_pk
from chalicelib.store.catalog.published import LiveItem
from chalicelib.store.catalog.transactions import one_transaction
from chalicelib.store.stores import Stores

MAX_RESOURCES = 20
REALTIME = "realtime"
_IMMEDIATE = ("push_enabled", "recovery", "recovery_days")  # params that act at once: they are kept as switches


def list_resources(dataset_uid: str) -> list[Draft]:
    """The resources of a dataset, oldest first."""
    live = live_item(find_dataset(dataset_uid).dataset_id)
    return [Draft(resource=r, switches=switches_of(live, r)) for r in draft_resources(dataset_uid)]


def find_resource(dataset_uid: str, resource_uid: str) -> Draft:
    """One resource of this dataset, else NotFound."""
    resource, live = load_draft(dataset_uid, resource_uid)
    return Draft(resource=resource, switches=switches_of(live, resource))


def create_resource(
    stores: Stores,
    dataset_uid: str,
    body: Any,
    now: datetime,
    *,
    source_fields: Sequence[Sequence[str]] = (),
    fetching: Fetching | None = None,
    requester: Requester = NOBODY,
) -> Draft:
    """Add a resource. A realtime one gets its push key and takes pushes from the next publish on. A remote source is
    looked at with `fetching`; without, it may lack its secrets. `source_fields` are the (name, type) of a resource
    whose file is not there yet."""
    live = live_item(find_dataset(dataset_uid).dataset_id)
    existing = draft_resources(dataset_uid)
    if len(existing) >= MAX_RESOURCES:
        raise ValidationFailed({"resources": [f"there are {MAX_RESOURCES} resources already: delete some"]})
    values = checked_resource(body)
    uid, moment = new_uid("re"), now.isoformat(timespec="milliseconds")
    taken = {resource.resource_id for resource in existing}
    wanted = values.get("resource_id") or (REALTIME if values["type"] == REALTIME else slugified(values["title"]))
    if values.get("resource_id") in taken:
        raise ValidationFailed({"resource_id": [f"this dataset already has a resource '{wanted}': choose another"]})
    resource = ResourceItem(
        dataset_pk(dataset_uid),
        RESOURCE + uid,
        uid=uid,
        resource_id=_free_id(wanted or "source", taken),
        type=values["type"],
        source_fields=[list(pair) for pair in source_fields],
        created_at=moment,
        updated_at=moment,
    )
    _take_values(stores, dataset_uid, resource, values, now=now, fetching=fetching)
    if resource.type != REALTIME:
        are_concerned = bool(resource.source) and mark_all(dataset_uid, now)  # schedules need a remote resource
        with one_transaction() as transaction:
            transaction.save(resource)
        if are_concerned:
            settle_all(stores, dataset_uid, now)
        return Draft(resource=resource, switches=None)
    resource.key_id, resource.key_nonce = stores.push_secrets.current, secrets.token_hex(16)
    key = PushKeyHash(sha256=fingerprint(push_key(stores, resource)))
    switches = Switches(resource_uid=uid, keys=(key,), push_enabled=values["params"].get("push_enabled", True))
    switches = switches.with_recovery(values["params"], now)
    return _store_settings(stores, live, resource, switches, requester=requester, now=now)


def edit_resource(
    stores: Stores,
    dataset_uid: str,
    resource_uid: str,
    body: Any,
    now: datetime,
    *,
    push_base: str | None = None,
    fetching: Fetching | None = None,
    requester: Requester = NOBODY,
) -> Draft:
    """Change those of the resource's title, params and source that the body names; the others stay. All but push
    on/off, recovery and the alert takes effect at the next publish. With `push_base` the push URL may be sent back as
    it is shown; a remote source is looked at with `fetching`."""
    resource, live = load_draft(dataset_uid, resource_uid)
    switches = switches_of(live, resource)
    before = shown(stores, Draft(resource=resource, switches=switches), push_base)
    values = checked_resource(body, resource.type, read_only=before)
    params = {**resource.params, **values["params"]}
    is_file = resource.type in FILE_TYPES  # then null takes a param away
    values["params"] = {name: value for name, value in params.items() if not (is_file and value is None)}
    secret_before, was_remote = resource.secret_name, bool(resource.source)
    _take_values(stores, dataset_uid, resource, values, now=now, fetching=fetching)
    resource.updated_at = now.isoformat(timespec="milliseconds")
    if switches is not None:
        switches = replace(switches, push_enabled=values["params"].get("push_enabled", switches.push_enabled))
        switches = switches.with_recovery(values["params"], now)
        return _store_settings(stores, live, resource, switches, requester=requester, now=now)
    are_concerned = bool(resource.source) != was_remote and mark_all(dataset_uid, now)
    with one_transaction() as transaction:
        transaction.save(resource)
    if are_concerned:
        settle_all(stores, dataset_uid, now)
    if resource.secret_name != secret_before:
        delete_unused_secrets(stores, dataset_uid, now)
    return Draft(resource=resource, switches=None)


def delete_resource(stores: Stores, dataset_uid: str, resource_uid: str, now: datetime) -> None:
    """Delete a resource: its push key is dead at once, its records go at the next publish. A source copy goes with it,
    and its secrets unless the published configuration needs them."""
    resource, live = load_draft(dataset_uid, resource_uid)
    if resource.source:
        drop_source_copy(stores, dataset_uid, resource.uid)
    are_concerned = bool(resource.source) and mark_all(dataset_uid, now)
    with one_transaction() as transaction:
        transaction.delete(resource)
        if resource.type == REALTIME:
            transaction.update(live, [LiveItem.switches.set(with_switches(live, resource, None))])
            drop_watches(transaction, watch_items_of(dataset_uid, resource_uid))
    if are_concerned:
        settle_all(stores, dataset_uid, now)
    if resource.secret_name:
        delete_unused_secrets(stores, dataset_uid, now)


def clean_cache(stores: Stores, dataset_uid: str, resource_uid: str) -> None:
    """Drop what is kept of a remote source beside its records; a resource of which nothing is kept is fine."""
    resource, _ = load_draft(dataset_uid, resource_uid)
    drop_source_copy(stores, dataset_uid, resource.uid)


def shown(stores: Stores, draft: Draft, push_base: str | None = None) -> dict[str, Any]:
    """The resource as the API shows it. `push_base` (the push API's URL with the dataset id) adds the push URL, for
    those who may edit."""
    resource, switches = draft.resource, draft.switches
    body: dict[str, Any] = {
        "uid": resource.uid,
        "resource_id": resource.resource_id,
        "type": resource.type,
        "title": resource.title,
        "created_at": resource.created_at,
        "updated_at": resource.updated_at,
        "params": dict(resource.params),
        "datasource": None,
    }
    if resource.type in FILE_TYPES:
        file = {"uid": resource.file_uid} if resource.file_uid else None
        body["datasource"] = resource.source or {"type": "uploaded_file", "file": file}
    if resource.source:
        body["problem"] = resource.source_problem
    if switches is not None:
        immediate = {name: getattr(switches, name) for name in _IMMEDIATE}
        body["params"] = {**REALTIME_DEFAULTS, **resource.params, **immediate}
        if push_base:
            key = push_key(stores, resource)
            body["params"]["push_url"] = f"{push_base}/{resource.resource_id}/push/?pushkey={key}"
    return body


def _take_values(
    stores: Stores,
    dataset_uid: str,
    resource: ResourceItem,
    values: Mapping[str, Any],
    *,
    now: datetime,
    fetching: Fetching | None,
) -> None:
    resource.title = values["title"]
    resource.params = {name: value for name, value in values["params"].items() if name not in _IMMEDIATE}
    if resource.type in FILE_TYPES:
        source = values["datasource"]
        is_uploaded = source["type"] == "uploaded_file"
        resource.file_uid = source["file"]["uid"] if is_uploaded and source["file"] else None
        if is_uploaded:
            resource.source = resource.secret_name = resource.source_problem = None
        else:
            take_source(stores, dataset_uid, resource, source, now=now, fetching=fetching)
    resource.source_fields = infer_source_fields(stores, dataset_uid, resource)


def _store_settings(
    stores: Stores,
    live: LiveItem,
    resource: ResourceItem,
    switches: Switches,
    *,
    requester: Requester,
    now: datetime,
) -> Draft:
    """Store a realtime resource with its switches and its alert, all or nothing."""
    switches = replace(switches, silence_minutes=silence_minutes(resource.params))
    change = change_watch(stores, live, resource, switches, requester=requester, now=now)
    with one_transaction() as transaction:
        transaction.update(live, [LiveItem.switches.set(with_switches(live, resource, switches))])
        transaction.save(resource)
        change.write(transaction)
    ask_for_agreement(stores, change, requester, now)
    return Draft(resource=resource, switches=switches)


def _free_id(wanted: str, taken: set[str]) -> str:
    candidates = [wanted, *(f"{wanted[:90]}{number}" for number in range(1, MAX_RESOURCES + 1))]
    return next(candidate for candidate in candidates if candidate not in taken)
