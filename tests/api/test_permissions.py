"""Who may do what where, on every route of every API. The permission of each management route is in the matrix of
`test_permission_matrix.py`; here is what an id is worth under another dataset, and a key on another's data."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from app import app
from chalicelib.api.openapi.document import APIS, routed
from tests.api.conftest import Answer, Http
from tests.api.management import ROOT, created, upload
from tests.api.test_openapi import World, a_world

PUSH, AUTOMATION, EXPLORE = APIS
PARTS = ("field_uid", "processor_uid", "schedule_uid", "resource_uid")
OF_PARTS = sorted(name for name in routed(app, AUTOMATION) if any(f"{{{part}}}" in name for part in PARTS))
PUSHES = sorted(routed(app, PUSH))
READS = sorted(name for name in routed(app, EXPLORE) if "{dataset_id}" in name)


@dataclass(frozen=True, kw_only=True)
class Two:
    """Two datasets with one of everything."""

    http: Http
    mine: World
    others: World

    def call(self, prefix: str, operation: str, **parts: str) -> Answer:
        """An operation with these path parameters, those of my dataset else, and my API key."""
        method, _, path = operation.partition(" ")
        key = self.mine.api_key if prefix != PUSH.prefix else None
        return self.http.request(method, filled(prefix + path, {**self.mine.parts, **parts}), key=key, json={})

    def configurations(self) -> list[Any]:
        """All that is configured of both."""
        return [
            self.http.get(f"{ROOT}/{world.parts['dataset_uid']}/export", key=world.api_key).json
            for world in (self.mine, self.others)
        ]


def filled(path: str, parts: Any) -> str:
    return re.sub(r"{(\w+)}", lambda name: parts[name[1]], path)


@pytest.fixture(scope="module")
def two(shared_http: Http) -> Iterator[Two]:
    yield Two(http=shared_http, mine=a_world(shared_http), others=a_world(shared_http))


@pytest.fixture(scope="module")
def before(two: Two) -> list[Any]:
    """All that is configured of both, before anybody tried to change it."""
    return two.configurations()


@pytest.mark.parametrize("operation", OF_PARTS)
def test_a_part_of_another_dataset_is_not_found_under_this_one(two: Two, before: list[Any], operation: str) -> None:
    (part,) = [name for name in PARTS if f"{{{name}}}" in operation]
    refused = two.call(AUTOMATION.prefix, operation, **{part: two.others.parts[part]})
    assert (refused.status, refused.json["error_code"]) == (404, "not_found")
    assert two.others.parts[part] in refused.json["message"]
    assert operation.startswith("GET ") or two.configurations() == before


@pytest.mark.parametrize("operation", sorted(name for name in routed(app, AUTOMATION) if "{dataset_uid}" in name))
def test_the_id_of_a_dataset_is_not_its_uid(two: Two, operation: str) -> None:
    for uid in ("da_000000", two.mine.parts["dataset_id"]):
        assert two.call(AUTOMATION.prefix, operation, dataset_uid=uid).status == 404


def test_a_file_of_another_dataset_is_no_source_for_this_one(two: Two) -> None:
    key, mine, others = two.mine.api_key, two.mine.parts["dataset_uid"], two.others.parts["dataset_uid"]
    sources = [
        {"type": "uploaded_file", "file": {"uid": upload(two.http, key, f"{ROOT}/{uid}", b"a;b\n1;2\n")["uid"]}}
        for uid in (mine, others)
    ]
    bodies = [{"type": "csvfile", "datasource": source} for source in sources]
    resources = f"{ROOT}/{mine}/resources"
    resource = created(two.http.post(resources, key=key, json=bodies[0]))
    for refused in (
        two.http.post(resources, key=key, json=bodies[1]),
        two.http.put(f"{resources}/{resource['uid']}", key=key, json=bodies[1]),
    ):
        assert (refused.status, list(refused.json["detail"])) == (400, ["datasource"])
    assert two.http.get(f"{resources}/{resource['uid']}", key=key).json == resource


@pytest.mark.parametrize("operation", PUSHES)
def test_a_push_key_opens_its_own_resource_alone_and_an_api_key_none(two: Two, operation: str) -> None:
    method, _, path = operation.partition(" ")
    mine = filled(PUSH.prefix + path, two.mine.parts)
    both = {**two.mine.parts, "resource_id": "another"}
    for refused in (
        two.http.request(method, mine, query={"pushkey": two.others.push_key}, json={}),
        two.http.request(method, filled(PUSH.prefix + path, both), query={"pushkey": two.mine.push_key}, json={}),
        two.http.request(method, mine, key=two.mine.api_key, json={}),
        two.http.request(method, mine, query={"pushkey": two.mine.api_key}, json={}),
    ):
        assert (refused.status, refused.json["error_code"]) == (401, "invalid_push_key")


def test_receipts_records_and_files_are_found_in_their_own_dataset_alone(two: Two) -> None:
    mine, others = two.mine, two.others
    receipt = filled(PUSH.prefix + "/{dataset_id}/{resource_id}/batches/", mine.parts)
    assert two.http.get(receipt + mine.parts["batch_id"], query={"pushkey": mine.push_key}).status == 200
    assert two.http.get(receipt + others.parts["batch_id"], query={"pushkey": mine.push_key}).status == 404
    push = filled(PUSH.prefix + "/{dataset_id}/{resource_id}/push", others.parts)
    lone = two.http.post(
        push, query={"pushkey": others.push_key}, json={"isbn": "2"}, headers={"prefer": "return=representation"}
    )
    records = filled(EXPLORE.prefix + "/catalog/datasets/{dataset_id}/records/", mine.parts)
    assert two.http.get(records + mine.parts["record_id"]).status == 200
    assert two.http.get(records + lone.json["record_ids"][0]).status == 404
    files = filled(EXPLORE.prefix + "/catalog/datasets/{dataset_id}/files/", mine.parts)
    assert two.http.get(files + mine.parts["file_id"]).status == 302
    assert two.http.get(files + f"{lone.json['record_ids'][0]}.{'0' * 16}").status == 404


def test_a_restricted_dataset_is_seen_by_those_who_may_browse_and_by_nobody_else(two: Two) -> None:
    http, world = two.http, a_world(two.http)
    dataset, catalog = f"{ROOT}/{world.parts['dataset_uid']}", EXPLORE.prefix + "/catalog/datasets"
    assert http.put(dataset, key=world.api_key, json={"is_restricted": True}).status == 200
    keys = {permission: http.api_key(permission) for permission in ("browse", "edit", "publish", "admin")}
    for who, key in {"nobody": None, **keys}.items():
        sees = who in ("browse", "admin")
        for operation in READS:
            method, _, path = operation.partition(" ")
            answer = http.request(method, filled(EXPLORE.prefix + path, world.parts), key=key)
            assert (answer.status in (200, 302)) == sees, (who, operation)
            assert sees or answer.json["error_code"] == "NotFoundException", (who, operation)
        listed = [found["dataset_id"] for found in http.get(catalog, key=key, query={"limit": 100}).json["results"]]
        assert (world.parts["dataset_id"] in listed) == sees, who
