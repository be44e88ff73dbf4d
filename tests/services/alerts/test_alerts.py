"""Alerts by example: settings, who is told, digests, reports, bounces, and what SES refuses."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson
import pytest
from botocore.exceptions import ClientError
from moto.core import DEFAULT_ACCOUNT_ID
from moto.ses.models import ses_backends

from chalicelib.domain.errors import FeatureNotAvailable, PushDisabled, TemporarilyUnavailable, ValidationFailed
from chalicelib.domain.mail_layout import Mail
from chalicelib.domain.mail_link import CONFIRM, EVERYTHING, UNSUBSCRIBE, MailLink
from chalicelib.domain.notice import FAILING, schedule_notice
from chalicelib.services import datasets, push_switches, resource_drafts, resources
from chalicelib.services.alert_settings import NOBODY, Requester, shown_alert, watch_items
from chalicelib.services.alerts import MAX_PAGES, look_for_silence
from chalicelib.services.daily_report import make_report, note_failed_run, report_due
from chalicelib.services.outbox import AGAIN_AFTER, Delivery, deliver, notify
from chalicelib.services.publication import publish
from chalicelib.services.recipients import follow
from chalicelib.store.activity import ActivityLog
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.mailer import Mailer, MailRefused
from chalicelib.store.stores import Stores
from chalicelib.triggers.bounces import take
from chalicelib.triggers.clock import do_duties
from tests.builders import NOW, at
from tests.deployment import MAIL_FROM, REGION, PatientDeadline, Tables
from tests.services.devices import Device, a_device

ANN, BOB, EVE = "ann@example.org", "bob@example.org", "eve@example.org"
OWNER = Requester(email=ANN, base_url="https://data.example.org/api")


@pytest.fixture(scope="module")
def empty(shared_stores: Stores) -> Tables:
    return Tables()


@pytest.fixture
def stores(shared_stores: Stores, empty: Tables) -> Iterator[Stores]:
    """Stores of a deployment that has nothing in it, whose mails can be read."""
    empty.put_back()
    backend().sent_messages.clear()
    fresh = Stores(shared_stores.names, shared_stores.client)
    vars(fresh).update(mailer=shared_stores.mailer, push_secrets=shared_stores.push_secrets, bell=shared_stores.bell)
    yield fresh


def backend() -> Any:
    return ses_backends[DEFAULT_ACCOUNT_ID][REGION]


def mails() -> list[tuple[str, str]]:
    """Who was sent what, by its subject."""
    return [(m.destinations["ToAddresses"][0], m.subject.partition(":")[0]) for m in backend().sent_messages]


def watched(stores: Stores, *, requester: Requester = OWNER, **params: Any) -> Device:
    device = a_device(stores, bootstrap={"key": 1})
    edit(device, requester=requester, alerting=True, inactivity_minutes=1, **params)
    return device


def edit(device: Device, seconds: float = 0, *, requester: Requester = OWNER, **params: Any) -> resource_drafts.Draft:
    body = {"type": "realtime", "params": {"bootstrap": {"key": 1}, **params}}
    uids = device.dataset_uid, device.resource_uid
    return resources.edit_resource(device.stores, *uids, body, at(seconds), requester=requester)


def look(stores: Stores, seconds: float) -> Delivery:
    checked = look_for_silence(stores, at(seconds), PatientDeadline(60))
    assert not checked.failed
    return deliver(stores, checked.notices, at(seconds), PatientDeadline(60))


def state(device: Device) -> dict[str, Any]:
    return shown_alert(device.stores, device.dataset_uid, device.resource_uid)


def states_of_recipients(device: Device) -> dict[str, str]:
    return {recipient["address"]: recipient["state"] for recipient in state(device)["recipients"]}


def test_a_dataset_that_never_received_anything_alerts_once_after_the_threshold(stores: Stores) -> None:
    device = watched(stores)
    look(stores, 60)
    assert mails() == []
    look(stores, 61)
    look(stores, 62)
    look(stores, 200)
    assert mails() == [(ANN, "No data received since 2026-03-29T10")]
    assert state(device)["state"] == "silent"
    assert state(device)["no_data_received_since"] == NOW.isoformat(timespec="milliseconds")


@pytest.mark.parametrize("body", [{"key": 1}, []])
def test_a_push_and_a_heartbeat_are_signs_of_life(stores: Stores, body: Any) -> None:
    device = watched(stores)
    replace(device, now=at(50)).push(body)
    look(stores, 61)
    assert mails() == []
    look(stores, 111)
    assert len(mails()) == 1
    replace(device, now=at(130)).push(body)
    look(stores, 131)
    assert [subject for _, subject in mails()][1:] == ["Receiving data again"]


def test_a_delete_is_a_sign_of_life_too(stores: Stores) -> None:
    device = watched(stores)
    replace(device, now=at(50)).delete({"key": 1})
    look(stores, 61)
    assert mails() == []


def test_what_is_refused_is_no_sign_of_life(stores: Stores) -> None:
    device = watched(stores)
    with pytest.raises(Exception, match="not JSON"):
        replace(device, now=at(50)).push(b"{")
    with pytest.raises(Exception, match="push key"):
        replace(device, now=at(50), target=replace(device.target, push_key="0" * 56)).push([])
    look(stores, 61)
    assert len(mails()) == 1


def test_what_is_not_pushed_is_no_sign_of_life(stores: Stores) -> None:
    device = watched(stores)
    stores.activity.put_receipt(
        device.dataset_uid,
        f"{int(at(30).timestamp() * 1000):012x}{'0' * 16}",
        {"resource_uid": device.resource_uid, "operation": "recover", "state": "applied"},
        at(30),
        Deadline(5),
    )
    look(stores, 61)
    assert len(mails()) == 1


def test_pushes_of_a_container_cost_one_write_in_ten_seconds_of_a_minute(stores: Stores) -> None:
    device = watched(stores)
    stores.client.calls.clear()
    for second in range(30):
        replace(device, now=at(second)).push([])
    assert stores.client.calls["update_item"] == 3


def test_pushes_of_a_resource_that_is_not_watched_cost_nothing_more(stores: Stores) -> None:
    device = a_device(stores, bootstrap={"key": 1})
    stores.client.calls.clear()
    device.push([])
    assert stores.client.calls == {"query": 1, "batch_write_item": 1}


def test_a_sign_of_life_that_cannot_be_noted_fails_no_push(stores: Stores) -> None:
    device = watched(stores)

    def refuse(operation: str) -> None:
        if operation == "update_item":
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": ""}}, "UpdateItem")

    stores.client.before = refuse
    try:
        assert replace(device, now=at(30)).push([]).state == "applied"
    finally:
        stores.client.before = lambda _: None
    look(stores, 61)
    assert mails() == [], "the check has found the batch"


def test_settings_act_at_once_and_start_the_clock_anew(stores: Stores) -> None:
    device = watched(stores)
    edit(device, 30, inactivity_minutes=2)
    look(stores, 61)
    look(stores, 150)
    assert mails() == []
    look(stores, 151)
    assert len(mails()) == 1


def test_an_edit_of_something_else_leaves_the_clock_and_an_unnamed_alert_stays_on(stores: Stores) -> None:
    device = watched(stores)
    draft = edit(device, 30)
    assert resources.shown(stores, draft)["params"]["alerting"] is True
    look(stores, 61)
    assert len(mails()) == 1


@pytest.mark.parametrize("rest", ["disable", "unpublish", "off"])
def test_what_can_receive_nothing_is_not_silent(stores: Stores, rest: str) -> None:
    device = watched(stores)
    if rest == "disable":
        push_switches.set_push_enabled(device.dataset_uid, device.resource_uid, False, at(5))
        with pytest.raises(PushDisabled):
            device.push([])
    elif rest == "unpublish":
        from chalicelib.services.publication import unpublish  # noqa: PLC0415

        unpublish(stores, device.dataset_uid, at(5))
    else:
        edit(device, 5, alerting=False)
    look(stores, 500)
    assert mails() == []
    assert state(device)["state"] == ("off" if rest == "off" else "paused")
    if rest == "disable":
        push_switches.set_push_enabled(device.dataset_uid, device.resource_uid, True, at(600))
    elif rest == "unpublish":
        publish(stores, device.dataset_uid, at(600), Deadline(5))
    else:
        edit(device, 600, alerting=True)
    look(stores, 660)
    assert mails() == [], "the clock has started anew"
    look(stores, 661)
    assert len(mails()) == 1


def test_an_alert_before_the_first_publication_waits_for_it(stores: Stores) -> None:
    device = a_device(stores, bootstrap={"key": 1}, published=False)
    edit(device, alerting=True, inactivity_minutes=1)
    look(stores, 500)
    assert (mails(), state(device)["state"]) == ([], "paused")
    publish(stores, device.dataset_uid, at(600), Deadline(5))
    look(stores, 661)
    assert len(mails()) == 1


def test_a_resource_or_a_dataset_takes_its_watch_along(stores: Stores) -> None:
    first, second = watched(stores), watched(stores)
    resources.delete_resource(stores, first.dataset_uid, first.resource_uid, at(400))
    datasets.delete_dataset(stores, second.dataset_uid, at(400))
    assert watch_items(first.dataset_uid) == watch_items(second.dataset_uid) == []
    look(stores, 500)
    assert mails() == []


def test_alerts_that_nobody_would_get_are_refused(stores: Stores) -> None:
    with pytest.raises(ValidationFailed, match="at least one address"):
        watched(stores, requester=NOBODY)
    mute = Stores(replace(stores.names, mail_from=None), stores.client)
    with pytest.raises(FeatureNotAvailable, match="FRESHWIRE_MAIL_FROM"):
        watched(mute)


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


def test_one_that_cannot_be_checked_stops_no_other(stores: Stores) -> None:
    broken, fine = watched(stores), watched(stores)
    key = {"pk": {"S": f"dataset#{broken.dataset_uid}"}, "sk": {"S": f"alert#{broken.resource_uid}"}}
    stores.client.update_item(TableName=stores.names.catalog_table, Key=key, UpdateExpression="REMOVE threshold")
    checked = look_for_silence(stores, at(61), PatientDeadline(60))
    assert (list(checked.failed), len(checked.notices)) == ([f"{key['pk']['S']} {key['sk']['S']}"], 1)
    assert checked.notices[0].scope == fine.resource_uid
    assert look_for_silence(stores, at(120), PatientDeadline(60)).looked_at == 0
    assert look_for_silence(stores, at(3700), PatientDeadline(60)).failed


class Paged(ActivityLog):
    """A table whose pages hold one receipt each."""

    def batches_of(self, *args: Any) -> Iterator[tuple[list[int], int | None]]:
        for moments, _ in super().batches_of(*args):
            for moment in moments[:-1]:
                yield [moment], moment
            yield moments[-1:], None


def test_a_long_search_goes_on_at_the_next_check(stores: Stores) -> None:
    device = watched(stores)
    vars(stores)["activity"] = Paged(stores.client, stores.names.activity_table)
    for number in range(MAX_PAGES + 5):
        stores.activity.put_receipt(
            device.dataset_uid,
            f"{int(at(1 + number).timestamp() * 1000):012x}{'0' * 16}",
            {"resource_uid": device.resource_uid, "operation": "push", "state": "applied"},
            NOW,
            Deadline(5),
        )
    checked = look_for_silence(stores, at(90), PatientDeadline(60))
    assert (checked.looked_at, checked.notices) == (1, [])
    assert state(device)["last_received_at"] == at(MAX_PAGES).isoformat(timespec="milliseconds")
    (notice,) = look_for_silence(stores, at(90), PatientDeadline(60)).notices
    assert notice.facts["outage_since"] == int(at(MAX_PAGES + 5).timestamp() * 1000)


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
    assert notify(stores, notice, NOW, Deadline(5))
    look(stores, 1)
    assert not notify(stores, notice, at(2), Deadline(5))
    look(stores, 3)
    assert mails() == [(ANN, "cheeses")]


def nine_in_paris(day: date, offset: int) -> datetime:
    return datetime(day.year, day.month, day.day, 9 - offset, tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "offset"),
    [
        (date(2027, 3, 27), 1),
        (date(2027, 3, 28), 2),
        (date(2027, 3, 29), 2),
        (date(2027, 10, 30), 2),
        (date(2027, 10, 31), 1),
        (date(2027, 11, 1), 1),
    ],
)
def test_the_report_is_due_at_nine_in_paris_on_days_of_23_24_and_25_hours(day: date, offset: int) -> None:
    nine, before = nine_in_paris(day, offset), day - timedelta(days=1)
    assert report_due(nine - timedelta(seconds=1), before) is None
    assert report_due(nine, before) == report_due(nine + timedelta(hours=10), before) == day
    assert report_due(nine, day) is None
    assert report_due(nine, day + timedelta(days=1)) is None, "a clock that went back sends none twice"


def test_the_report_lists_open_alerts_and_failed_runs_once_a_day(stores: Stores) -> None:
    watched(stores)
    look(stores, 61)
    backend().sent_messages.clear()
    day = date(2026, 3, 30)
    nine = nine_in_paris(day, 2)
    run = {"dataset_uid": "da_aaaaaa", "dataset_id": "cheeses", "owner": BOB, "base_url": OWNER.base_url}
    for moment, reason in ((nine - timedelta(hours=24, seconds=1), "old"), (nine - timedelta(hours=24), "404")):
        note_failed_run(stores, **run, reason=reason, now=moment, deadline=Deadline(5))
    for _ in range(2):
        assert make_report(stores, day, nine, Deadline(5)) == 2
        deliver(stores, [], nine, PatientDeadline(60))
    told = {m.destinations["ToAddresses"][0]: m for m in backend().sent_messages}
    assert {to: mail.subject for to, mail in told.items()} == {
        ANN: "Daily report of 2026-03-30: 1 silent, 0 failed",
        BOB: "Daily report of 2026-03-30: 0 silent, 1 failed",
    }
    assert len(backend().sent_messages) == 2
    assert "404" in told[BOB].body
    assert "old" not in told[BOB].body.partition("<ul>")[2]
    assert stores.tick_mark.note(nine, Deadline(5)) == day


def test_the_tick_leaves_its_mark_and_does_every_duty_though_one_fails(stores: Stores) -> None:
    watched(stores)

    def refuse(operation: str) -> None:
        if operation == "update_item":
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": ""}}, "UpdateItem")

    stores.client.before = refuse
    try:
        with pytest.raises(ClientError):
            do_duties(stores, at(30), PatientDeadline(60))
    finally:
        stores.client.before = lambda _: None
    do_duties(stores, at(61), PatientDeadline(60))
    assert stores.tick_mark.last(Deadline(5)) == at(61)
    assert len(mails()) >= 1


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
