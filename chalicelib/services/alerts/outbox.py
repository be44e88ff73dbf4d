"""Sending what is in the outbox: each recipient is told of each notice once, of many at once in one mail.

A mail goes out only under a claim, and whoever got it is kept right after. A process that dies before, or while it
sends, is followed by another once its claim is over. One that dies in the moment between SES's answer and the note of
it is too: then a recipient gets a mail twice, since losing an alert would be worse.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from chalicelib.domain.errors import TemporarilyUnavailable
from chalicelib.domain.mails import Signer, digest_of, mail_of
from chalicelib.domain.notice import OF_RESOURCES, Notice
from chalicelib.services.alerts.recipients import reachable
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.mailer import Mailer, MailRefused
from chalicelib.store.outbox import DUE_OUTBOX
from chalicelib.store.stores import Stores

SINGLE_MAILS = 5  # to one recipient in one go; of more notices a digest is made
AGAIN_AFTER = 900  # seconds, when SES refuses a mail
SOON = 30  # seconds, when it takes none
GIVEN_UP_AFTER = 86_400_000  # milliseconds
_LEAST_SECONDS = 8.0  # in which SES answers and that is kept


@dataclass(kw_only=True)
class Delivery:
    """What a run of the outbox came to: mails sent, those that SES refused with what it said, and notices given up."""

    sent: int = 0
    refused: list[str] = field(default_factory=list)
    given_up: int = 0


def deliver(stores: Stores, claimed: Sequence[Notice], now: datetime, deadline: Deadline) -> Delivery:
    """Send what is due, and notices that whoever put them in has claimed. What cannot be sent now stays."""
    delivery = Delivery()
    mailer = stores.mailer
    if mailer is None:
        return delivery
    by_id = {notice.id: notice for notice in [*claimed, *_claim_due(stores, now, deadline)]}
    notices = sorted(by_id.values(), key=lambda notice: (notice.created_at, notice.id))
    if notices:
        _Run(stores, mailer, now, deadline, delivery).send(notices)
    return delivery


def _claim_due(stores: Stores, now: datetime, deadline: Deadline) -> Iterator[Notice]:
    seconds = int(now.timestamp())
    for pk, _ in list(stores.due.keys(DUE_OUTBOX, seconds, deadline)):
        if notice := stores.outbox.claim(pk, seconds, deadline):
            yield notice


class _Run:
    """One run over claimed notices. `pending` are those that each is yet to be told to."""

    def __init__(self, stores: Stores, mailer: Mailer, now: datetime, deadline: Deadline, delivery: Delivery) -> None:
        self._stores, self._mailer, self._deadline, self._delivery = stores, mailer, deadline, delivery
        self._seconds = int(now.timestamp())
        self._signer = Signer(
            secret=stores.push_secrets.get(stores.push_secrets.current), key_id=stores.push_secrets.current
        )
        self._notices: dict[str, Notice] = {}
        self._pending: dict[str, list[str]] = {}

    def send(self, notices: Sequence[Notice]) -> None:
        """Send them, one recipient after the other."""
        self._notices = {notice.id: notice for notice in notices}
        told = reachable(self._stores, notices, self._deadline)
        self._pending = {n.id: [a for a in told[n.id] if a not in n.told] for n in notices}
        for notice in notices:
            if not self._pending[notice.id]:
                self._stores.outbox.finish(notice, self._seconds, self._deadline)
        try:
            for address in dict.fromkeys(a for addresses in self._pending.values() for a in addresses):
                self._tell(address, [n for n in notices if address in self._pending[n.id]])
        except TemporarilyUnavailable:
            self._put_off(SOON)
        self._put_off(AGAIN_AFTER)

    def _tell(self, address: str, notices: Sequence[Notice]) -> None:
        of_resources = [notice for notice in notices if notice.kind in OF_RESOURCES]
        if len(of_resources) > SINGLE_MAILS:
            self._mail(address, of_resources)
            notices = [notice for notice in notices if notice.kind not in OF_RESOURCES]
        for notice in notices:
            self._mail(address, [notice])

    def _mail(self, address: str, notices: Sequence[Notice]) -> None:
        if self._deadline.remaining() < _LEAST_SECONDS:
            raise TemporarilyUnavailable
        digest = digest_of(notices, address, self._signer) if len(notices) > 1 else None
        try:
            self._mailer.send(digest or mail_of(notices[0], address, self._signer))
        except MailRefused as refused:
            self._delivery.refused.append(str(refused))
            return
        self._delivery.sent += 1
        for notice in notices:
            self._note_told(notice.id, address)

    def _note_told(self, notice_id: str, address: str) -> None:
        notice = self._notices[notice_id] = self._notices[notice_id].after_telling(address)
        self._pending[notice_id].remove(address)
        if self._pending[notice_id]:
            self._stores.outbox.note_told(notice, address, self._deadline)
        else:
            self._stores.outbox.finish(notice, self._seconds, self._deadline)

    def _put_off(self, seconds: int) -> None:
        """Let go of what is not sent; of what nobody could be told for a day there is no use any more."""
        left = [self._notices[notice_id] for notice_id, addresses in self._pending.items() if addresses]
        self._pending = {}
        for notice in left:
            if self._seconds * 1000 - notice.created_at > GIVEN_UP_AFTER:
                self._delivery.given_up += 1
                self._stores.outbox.finish(notice, self._seconds, self._deadline)
            else:
                self._stores.outbox.put_off(notice, self._seconds + seconds, self._deadline)
