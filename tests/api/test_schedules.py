"""Schedules over HTTP: recurrences beside crons, and the preview of either."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from chalicelib import wiring
from chalicelib.domain.shape import MOVING
from tests.api.conftest import Answer, Http
from tests.api.management import ROOT, a_remote_resource, created

EVERY_THIRD_DAY = {"every": 3, "unit": "days", "at": "02:00", "starting": "2027-01-30"}
TWICE_A_WEEK = {"weekdays": [{"day": "monday", "at": "07:30"}, {"day": "wednesday", "at": "14:00"}]}


@dataclass(frozen=True, kw_only=True)
class Place:
    """The schedules of a dataset with a remote resource, and who may edit them."""

    http: Http
    key: str
    path: str

    def get(self, path: str = "", **query: Any) -> Answer:
        return self.http.get(self.path + path, key=self.key, query=query)

    def post(self, body: Any) -> Answer:
        return self.http.post(self.path, key=self.key, json=body)

    def put(self, uid: str, body: Any) -> Answer:
        return self.http.put(f"{self.path}/{uid}", key=self.key, json=body)


def a_place(http: Http) -> Place:
    key = http.api_key("browse", "edit")
    dataset = f"{ROOT}/{created(http.post(ROOT, key=key, json={'metadata': {}}))['uid']}"
    created(http.post(f"{dataset}/resources/", key=key, json=a_remote_resource()))
    return Place(http=http, key=key, path=f"{dataset}/schedules")


@pytest.fixture
def schedules(shared_http: Http) -> Place:
    return a_place(shared_http)


@pytest.fixture
def deployment_offers(schedules: Place) -> Iterator[Callable[[str], None]]:
    """Changes the features of the deployment, for the rest of a test."""
    with pytest.MonkeyPatch.context() as patch:

        def offer(features: str) -> None:
            patch.setenv("FRESHWIRE_FEATURES", features)
            wiring.settings.cache_clear()

        yield offer
    wiring.settings.cache_clear()


def settings(shown: dict[str, Any]) -> dict[str, Any]:
    """What of a schedule does not change by itself."""
    return {name: value for name, value in shown.items() if name not in MOVING}


def preview(schedules: Place, **query: Any) -> Any:
    answer = schedules.get("/preview/", **query)
    assert answer.status == 200, answer.text
    return answer.json


def test_a_preview_tells_the_next_ten_runs_in_paris_and_in_utc(schedules: Place) -> None:
    shown = preview(schedules, cron="0 4 *  * *")
    assert (shown["sentence"], shown["timezone"]) == ("every day at 04:00, Paris time", "Europe/Paris")
    assert (shown["cron_schedule"], shown["crons"], shown["recurrence"]) == ("0 4 * * *", ["0 4 * * *"], None)
    paris, utc = ([datetime.fromisoformat(run[zone]) for run in shown["runs"]] for zone in ("paris", "utc"))
    assert paris == utc
    assert all(before < after for before, after in pairwise(utc))
    assert {f"{run:%H:%M}" for run in paris} == {"04:00"}
    assert {run.utcoffset() for run in utc} == {timedelta(0)}
    assert len(utc) == 10
    assert (shown["shortest_interval_minutes"], shown["minimum_interval_minutes"]) == (23 * 60, 60)
    assert (shown["is_allowed"], shown["skipped"]) == (True, [])


def test_a_preview_tells_of_the_runs_that_summer_time_skips(schedules: Place) -> None:
    skipped = preview(schedules, cron="30 2 * * *")["skipped"]
    assert skipped
    assert {(f"{wall:%m %a %H:%M}") for wall in map(datetime.fromisoformat, skipped)} == {"03 Sun 02:30"}


def test_a_preview_takes_a_recurrence_as_json(schedules: Place) -> None:
    shown = preview(schedules, recurrence=json.dumps(TWICE_A_WEEK))
    assert shown["sentence"] == "every Monday at 07:30 and every Wednesday at 14:00, Paris time"
    assert (shown["cron_schedule"], shown["crons"]) == (None, ["30 7 * * 1", "0 14 * * 3"])
    assert shown["recurrence"] == TWICE_A_WEEK
    shown = preview(schedules, recurrence='{"every": 3, "unit": "days", "at": "02:00"}')
    days = [datetime.fromisoformat(run["paris"]).date() for run in shown["runs"]]
    assert days[0].isoformat() == shown["recurrence"]["starting"] or shown["skipped"]
    assert {(after - days[0]).days % 3 for after in days} == {0}


def test_a_preview_says_whether_the_deployment_allows_it(
    schedules: Place, deployment_offers: Callable[[str], None]
) -> None:
    shown = preview(schedules, cron="*/5 * * * *")
    assert (shown["shortest_interval_minutes"], shown["is_allowed"]) == (5, False)
    deployment_offers("scheduling,minute_schedules")
    assert preview(schedules, cron="*/5 * * * *")["is_allowed"] is True
    deployment_offers("push")
    assert schedules.get("/preview", cron="0 2 * * *").status == 403


@pytest.mark.parametrize(
    ("query", "name", "says"),
    [
        ({}, "cron", "give either"),
        ({"cron": "0 2 * * *", "recurrence": "{}"}, "cron", "give either"),
        ({"cron": ""}, "cron", "five fields"),
        ({"cron": "0 25 * * *"}, "cron", "bad hour"),
        ({"cron": "0 0 31 2 *"}, "cron", "never runs"),
        ({"cron": "0" * 201}, "cron", "200 characters"),
        ({"cron": "\ud800 * * * *"}, "cron", "five fields"),
        ({"recurrence": ""}, "recurrence", "The parameter recurrence is empty: send JSON"),
        ({"recurrence": "every day"}, "recurrence", "The parameter recurrence is not JSON"),
        ({"recurrence": "[]"}, "recurrence", "expected a JSON object"),
        ({"recurrence": "[" * 40 + "]" * 40}, "recurrence", "nested"),
        ({"recurrence": '"\ud800"'}, "recurrence", "expected a JSON object"),
        ({"recurrence": '{"every": 7, "unit": "minutes"}'}, "recurrence.every", "expected one of"),
    ],
)
def test_a_preview_of_what_cannot_be_says_what_to_mend(
    schedules: Place, query: dict[str, str], name: str, says: str
) -> None:
    answer = schedules.get("/preview", **query)
    assert (answer.status, answer.json["error_code"], list(answer.json["detail"])) == (400, "validation_error", [name])
    assert says in answer.json["detail"][name][0]


def test_a_preview_needs_a_dataset(schedules: Place) -> None:
    nowhere = replace(schedules, path=f"{ROOT}/da_000000/schedules")
    assert nowhere.get("/preview", cron="0 2 * * *").status == 404


def test_a_recurrence_is_kept_as_it_was_given_beside_its_cron(schedules: Place) -> None:
    given = {"every": 1, "unit": "days", "at": "02:00"}
    made = created(schedules.post({"recurrence": given}))
    assert settings(made) == {"uid": made["uid"], "cron_schedule": "0 2 * * *", "recurrence": given}
    uid = made["uid"]
    assert schedules.get(f"/{uid}/").json == made
    assert schedules.put(uid, made).json == made, "as it was read"
    edited = schedules.put(uid, {**made, "recurrence": TWICE_A_WEEK, "cron_schedule": None})
    assert edited.status == 200
    assert settings(edited.json) == {"uid": uid, "recurrence": TWICE_A_WEEK, "cron_schedule": None}
    assert schedules.put(uid, edited.json).json == edited.json
    plain = schedules.put(uid, {"cron_schedule": "0 3 * * *"})
    assert (plain.status, settings(plain.json)) == (200, {"uid": uid, "cron_schedule": "0 3 * * *"})
    assert schedules.get("/").json["results"] == [plain.json]


def test_days_that_are_apart_are_counted_from_a_day_that_is_kept(schedules: Place) -> None:
    made = created(schedules.post({"recurrence": {"every": 2, "unit": "days", "at": "12:00"}}))
    assert datetime.fromisoformat(made["recurrence"]["starting"])
    assert made["cron_schedule"] is None, "a cron cannot count days over the end of a month"
    assert schedules.put(made["uid"], made).json == made


@pytest.mark.parametrize(
    ("body", "name", "says"),
    [
        ({}, "cron_schedule", "required"),
        ({"cron_schedule": None, "recurrence": None}, "cron_schedule", "required"),
        ({"recurrence": "daily"}, "recurrence", "expected an object"),
        ({"recurrence": {"every": 5, "unit": "hours"}}, "recurrence.every", "expected one of"),
        ({"recurrence": {"every": 30, "unit": "minutes"}}, "recurrence", "allows every 60"),
        ({"recurrence": EVERY_THIRD_DAY, "cron_schedule": "0 2 * * *"}, "cron_schedule", "leave one of the two out"),
        (
            {"recurrence": {"weekdays": [{"day": "monday", "at": at} for at in ("07:30", "07:45")]}},
            "recurrence",
            "every 15 minutes",
        ),
    ],
)
def test_a_recurrence_that_cannot_be_says_why(schedules: Place, body: Any, name: str, says: str) -> None:
    answer = schedules.post(body)
    assert (answer.status, list(answer.json["detail"])) == (400, [name])
    assert says in answer.json["detail"][name][0]


def test_who_wants_to_pause_a_schedule_is_told_what_to_do_instead(schedules: Place) -> None:
    made = created(schedules.post({"cron_schedule": "0 2 * * *"}))
    answer = schedules.put(made["uid"], {"is_paused": True})
    assert (answer.status, list(answer.json["detail"])) == (400, ["cron_schedule"])
    assert "to stop one, delete it" in answer.json["detail"]["cron_schedule"][0]


def test_recurrences_travel_with_the_configuration(schedules: Place) -> None:
    for recurrence in (EVERY_THIRD_DAY, TWICE_A_WEEK):
        created(schedules.post({"recurrence": recurrence}))
    http, key = schedules.http, schedules.key
    document = http.get(schedules.path.replace("/schedules", "/export"), key=key).json
    imported = created(http.post(f"{ROOT}/import", key=key, json={**document, "dataset_id": "elsewhere"}))
    again = http.get(f"{ROOT}/{imported['uid']}/schedules", key=key).json["results"]
    assert [schedule["recurrence"] for schedule in again] == [EVERY_THIRD_DAY, TWICE_A_WEEK]
