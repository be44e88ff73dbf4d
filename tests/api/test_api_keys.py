"""API keys over HTTP."""

from typing import Any

import pytest

from tests.api.conftest import Http
from tests.api.management import ROOT, created


def test_api_keys_are_shown_once_listed_and_revoked_at_once(http: Http) -> None:
    admin = http.api_key("admin")
    body = {"label": "loader", "permissions": ["browse"], "expires_at": "2030-01-01T00:00:00Z"}
    made = created(http.post("/automation/v1.0/apikeys/", key=admin, json=body))
    assert http.get(ROOT, key=made["key"]).status == 200
    listed = http.get("/automation/v1.0/apikeys/", key=admin)
    assert made["key"] not in listed.text
    (shown,) = [k for k in listed.json["results"] if k["uid"] == made["uid"]]
    assert (shown["label"], shown["prefix"], shown["permissions"]) == ("loader", made["key"][:6], ["browse"])
    assert shown["expires_at"] == "2030-01-01T00:00:00+00:00"
    assert shown["last_used_at"]
    path = f"/automation/v1.0/apikeys/{made['uid']}/"
    assert http.get(path, key=admin).json == shown
    assert http.delete(path, key=admin).status == 204
    assert http.get(ROOT, key=made["key"]).status == 401
    assert http.get(path, key=admin).status == 404


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"permissions": ["fly"]}, "permissions"),
        ({"permissions": []}, "permissions"),
        ({"permissions": [[]]}, "permissions"),
        ({"label": ""}, "label"),
        ({"expires_at": "2020-01-01"}, "expires_at"),
        ({"expires_at": "soon"}, "expires_at"),
        ({"expires_at": "9999-12-31T23:59:59-14:00"}, "expires_at"),
        ({"key": "mine"}, "key"),
    ],
)
def test_an_api_key_that_cannot_be_names_the_problem(http: Http, change: dict[str, Any], name: str) -> None:
    body = {"label": "loader", "permissions": ["browse"], **change}
    answer = http.post("/automation/v1.0/apikeys", key=http.api_key("admin"), json=body)
    assert (answer.status, list(answer.json["detail"])) == (400, [name])


@pytest.mark.parametrize("scheme", ["Apikey", "apikey", "ApiKey", "APIKEY"])
def test_the_key_is_read_whatever_the_case_of_its_scheme(http: Http, key: str, scheme: str) -> None:
    assert http.get(ROOT, headers={"authorization": f"{scheme} {key}"}).status == 200
    assert http.get(ROOT, query={"apikey": key}).status == 200
