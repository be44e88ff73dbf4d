"""Remote resources and their schedules over HTTP: what is kept, and what a deployment refuses."""

import re
from typing import Any

import pytest

from chalicelib import wiring
from tests.api.conftest import Http
from tests.api.management import a_dataset, a_remote_resource, a_resource, created, push_path


def test_schedules_are_kept_for_remote_resources_only(http: Http, key: str) -> None:
    dataset = a_dataset(http, key)
    a_resource(http, key, dataset)
    body = {"cron_schedule": "0 2 * * *"}
    assert list(http.post(f"{dataset}/schedules/", key=key, json=body).json["detail"]) == ["cron_schedule"]
    remote = created(http.post(f"{dataset}/resources/", key=key, json=a_remote_resource()))
    assert remote["datasource"] == a_remote_resource()["datasource"]
    made = [
        created(http.post(f"{dataset}/schedules/", key=key, json={"cron_schedule": c}))
        for c in ("0 2 * * *", "30 7 * * 1")
    ]
    assert re.fullmatch(r"sc_[0-9a-z]{6}", made[0]["uid"])
    assert http.get(f"{dataset}/schedules/", key=key).json["results"] == made
    path = f"{dataset}/schedules/{made[0]['uid']}/"
    assert http.put(path, key=key, json={**made[0], "cron_schedule": "0  3 * * *"}).json["cron_schedule"] == "0 3 * * *"
    assert http.delete(path, key=key).status == 204
    assert http.get(path, key=key).status == 404
    created(http.post(f"{dataset}/fields", key=key, json={"type": "type", "field": "a", "type_param": "int"}))
    assert http.post(f"{dataset}/publish", key=key).status == 200


@pytest.mark.parametrize(
    ("cron", "says"),
    [
        ("every day", "five fields"),
        ("every day at noon", "five fields"),
        ("60 2 * * *", "bad minute"),
        ("0 0 31 2 *", "never runs"),
        ("0 0 L * *", "five fields"),
        ("0 0 * * 1#2", "five fields"),
        ("0 0 * * * *", "five fields"),
        ("*/5 * * * *", "allows every 60"),
        ("0,30 8 * * *", "allows every 60"),
        (["0 2 * * *"], "expected text"),
    ],
)
def test_a_cron_that_cannot_be_says_why(http: Http, key: str, cron: Any, says: str) -> None:
    dataset = a_dataset(http, key)
    created(http.post(f"{dataset}/resources/", key=key, json=a_remote_resource()))
    answer = http.post(f"{dataset}/schedules/", key=key, json={"cron_schedule": cron})
    assert (answer.status, list(answer.json["detail"])) == (400, ["cron_schedule"])
    assert says in answer.json["detail"]["cron_schedule"][0]


def test_what_a_deployment_does_not_offer_is_refused_and_says_whom_to_ask(
    http: Http, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = a_dataset(http, key)
    created(http.post(f"{dataset}/resources/", key=key, json=a_remote_resource()))
    monkeypatch.setenv("FRESHWIRE_FEATURES", "push,scheduling,minute_schedules")
    wiring.settings.cache_clear()
    created(http.post(f"{dataset}/schedules/", key=key, json={"cron_schedule": "*/5 * * * *"}))
    monkeypatch.setenv("FRESHWIRE_FEATURES", "")
    wiring.settings.cache_clear()
    answer = http.post(f"{dataset}/schedules/", key=key, json={"cron_schedule": "0 2 * * *"})
    assert (answer.status, answer.json["error_code"]) == (403, "feature_not_available")
    assert "ask the people who run it" in answer.json["message"]
    push = http.post(push_path(a_resource(http, key, dataset)), json={"isbn": "1"})
    assert (push.status, push.json["error_code"]) == (403, "feature_not_available")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (a_remote_resource("file:///etc/passwd"), "begin with https"),
        (a_remote_resource("https://"), "name a host"),
        (a_remote_resource("https://user:secret@data.example.org"), "credentials"),
        (a_remote_resource("https://[bad"), "name a host"),
        (a_remote_resource(headers=[{"name": "Host", "value": "y"}]), "leave it out"),
        (a_remote_resource(headers=[{"name": "X", "value": None}]), "the value of X is missing"),
        (a_remote_resource(relative_url="x" * 3000), "characters"),
        (a_remote_resource(colour="red"), "colour"),
    ],
)
def test_a_remote_source_that_cannot_be_says_why(http: Http, key: str, body: Any, says: str) -> None:
    answer = http.post(f"{a_dataset(http, key)}/resources", key=key, json=body)
    assert (answer.status, list(answer.json["detail"])) == (400, ["datasource"])
    assert says in answer.json["detail"]["datasource"][0]
