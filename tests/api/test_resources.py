"""Resources over HTTP: their push URLs, and what each of their parts refuses."""

import re
from typing import Any

import pytest

from tests.api.conftest import Http
from tests.api.management import REALTIME, a_dataset, a_resource, created, upload


def test_realtime_resources_are_called_realtime_then_numbered(http: Http, key: str) -> None:
    dataset = a_dataset(http, key)
    made = [a_resource(http, key, dataset) for _ in range(3)]
    assert [r["resource_id"] for r in made] == ["realtime", "realtime1", "realtime2"]
    assert a_resource(http, key, dataset, resource_id="roof")["resource_id"] == "roof"
    assert http.post(f"{dataset}/resources", key=key, json={**REALTIME, "resource_id": "roof"}).status == 400
    shown = made[0]
    assert (shown["type"], shown["title"], shown["datasource"]) == ("realtime", "Devices", None)
    assert re.fullmatch(
        r"https://data\.example\.org/api/push/1\.0/library-books/realtime/push/\?pushkey=[0-9a-f]{56}",
        shown["params"]["push_url"],
    )
    assert http.get(f"{dataset}/resources/", key=key).json["total_count"] == 4
    assert http.get(f"{dataset}/resources/{shown['uid']}/", key=key).json == shown


def test_only_those_who_may_edit_see_the_push_url(http: Http, key: str) -> None:
    dataset = a_dataset(http, key)
    resource = a_resource(http, key, dataset)
    reader = http.api_key("browse")
    for path in (f"{dataset}/resources/", f"{dataset}/resources/{resource['uid']}/"):
        assert "pushkey" in http.get(path, key=key).text
        assert "push_url" not in http.get(path, key=reader).text


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({}, ["type"]),
        ({"type": "carrier_pigeon"}, ["type"]),
        ({"type": "realtime", "datasource": {"type": "realtime"}}, ["datasource"]),
        ({"type": "realtime", "params": {"bootstrap": "x"}}, ["bootstrap"]),
        ({"type": "realtime", "params": {"bootstrap": [1]}}, ["bootstrap"]),
        ({"type": "realtime", "params": {"bootstrap": {"x": "y" * 200_000}}}, ["bootstrap"]),
        ({"type": "realtime", "params": {"alerting": True}}, ["alert_recipients"]),
        ({"type": "realtime", "params": {"recovery": "yes", "recovery_days": 0}}, ["recovery", "recovery_days"]),
        (
            {"type": "realtime", "params": {"unknown_fields": "drop", "null_values": "NA"}},
            ["null_values", "unknown_fields"],
        ),
        ({"type": "realtime", "params": {"speed": 1}}, ["speed"]),
        ({"type": "csvfile", "title": "x"}, ["datasource"]),
        ({"type": "csvfile", "datasource": {"type": "uploaded_file", "file": {"uid": "fl_zzzzzz"}}}, ["datasource"]),
        ({"type": "csvfile", "datasource": {"type": "uploaded_file", "file": {"uid": "../x"}}}, ["datasource"]),
    ],
)
def test_a_resource_that_cannot_be_names_every_problem(http: Http, key: str, body: Any, names: list[str]) -> None:
    answer = http.post(f"{a_dataset(http, key)}/resources", key=key, json=body)
    assert (answer.status, list(answer.json["detail"])) == (400, names)


def test_a_resource_is_edited_as_it_was_read_and_its_type_stays(http: Http, key: str) -> None:
    dataset = a_dataset(http, key)
    resource = a_resource(http, key, dataset)
    path = f"{dataset}/resources/{resource['uid']}"
    resource["params"]["bootstrap"] = {"other": 1.5}
    edited = http.put(path, key=key, json=resource)
    assert (edited.status, edited.json["params"]["bootstrap"]) == (200, {"other": 1.5})
    assert http.put(path, key=key, json={**resource, "type": "csvfile"}).status == 400
    assert http.put(path, key=key, json={**resource, "resource_id": "x"}).status == 400
    forged = {**resource, "params": {**resource["params"], "push_url": "https://elsewhere.example.org"}}
    assert list(http.put(path, key=key, json=forged).json["detail"]) == ["push_url"]
    assert http.delete(path, key=key).status == 204
    assert http.get(path, key=key).status == 404


@pytest.mark.parametrize(
    ("change", "changed"),
    [
        ({"params": {"recovery": True, "recovery_days": 7}}, {"recovery": True, "recovery_days": 7}),
        ({"params": {"push_enabled": False}}, {"push_enabled": False}),
        ({"params": {"alert_recipients": ["a@example.org"]}}, {"alert_recipients": ["a@example.org"]}),
        ({"params": {"null_values": []}}, {"null_values": []}),
        ({"title": "New"}, {}),
        ({}, {}),
    ],
)
def test_what_an_edit_of_a_realtime_resource_does_not_name_stays(
    http: Http, key: str, change: Any, changed: Any
) -> None:
    dataset = a_dataset(http, key)
    kept = {"bootstrap": {"n": 1}, "null_values": ["NA"], "unknown_fields": "refuse", "inactivity_minutes": 9}
    made = a_resource(http, key, dataset, params=kept)
    path = f"{dataset}/resources/{made['uid']}"
    edited = http.put(path, key=key, json=change)
    expected = {**made, "title": change.get("title", "Devices"), "params": {**made["params"], **changed}}
    assert edited.status == 200, edited.text
    assert {**edited.json, "updated_at": made["updated_at"]} == expected
    assert http.get(path, key=key).json == edited.json
    created(http.post(f"{dataset}/fields", key=key, json={"type": "type", "field": "n", "type_param": "double"}))
    assert http.post(f"{dataset}/publish", key=key).status == 200, "there is a field 'n'"


def test_what_an_edit_of_a_file_does_not_name_stays_until_null_takes_it_away(http: Http, key: str) -> None:
    dataset = a_dataset(http, key)
    params = {"separator": ";", "first_row_no": 2, "vanished": "keep"}
    source = {"type": "uploaded_file", "file": {"uid": upload(http, key, dataset, b"today\na;b\n1;2\n")["uid"]}}
    body = {"type": "csvfile", "title": "Books", "params": params, "datasource": source}
    made = created(http.post(f"{dataset}/resources", key=key, json=body))
    path = f"{dataset}/resources/{made['uid']}"

    def edited(change: Any) -> Any:
        answer = http.put(path, key=key, json=change)
        assert answer.status == 200, answer.text
        return answer.json["title"], answer.json["params"], answer.json["datasource"]

    assert edited({"title": "New"}) == ("New", params, source)
    assert edited({"params": {"allow_shrinking": True}}) == ("New", {**params, "allow_shrinking": True}, source)
    other = {"type": "uploaded_file", "file": {"uid": upload(http, key, dataset, b"today\na;b\n3;4\n")["uid"]}}
    assert edited({"datasource": other}) == ("New", {**params, "allow_shrinking": True}, other)
    taken = {"allow_shrinking": None, "separator": None}
    assert edited({"params": taken}) == ("New", {"first_row_no": 2, "vanished": "keep"}, other)
    assert list(http.put(path, key=key, json={"params": {"vanished": "never"}}).json["detail"]) == ["vanished"]
