"""Runs over HTTP: asking for one, what is kept of it, and stopping it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib import wiring
from chalicelib.domain.run import SourceOutcome
from chalicelib.store.catalog.keys import SOURCES, dataset_pk
from chalicelib.store.catalog.published import PublishedSourcesItem
from chalicelib.triggers.schedule import handle
from tests.api.conftest import Answer, Http
from tests.api.management import ROOT, a_remote_resource, created
from tests.deployment import PatientDeadline

FAILED = SourceOutcome(
    resource_uid="re_000000", state="failed", size=10, http_status=404, etag='"1"', code="not_found", message="404."
)


@dataclass(frozen=True, kw_only=True)
class Place:
    """A published dataset with a remote resource."""

    http: Http
    key: str
    dataset: str

    def get(self, path: str = "", **query: Any) -> Answer:
        return self.http.get(f"{self.dataset}/runs{path}", key=self.key, query=query)

    def ask(self) -> Any:
        return created(self.http.post(f"{self.dataset}/runs/", key=self.key))

    def make(self, run: Any, *outcomes: SourceOutcome) -> None:
        """The function makes the run."""
        event = {"dataset_uid": self.dataset.rpartition("/")[2], "run_id": run["run_id"]}
        handle(wiring.stores(), event, lambda *_, **__: outcomes, lambda: datetime.now(UTC), PatientDeadline(60))


def a_place(http: Http, *, is_published: bool) -> Place:
    key = http.api_key("browse", "edit", "publish")
    dataset = f"{ROOT}/{created(http.post(ROOT, key=key, json={'metadata': {}}))['uid']}"
    realtime = {"type": "realtime", "params": {"bootstrap": {"a": 1}}}
    created(http.post(f"{dataset}/resources/", key=key, json=realtime))
    if is_published:  # before it has a source, which publishing would fetch
        assert http.post(f"{dataset}/publish", key=key).status == 200
    created(http.post(f"{dataset}/resources/", key=key, json=a_remote_resource()))
    return Place(http=http, key=key, dataset=dataset)


@pytest.fixture
def place(shared_http: Http) -> Iterator[Place]:
    yield a_place(shared_http, is_published=True)


def test_a_run_that_is_asked_for_is_listed_and_then_kept_with_its_outcome(place: Place) -> None:
    asked = place.ask()
    assert (asked["state"], asked["trigger"], asked["schedule_uid"], asked["attempts"]) == (
        "waiting",
        "manual",
        None,
        0,
    )
    assert set(asked["counts"].values()) == {None}
    assert place.get("/").json["results"] == [asked] == [place.get(f"/{asked['run_id']}/").json]
    place.make(asked, FAILED)
    made = place.get(f"/{asked['run_id']}").json
    assert (made["state"], made["error_code"], made["message"], made["size"]) == ("failed", "not_found", "404.", 10)
    assert made["duration_seconds"] >= 0
    (source,) = made["sources"]
    assert (source["http_status"], source["etag"], source["state"]) == (404, '"1"', "failed")


def test_a_run_tells_why_records_were_refused_but_not_in_the_list(place: Place) -> None:
    asked, batch_id = place.ask(), "1" * 28
    details = [{"index": 2, "field": "a", "error_code": "invalid_value", "message": "line 4: a: expected a number"}]
    receipt = {"state": "queued", "created": None, "updated": None, "unchanged": None, "deleted": None}
    deadline, uid = PatientDeadline(60), place.dataset.rpartition("/")[2]
    stored = {**receipt, "details": details}
    wiring.stores().activity.put_receipt(uid, batch_id, stored, datetime.now(UTC), deadline)
    place.make(asked, SourceOutcome(resource_uid="re_000000", state="queued", batch_id=batch_id, refused=1), FAILED)
    sources = place.get(f"/{asked['run_id']}").json["sources"]
    assert [source["details"] for source in sources] == [details, []]
    assert all("details" not in source for source in place.get("/").json["results"][0]["sources"])


def test_runs_are_listed_newest_first_by_schedule_and_by_state(place: Place) -> None:
    runs = [place.ask() for _ in range(3)]
    place.make(runs[0], FAILED)
    place.make(runs[1])
    ids = [run["run_id"] for run in reversed(runs)]
    assert [run["run_id"] for run in place.get("/").json["results"]] == ids
    listed = place.get("/", state="failed").json
    assert (listed["total_count"], [run["run_id"] for run in listed["results"]]) == (1, ids[2:])
    assert place.get("/", schedule_uid="sc_000000").json["total_count"] == 0
    second = place.get("/", limit=1, offset=1).json
    assert ([run["run_id"] for run in second["results"]], second["total_count"]) == (ids[1:2], 3)
    refused = place.get("/", state="lost")
    assert (refused.status, list(refused.json["detail"])) == (400, ["state"])


def test_a_run_is_aborted_once(place: Place) -> None:
    path = f"{place.dataset}/runs/{place.ask()['run_id']}/abort"
    assert place.http.post(path, key=place.key).json == {"detail": "ok"}
    again = place.http.post(path, key=place.key)
    assert (again.status, again.json["error_code"]) == (409, "run_is_over")
    assert place.get("/").json["results"][0]["state"] == "aborted"


def test_what_is_no_run_is_not_found(place: Place) -> None:
    for run_id in ("0" * 28, "x", "%2e%2e"):
        assert place.get(f"/{run_id}").status == 404
    assert place.http.post(f"{place.dataset}/runs/{'0' * 28}/abort", key=place.key).status == 404


def test_a_dataset_that_is_not_published_is_not_run(shared_http: Http) -> None:
    place = a_place(shared_http, is_published=False)
    refused = shared_http.post(f"{place.dataset}/runs/", key=place.key)
    assert (refused.status, refused.json["error_code"]) == (409, "dataset_not_published")


def test_abort_of_a_dataset_stops_its_run(place: Place) -> None:
    assert place.http.post(f"{place.dataset}/abort", key=place.key).status == 400
    asked = place.ask()

    def refresh(*_: Any, is_aborting: Any) -> list[SourceOutcome]:
        assert not is_aborting()
        assert place.http.post(f"{place.dataset}/abort", key=place.key).json == {"detail": "ok"}
        assert is_aborting()
        return [SourceOutcome(resource_uid="re_000000", state="aborted", message="Stopped.")]

    event = {"dataset_uid": place.dataset.rpartition("/")[2], "run_id": asked["run_id"]}
    handle(wiring.stores(), event, refresh, lambda: datetime.now(UTC), PatientDeadline(60))
    assert place.get(f"/{asked['run_id']}").json["state"] == "aborted"


def test_a_dataset_without_a_remote_resource_is_not_run_and_has_no_schedules(place: Place) -> None:
    http, key = place.http, place.key
    (resource,) = [r for r in http.get(f"{place.dataset}/resources/", key=key).json["results"] if r["datasource"]]
    uid = place.dataset.rpartition("/")[2]
    http.delete(f"{place.dataset}/resources/{resource['uid']}", key=key)
    for path, body, name in (
        ("runs", None, "resources"),
        ("schedules", {"cron_schedule": "0 2 * * *"}, "cron_schedule"),
    ):
        refused = http.post(f"{place.dataset}/{path}", key=key, json=body)
        assert (refused.status, list(refused.json["detail"])) == (400, [name])
        assert "no remote resource to refresh" in refused.json["message"]
    assert place.get("/").json["results"] == []
    source = {"uid": resource["uid"], "type": "csvfile", "params": {}, "file_uid": None, "remote": {"source": {}}}
    PublishedSourcesItem.get(dataset_pk(uid), SOURCES).update([PublishedSourcesItem.sources.set([source])])
    assert place.ask()["state"] == "waiting", "it is published still"
