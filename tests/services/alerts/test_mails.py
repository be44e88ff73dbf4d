"""Who is sent what: recipients, digests, reminders, and what SES refuses or bounces."""

from dataclasses import replace

import orjson
import pytest

from chalicelib.domain.errors import TemporarilyUnavailable
from chalicelib.domain.mail_layout import Mail
from chalicelib.domain.mail_link import CONFIRM, EVERYTHING, UNSUBSCRIBE, MailLink
from chalicelib.domain.notice import FAILING, schedule_notice
from chalicelib.services.alerts.outbox import AGAIN_AFTER
from chalicelib.services.alerts.recipients import follow
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.mailer import Mailer, MailRefused
from chalicelib.store.stores import Stores
from chalicelib.triggers.bounces import take
from tests.builders import NOW, at
from tests.deployment import MAIL_FROM, REGION
from tests.services.alerts.watching import (
    ANN,
    BOB,
    EVE,
    backend,
    edit,
    look,
    mails,
    states_of_recipients,
    watched,
)


def test_other_recipients_are_asked_first_and_told_when_they_agree(stores: Stores) -> None:
    device = watched(stores, alert_recipients=[BOB.upper(), EVE])
    look(stores, 1)
    asked = "dataset-"
    assert sorted((to, subject[: len(asked)]) for to, subject in mails()) == [(BOB, asked), (EVE, asked)]
    edit(device, 2, alert_recipients=[BOB, EVE])
    look(stores, 3)
    assert len(mails()) == 2, "nobody is asked twice"
    assert states_of_recipients(device) == {ANN: "confirmed", BOB: "waiting", EVE: "waiting"}
    link = MailLink(purpose=CONFIRM, scope=device.resource_uid, address=BOB)
    follow(stores, link, at(3), Deadline(5))
    follow(stores, link, at(4), Deadline(5))
    backend().sent_messages.clear()
    look(stores, 70)
    assert {to for to, _ in mails()} == {ANN, BOB}


def test_who_unsubscribes_gets_no_more_of_this_or_of_anything(stores: Stores) -> None:
    first, second = watched(stores), watched(stores)
    one = MailLink(purpose=UNSUBSCRIBE, scope=first.resource_uid, address=ANN)
    follow(stores, one, at(5), Deadline(5))
    look(stores, 61)
    assert len(mails()) == 1
    assert (states_of_recipients(first), states_of_recipients(second)) == ({ANN: "unsubscribed"}, {ANN: "confirmed"})
    follow(stores, replace(one, scope=EVERYTHING), at(70), Deadline(5))
    replace(second, now=at(80)).push([])
    look(stores, 90)
    assert len(mails()) == 1
    follow(stores, replace(one, purpose=CONFIRM), at(95), Deadline(5))
    assert states_of_recipients(first) == {ANN: "confirmed"}, "who agrees again gets them again"


def test_many_at_once_become_one_mail(stores: Stores) -> None:
    devices = [watched(stores) for _ in range(6)]
    delivery = look(stores, 61)
    assert (delivery.sent, mails()) == (1, [(ANN, "6 sources have become silent")])
    look(stores, 300)
    assert len(mails()) == 1
    for device in devices:
        replace(device, now=at(310)).push([])
    look(stores, 320)
    assert mails()[1:] == [(ANN, "6 sources receive data again")]


def test_reminders_come_while_it_lasts(stores: Stores) -> None:
    watched(stores, alert_reminder="hourly")
    for seconds in (61, 3660, 3662, 7261, 7263):
        look(stores, seconds)
    assert [subject.split(" data")[0] for _, subject in mails()] == ["No", "Still no", "Still no"]


class Refusing(Mailer):
    """SES as it answers on a bad day."""

    failure: Exception | None = MailRefused("not verified")

    def send(self, mail: Mail) -> None:
        if self.failure is not None:
            raise self.failure
        super().send(mail)


@pytest.mark.parametrize(("failure", "after"), [(MailRefused("no"), AGAIN_AFTER), (TemporarilyUnavailable(), 30)])
def test_what_ses_does_not_take_is_sent_later_and_given_up_after_a_day(
    stores: Stores, failure: Exception, after: int
) -> None:
    watched(stores)
    mailer = Refusing(MAIL_FROM, None, REGION)
    mailer.failure = failure
    vars(stores)["mailer"] = mailer
    assert look(stores, 61).sent == 0
    assert look(stores, 61 + after - 1).sent == 0
    mailer.failure = None
    assert look(stores, 61 + after).sent == 1
    assert look(stores, 61 + 2 * after).sent == 0
    mailer.failure = failure
    watched(stores)
    look(stores, 5000)
    assert look(stores, 5001 + 86_400).given_up == 1
    assert look(stores, 5001 + 2 * 86_400).given_up == 0


def test_bounces_and_complaints_end_the_mails_to_an_address_and_show_in_the_activity(stores: Stores) -> None:
    device = watched(stores)
    mail = {"tags": {"datasets": [device.dataset_uid]}}
    soft = {"eventType": "Bounce", "mail": mail, "bounce": {"bounceType": "Transient", "bouncedRecipients": [{}]}}
    take(stores, soft, at(5), Deadline(5))
    assert states_of_recipients(device) == {ANN: "confirmed"}
    hard = {**soft, "bounce": {"bounceType": "Permanent", "bouncedRecipients": [{"emailAddress": "Ann@example.org"}]}}
    take(stores, hard, at(6), Deadline(5))
    assert states_of_recipients(device) == {ANN: "bounced"}
    complaint = {"eventType": "Complaint", "mail": mail, "complaint": {"complainedRecipients": [{"emailAddress": BOB}]}}
    take(stores, complaint, at(7), Deadline(5))
    look(stores, 61)
    assert mails() == []
    kinds = [entry["kind"] for entry in stores.activity.entries(device.dataset_uid, "alert#", "alert#z", Deadline(5))]
    assert kinds == ["bounced", "complained", "alert"]


def test_schedules_tell_their_owner_once(stores: Stores) -> None:
    notice = schedule_notice(
        FAILING,
        dataset_uid="da_aaaaaa",
        dataset_id="cheeses",
        reason="404",
        occurrence="1",
        at=int(NOW.timestamp() * 1000),
        base_url="https://data.example.org/api",
        owner=ANN,
    )
    assert stores.outbox.put(notice, int(NOW.timestamp()), Deadline(5))
    look(stores, 1)
    assert not stores.outbox.put(notice, int(at(2).timestamp()), Deadline(5))
    look(stores, 3)
    assert mails() == [(ANN, "cheeses")]


def test_the_activity_shows_what_was_told(stores: Stores) -> None:
    device = watched(stores)
    look(stores, 61)
    (entry,) = stores.activity.entries(device.dataset_uid, "alert#", "alert#z", Deadline(5))
    assert (entry["kind"], entry["resource_uid"]) == ("alert", device.resource_uid)
    assert orjson.dumps(entry)


def test_a_mail_is_handed_to_ses_with_its_headers_tags_and_configuration_set() -> None:
    mail = Mail(
        to=ANN, subject="S", text="T", html="<p>T", headers={"List-Unsubscribe": "<u>"}, tags={"datasets": "da"}
    )
    request = Mailer(MAIL_FROM, "freshwire-test-mails", REGION).request(mail)
    assert request["Content"]["Simple"]["Headers"] == [{"Name": "List-Unsubscribe", "Value": "<u>"}]
    assert request["EmailTags"] == [{"Name": "datasets", "Value": "da"}]
    assert (request["ConfigurationSetName"], request["Destination"]) == ("freshwire-test-mails", {"ToAddresses": [ANN]})
