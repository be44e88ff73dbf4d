"""Alerts over HTTP: settings, their state, the links in mails, and health."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib import wiring
from chalicelib.domain.mail_link import CONFIRM, EVERYTHING, UNSUBSCRIBE, MailLink
from chalicelib.services.access import create_api_key
from chalicelib.store.dynamodb import Deadline
from tests.api.conftest import Http
from tests.api.management import REALTIME, ROOT, created
from tests.builders import NOW

ANN, BOB = "ann@example.org", "bob@example.org"


@pytest.fixture(scope="module")
def key(shared_http: Http) -> str:
    return create_api_key("ann", ["browse", "edit", "publish"], NOW, email="Ann@Example.org")


@pytest.fixture
def resource(shared_http: Http, key: str) -> Iterator[str]:
    """The path of a watched resource."""
    dataset = f"{ROOT}/{created(shared_http.post(ROOT, key=key, json={'metadata': {}}))['uid']}"
    body = {**REALTIME, "params": {**REALTIME["params"], "alerting": True, "alert_recipients": [BOB]}}
    made = created(shared_http.post(f"{dataset}/resources", key=key, json=body))
    assert made["params"]["alerting"] is True
    yield f"{dataset}/resources/{made['uid']}"


def edited(http: Http, key: str, resource: str, **params: Any) -> Any:
    body = http.get(resource, key=key).json
    return http.put(resource, key=key, json={**body, "params": {**body["params"], **params}})


def test_an_alert_is_set_up_and_shown_with_its_recipients(shared_http: Http, key: str, resource: str) -> None:
    shown = shared_http.get(f"{resource}/alert", key=key).json
    assert (shown["state"], shown["inactivity_minutes"]) == ("paused", 5)
    assert shown["recipients"] == [
        {"address": ANN, "state": "confirmed"},
        {"address": BOB, "state": "waiting"},
    ]
    answer = edited(shared_http, key, resource, alert_reminder="daily", alert_snoozed_until="2030-01-01T00:00:00Z")
    assert answer.json["params"]["alert_reminder"] == "daily"
    assert edited(shared_http, key, resource, alerting=False).status == 200
    assert shared_http.get(f"{resource}/alert", key=key).json["state"] == "off"


@pytest.mark.parametrize(
    ("params", "name"),
    [
        ({"inactivity_minutes": 0}, "inactivity_minutes"),
        ({"inactivity_minutes": 525_601}, "inactivity_minutes"),
        ({"alert_recipients": ["ann@example.org\r\nBcc: eve@example.org"]}, "alert_recipients"),
        ({"alert_recipients": [f"a{n}@example.org" for n in range(21)]}, "alert_recipients"),
        ({"alert_reminder": "yearly"}, "alert_reminder"),
        ({"alert_snoozed_until": "tomorrow"}, "alert_snoozed_until"),
    ],
)
def test_settings_that_cannot_be_are_refused(
    shared_http: Http, key: str, resource: str, params: Any, name: str
) -> None:
    refused = edited(shared_http, key, resource, **params)
    assert (refused.status, list(refused.json["detail"])) == (400, [name])


def test_a_deployment_without_mails_refuses_alerts(shared_http: Http, key: str) -> None:
    nobody = shared_http.api_key("browse", "edit")
    dataset = f"{ROOT}/{created(shared_http.post(ROOT, key=key, json={'metadata': {}}))['uid']}"
    body = {**REALTIME, "params": {**REALTIME["params"], "alerting": True}}
    refused = shared_http.post(f"{dataset}/resources", key=nobody, json=body)
    assert (refused.status, list(refused.json["detail"])) == (400, ["alert_recipients"])
    stores = wiring.stores()
    mailer = stores.mailer
    vars(stores)["mailer"] = None
    try:
        refused = shared_http.post(f"{dataset}/resources", key=key, json=body)
    finally:
        vars(stores)["mailer"] = mailer
    assert (refused.status, refused.json["error_code"]) == (403, "feature_not_available")


def token(purpose: str, scope: str, address: str = BOB) -> str:
    secrets = wiring.stores().push_secrets
    return MailLink(purpose=purpose, scope=scope, address=address).token(secrets.get("k1"), "k1")


def test_a_link_shows_a_page_and_its_button_confirms(shared_http: Http, key: str, resource: str) -> None:
    sent = {"token": token(CONFIRM, resource.rpartition("/")[2])}
    page = shared_http.get("/mail/confirm", query=sent)
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert '<form method="post">' in page.text
    assert states(shared_http, key, resource)[BOB] == "waiting", "following a link changes nothing"
    assert shared_http.post("/mail/confirm", query=sent).status == 200
    assert states(shared_http, key, resource)[BOB] == "confirmed"


@pytest.mark.parametrize("is_all", [False, True])
def test_one_click_unsubscribes(shared_http: Http, key: str, resource: str, is_all: bool) -> None:
    address = f"all-{is_all}@example.org".lower()
    edited(shared_http, key, resource, alert_recipients=[address])
    scope = EVERYTHING if is_all else resource.rpartition("/")[2]
    answer = shared_http.post(
        "/mail/unsubscribe",
        query={"token": token(UNSUBSCRIBE, scope, address)},
        body="List-Unsubscribe=One-Click",
        headers={"content-type": "application/x-www-form-urlencoded"},
    )
    assert answer.status == 200
    assert states(shared_http, key, resource)[address] == "unsubscribed"


def states(http: Http, key: str, resource: str) -> dict[str, str]:
    recipients = http.get(f"{resource}/alert", key=key).json["recipients"]
    return {recipient["address"]: recipient["state"] for recipient in recipients}


@pytest.mark.parametrize("sent", ["", "a.b", "current", "é.é", token.__name__])
def test_a_link_that_is_not_ours_does_nothing(shared_http: Http, sent: str) -> None:
    for path in ("/mail/confirm", "/mail/unsubscribe"):
        for answer in (shared_http.get(path, query={"token": sent}), shared_http.post(path, query={"token": sent})):
            assert answer.status == 400
            assert "Open it from the mail again" in answer.text
    assert shared_http.get("/mail/confirm").status == 400
    assert shared_http.delete("/mail/confirm").status == 405


def test_a_link_signed_with_the_name_of_the_secret_is_not_ours(shared_http: Http) -> None:
    forged = MailLink(purpose=CONFIRM, scope="re_aaaaaa", address=BOB).token("k1", "current")
    assert shared_http.get("/mail/confirm", query={"token": forged}).status == 400


def test_health_says_when_the_tick_has_not_run_for_three_minutes(shared_http: Http) -> None:
    mark = wiring.stores().tick_mark
    begins = {"status": "OK", "tick": {"last_at": None, "is_late": False}}
    assert shared_http.get("/health").json == begins
    now = datetime.now(UTC)
    for age, status in ((timedelta(minutes=4), "degraded"), (timedelta(minutes=1), "OK")):
        mark.note(now - age, Deadline(5))
        answer = shared_http.get("/health")
        assert (answer.status, answer.json["status"]) == (200, status)
        assert answer.json["tick"]["is_late"] == (status != "OK")


def test_the_address_of_an_api_key_is_kept_and_checked(shared_http: Http) -> None:
    admin = shared_http.api_key("admin")
    keys = ROOT.replace("datasets", "apikeys")
    body = {"label": "ann", "permissions": ["edit"], "email": "Ann@example.org"}
    assert created(shared_http.post(keys, key=admin, json=body))["email"] == ANN
    refused = shared_http.post(keys, key=admin, json={**body, "email": "ann"})
    assert (refused.status, list(refused.json["detail"])) == (400, ["email"])
