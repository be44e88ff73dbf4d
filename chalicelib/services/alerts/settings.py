"""Settings of inactivity alerts, and whatever else starts, stops or rests a watch. They act at once.

Every one of these changes goes with a conditional write of the dataset's live item, in the same transaction: two of
them never mix, and the check, which reads the watch alone, sees either all of one or nothing.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from pynamodb.exceptions import DoesNotExist
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from chalicelib.domain.errors import FeatureNotAvailable, ValidationFailed
from chalicelib.domain.inactivity import SILENT, Watch, armed, paused
from chalicelib.domain.live import Switches
from chalicelib.domain.mail_address import header_text, normalized_address
from chalicelib.domain.resource_shape import REALTIME_DEFAULTS
from chalicelib.services.alerts.recipients import ask_recipients, recipient_states
from chalicelib.store.catalog.drafts import ResourceItem
from chalicelib.store.catalog.keys import WATCH, dataset_pk
from chalicelib.store.catalog.published import LiveItem, WatchItem
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.stores import Stores
from chalicelib.store.watches import Watched, watch_values, watched_of

_ASK_SECONDS = 5.0
_NOTED_BY_OTHERS = ("received", "revision")  # a sign of life may come at the same moment
_SHOWN = ("watching_since", "last_received_at", "no_data_received_since", "alerted_at", "inactivity_minutes")
_SETTINGS = ("threshold", "reminder", "snoozed_until")


@dataclass(frozen=True, kw_only=True)
class Requester:
    """Who changes settings: the address of the API key, if it has one, and where that person reaches the product."""

    email: str | None = None
    base_url: str = ""


NOBODY = Requester()


@dataclass(frozen=True, kw_only=True)
class WatchChange:
    """What an edit of a resource does to its watch. `after` is None when there is none any more."""

    before: WatchItem | None
    after: Watched | None

    def write(self, transaction: TransactWrite) -> None:
        """Take it into the transaction that stores the edit."""
        if self.after is None:
            if self.before is not None:
                transaction.delete(self.before, add_version_condition=False)
        elif self.before is None:
            transaction.save(_new_item(self.after))
        elif self.after != watched_of(self.before.to_dynamodb_dict()):
            received = self.before.received
            heard = WatchItem.received.does_not_exist() if received is None else WatchItem.received == received
            transaction.update(self.before, _actions(self.after), condition=heard)


def silence_minutes(params: Mapping[str, Any]) -> int | None:
    """The threshold of a realtime resource with these params, None when alerting is off."""
    known = {**REALTIME_DEFAULTS, **params}
    return int(known["inactivity_minutes"]) if known["alerting"] else None


def change_watch(
    stores: Stores, live: LiveItem, resource: ResourceItem, switches: Switches, *, requester: Requester, now: datetime
) -> WatchChange:
    """What the params of a resource, as they are to be stored, make of its watch. Refuses alerts that nobody would
    get."""
    before = _find(live.dataset_uid, resource.uid)
    minutes = silence_minutes(resource.params)
    if minutes is None:
        return WatchChange(before=before, after=None)
    if stores.mailer is None:
        raise FeatureNotAvailable(
            "This deployment sends no mails, and so no alerts: ask the people who run it to set FRESHWIRE_MAIL_FROM."
        )
    known = {**REALTIME_DEFAULTS, **resource.params}
    recipients = tuple(dict.fromkeys(normalized_address(address) for address in known["alert_recipients"]))
    owner = before.owner if before is not None else requester.email
    if not recipients and owner is None:
        raise ValidationFailed(
            {"alert_recipients": ["name at least one address: the API key that switches alerting on has none"]}
        )
    watched = Watched(
        dataset_uid=live.dataset_uid,
        dataset_id=live.pk.partition("#")[2],
        resource_uid=resource.uid,
        title=header_text(resource.title),
        owner=owner,
        recipients=recipients,
        base_url=requester.base_url or (before.base_url if before is not None else ""),
        watch=_changed(before, recipients, known, minutes, now),
    )
    is_open = _is_open(live.is_published, live.configuration, switches)
    return WatchChange(before=before, after=replace(watched, watch=_rested(watched.watch, is_open, now)))


def ask_for_agreement(stores: Stores, change: WatchChange, requester: Requester, now: datetime) -> None:
    """Ask the new recipients of an edit that is stored."""
    if change.after is not None:
        ask_recipients(stores, change.after, requester.email, now, Deadline(_ASK_SECONDS))


def settle_watches(
    transaction: TransactWrite,
    dataset_uid: str,
    *,
    is_published: bool,
    configuration: Mapping[str, Any] | None,
    switches: Mapping[str, Any],
    now: datetime,
) -> None:
    """Bring the watches of a dataset in line with what the transaction makes of it: those that can receive nothing
    rest, and their clocks start anew when they can."""
    by_uid = {stored["resource_uid"]: Switches.from_json(stored) for stored in switches.values()}
    for item in watch_items(dataset_uid):
        watched = watched_of(item.to_dynamodb_dict())
        known = by_uid.get(watched.resource_uid)
        is_open = known is not None and _is_open(is_published, configuration, known)
        settled = _rested(watched.watch, is_open, now)
        if settled != watched.watch:
            exists = WatchItem.pk.exists()
            transaction.update(
                item, _actions(replace(watched, watch=settled)), condition=exists, add_version_condition=False
            )


def drop_watches(transaction: TransactWrite, items: Iterable[WatchItem]) -> None:
    """Watch these no longer."""
    for item in items:
        transaction.delete(item, add_version_condition=False)


def watch_items(dataset_uid: str) -> list[WatchItem]:
    """The watches of a dataset."""
    return list(WatchItem.query(dataset_pk(dataset_uid), WatchItem.sk.startswith(WATCH), consistent_read=True))


def watch_items_of(dataset_uid: str, resource_uid: str) -> list[WatchItem]:
    """The watch of a resource, if it has one."""
    found = _find(dataset_uid, resource_uid)
    return [] if found is None else [found]


def shown_alert(stores: Stores, dataset_uid: str, resource_uid: str) -> dict[str, Any]:
    """How the inactivity alert of a resource stands, and whom its mails reach."""
    deadline = Deadline(_ASK_SECONDS)
    watched = stores.watches.find(dataset_uid, resource_uid, deadline)
    if watched is None:
        return {**dict.fromkeys(_SHOWN), "state": "off", "recipients": []}
    watch = watched.watch
    return {
        "state": "paused" if watch.is_paused else watch.state,
        "watching_since": _shown(watch.since),
        "last_received_at": _shown(watch.received),
        "no_data_received_since": _shown(watch.outage_since),
        "alerted_at": _shown(watch.silent_at),
        "inactivity_minutes": watch.threshold // 60_000,
        "recipients": recipient_states(stores, watched, deadline),
    }


def _changed(
    before: WatchItem | None, recipients: tuple[str, ...], params: Mapping[str, Any], minutes: int, now: datetime
) -> Watch:
    """The watch with the settings of these params. Its clock starts anew when any of them is another; an outage goes
    on: only what is received ends it."""
    moment, snooze = int(now.timestamp() * 1000), params["alert_snoozed_until"]
    settings: dict[str, Any] = {
        "threshold": minutes * 60_000,
        "reminder": params["alert_reminder"],
        "snoozed_until": None if snooze is None else _milliseconds(snooze),
    }
    if before is None:
        return Watch(since=moment, **settings)
    known = watched_of(before.to_dynamodb_dict())
    is_same = known.recipients == recipients and all(getattr(known.watch, n) == settings[n] for n in _SETTINGS)
    if is_same:
        return known.watch
    changed = replace(known.watch, **settings)
    return changed if changed.state == SILENT else replace(changed, since=moment)


def _rested(watch: Watch, is_open: bool, now: datetime) -> Watch:
    if is_open == (not watch.is_paused):
        return watch
    return armed(watch, int(now.timestamp() * 1000)) if is_open else paused(watch)


def _is_open(is_published: bool, configuration: Mapping[str, Any] | None, switches: Switches) -> bool:
    """Whether the resource can receive anything."""
    intakes = (configuration or {}).get("intakes", {})
    return is_published and switches.push_enabled and switches.resource_uid in intakes


def _new_item(watched: Watched) -> WatchItem:
    values = watch_values(watched.resource_uid, watched.watch)
    return WatchItem(
        dataset_pk(watched.dataset_uid),
        WATCH + watched.resource_uid,
        **_said(watched),
        **{name: value for name, value in values.items() if value is not None and name != "revision"},
    )


def _actions(watched: Watched) -> list[Action]:
    values = {**_said(watched), **watch_values(watched.resource_uid, watched.watch)}
    attributes = WatchItem.get_attributes()
    return [
        attributes[name].remove() if value is None else attributes[name].set(value)
        for name, value in values.items()
        if name not in _NOTED_BY_OTHERS
    ]


def _said(watched: Watched) -> dict[str, Any]:
    return {
        "dataset_uid": watched.dataset_uid,
        "dataset_id": watched.dataset_id,
        "resource_uid": watched.resource_uid,
        "title": watched.title,
        "owner": watched.owner,
        "recipients": list(watched.recipients),
        "base_url": watched.base_url,
    }


def _find(dataset_uid: str, resource_uid: str) -> WatchItem | None:
    with suppress(DoesNotExist):
        return WatchItem.get(dataset_pk(dataset_uid), WATCH + resource_uid, consistent_read=True)
    return None


def _milliseconds(text: str) -> int:
    moment = datetime.fromisoformat(text)
    return int((moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment).timestamp() * 1000)


def _shown(moment: int | None) -> str | None:
    return None if moment is None else datetime.fromtimestamp(moment / 1000, UTC).isoformat(timespec="milliseconds")
