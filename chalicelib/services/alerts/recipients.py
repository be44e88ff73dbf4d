"""Recipients: who may be sent what, and how people agree to mails and end them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from chalicelib.domain.mail_link import CONFIRM, EVERYTHING, UNSUBSCRIBE, MailLink, read_token
from chalicelib.domain.notice import CONFIRM as ASKING
from chalicelib.domain.notice import Notice
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.recipients import CONFIRMED, UNSUBSCRIBED, WAITING, Consent
from chalicelib.store.stores import Stores
from chalicelib.store.watches import Watched


def reachable(stores: Stores, notices: Iterable[Notice], deadline: Deadline) -> dict[str, list[str]]:
    """Who is to be told of each notice, by its id: the owner, and those who confirmed; not those who want no mails, or
    whom they do not reach."""
    wanted = list(notices)
    consents = [(address, notice.scope) for notice in wanted for address in notice.addresses]
    states = stores.recipients.states(consents, deadline)
    return {notice.id: [a for a in notice.addresses if _takes(states, a, notice)] for notice in wanted}


def ask_recipients(stores: Stores, watched: Watched, requester: str | None, now: datetime, deadline: Deadline) -> None:
    """Ask those recipients for their agreement who were never asked. Whoever made the request agrees by it."""
    seconds = int(now.timestamp())
    for address in watched.recipients:
        if address == watched.owner:
            continue
        if address == requester:
            stores.recipients.note(address, watched.resource_uid, CONFIRMED, seconds, deadline)
        elif stores.recipients.ask(address, watched.resource_uid, seconds, deadline):
            stores.outbox.put(_question(watched, address, now), seconds, deadline)


def recipient_states(stores: Stores, watched: Watched, deadline: Deadline) -> list[dict[str, str]]:
    """The recipients of a resource's alerts, and whether mails go to them."""
    addresses = list(dict.fromkeys([*([watched.owner] if watched.owner else []), *watched.recipients]))
    states = stores.recipients.states([(a, watched.resource_uid) for a in addresses], deadline)
    return [{"address": a, "state": _state(states, a, watched)} for a in addresses]


def link_of(stores: Stores, token: str, purpose: str) -> MailLink | None:
    """What a link in a mail asks for, None when it was not made here."""
    return read_token(token, stores.push_secrets.get, purpose)


def follow(stores: Stores, link: MailLink, now: datetime, deadline: Deadline) -> None:
    """Do what a link asks for; doing it again changes nothing."""
    seconds = int(now.timestamp())
    if link.purpose == UNSUBSCRIBE:
        stores.recipients.note(link.address, link.scope, UNSUBSCRIBED, seconds, deadline)
    elif link.purpose == CONFIRM:
        states = stores.recipients.states([(link.address, link.scope)], deadline)
        stores.recipients.note(link.address, link.scope, CONFIRMED, seconds, deadline)
        if states.get((link.address, EVERYTHING)) == UNSUBSCRIBED:
            stores.recipients.forget(link.address, EVERYTHING, deadline)


def stop_mails(
    stores: Stores, addresses: Sequence[str], datasets: Sequence[str], *, cause: str, now: datetime, deadline: Deadline
) -> None:
    """Send nothing more to addresses that mails bounce from, or whose readers complained (`cause`), and show it in the
    activity of the datasets that the mail was about."""
    for address in addresses:
        stores.recipients.note(address, EVERYTHING, cause, int(now.timestamp()), deadline)
        for dataset_uid in datasets:
            entry = {"kind": cause, "address": address, "at": now.isoformat(timespec="milliseconds")}
            moment = int(now.timestamp() * 1000)
            stores.activity.put(
                stores.activity.note(dataset_uid, f"alert#{moment:013d}#{address}", entry, now), deadline
            )


def _takes(states: Mapping[Consent, str], address: str, notice: Notice) -> bool:
    if (address, EVERYTHING) in states:
        return False
    state = states.get((address, notice.scope))
    if notice.kind == ASKING:
        return state == WAITING
    return state != UNSUBSCRIBED if address == notice.owner else state == CONFIRMED


def _state(states: Mapping[Consent, str], address: str, watched: Watched) -> str:
    general = states.get((address, EVERYTHING))
    if general is not None:
        return general
    known = states.get((address, watched.resource_uid))
    if address == watched.owner and known != UNSUBSCRIBED:
        return CONFIRMED
    return known or WAITING


def _question(watched: Watched, address: str, now: datetime) -> Notice:
    moment = int(now.timestamp() * 1000)
    return Notice(
        id=f"{ASKING}-{watched.resource_uid}-{moment}-{address}",
        kind=ASKING,
        scope=watched.resource_uid,
        created_at=moment,
        base_url=watched.base_url,
        recipients=(address,),
        facts={
            "dataset_uid": watched.dataset_uid,
            "dataset_id": watched.dataset_id,
            "resource_uid": watched.resource_uid,
            "title": watched.title,
        },
    )
