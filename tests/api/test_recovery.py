"""Recovery over HTTP: the setting, recovering, progress, and the backup that is listed, downloaded and scratched."""

import gzip
import json
from typing import Any

import pytest

from chalicelib import wiring
from tests.api.conftest import Answer, Http
from tests.api.management import ROOT, created, push_path, records

BOOK = {"isbn": "1", "title": "Emma"}


class Publisher:
    """A published dataset whose resource has recovery on."""

    def __init__(self, http: Http) -> None:
        self.http, self.key = http, http.api_key("admin")
        dataset = created(http.post(ROOT, key=self.key, json={"dataset_id": "library-books", "metadata": {}}))
        self.dataset = f"{ROOT}/{dataset['uid']}"
        body = {"type": "realtime", "params": {"bootstrap": BOOK, "recovery": True}}
        self.resource = created(http.post(f"{self.dataset}/resources", key=self.key, json=body))
        http.post(
            f"{self.dataset}/fields", key=self.key, json={"type": "annotate", "annotation": "id", "field": "isbn"}
        )
        assert http.post(f"{self.dataset}/publish", key=self.key).status == 200

    def push(self, *books: Any) -> None:
        assert self.http.post(push_path(self.resource), json=list(books)).json == {"status": "OK"}

    def post(self, path: str, body: Any = None) -> Answer:
        return self.http.post(f"{self.dataset}/resources/{self.resource['uid']}/{path}/", key=self.key, json=body)

    def get(self, path: str) -> Answer:
        return self.http.get(f"{self.dataset}/resources/{self.resource['uid']}/{path}/", key=self.key)

    def empty(self) -> None:
        for path in ("unpublish", "publish"):
            assert self.http.post(f"{self.dataset}/{path}", key=self.key).status == 200
        assert records(self.http) == []


@pytest.fixture
def publisher(http: Http) -> Publisher:
    return Publisher(http)


def test_unpublish_publish_recover_brings_every_record_back(publisher: Publisher) -> None:
    publisher.push(BOOK, {"isbn": "2", "title": "Persuasion"})
    before = sorted(records(publisher.http), key=str)
    publisher.empty()
    recovered = publisher.post("recover")
    assert (recovered.status, recovered.json["uid"]) == (200, publisher.resource["uid"])
    assert recovered.json["params"]["recovery"] is True
    assert sorted(records(publisher.http), key=str) == before
    told = publisher.get("recovery").json
    assert (told["recovery"], told["current"]) == (True, None)
    assert told["recovery_since"]
    assert told["outcomes"][0]["counts"]["created"] == 2


def test_a_dry_run_changes_nothing(publisher: Publisher) -> None:
    publisher.push(BOOK)
    publisher.empty()
    assert publisher.post("recover", {"dry_run": True}).status == 200
    assert records(publisher.http) == []
    assert publisher.get("recovery").json["outcomes"][0]["counts"]["created"] == 1


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({"from": "yesterday"}, ["from"]),
        ({"to": 5, "dry_run": 1}, ["dry_run", "to"]),
        ({"from": "2026-01-02", "to": "2026-01-01"}, ["to"]),
        ({"since": "2026-01-02"}, ["since"]),
    ],
)
def test_a_range_that_cannot_be_is_refused_by_name(publisher: Publisher, body: Any, names: list[str]) -> None:
    refused = publisher.post("recover", body)
    assert (refused.status, list(refused.json["detail"])) == (400, names)


def test_refusals_say_what_to_do(publisher: Publisher) -> None:
    refused = publisher.post("recover/abort")
    assert (refused.status, refused.json["error_code"]) == (409, "no_recovery_under_way")
    publisher.http.post(f"{publisher.dataset}/unpublish", key=publisher.key)
    refused = publisher.post("recover")
    assert (refused.status, refused.json["error_code"]) == (409, "dataset_not_published")


def test_the_backup_is_listed_and_downloaded(publisher: Publisher) -> None:
    publisher.push(BOOK)
    publisher.push({"isbn": "2", "title": "Persuasion"})
    listed = publisher.get("backup").json
    assert (listed["total_count"], [entry["first"] for entry in listed["results"]]) == (2, [2, 1])
    assert "X-Amz-Signature" in listed["results"][0]["url"]
    downloaded = publisher.get("backup/download")
    entries = [json.loads(line) for line in downloaded.text.splitlines()]
    assert downloaded.headers["content-type"] == "application/x-ndjson"
    assert [json.loads(entry["body"])[0]["isbn"] for entry in entries] == ["2", "1"]


def test_the_backup_is_scratched_after_confirmation(publisher: Publisher) -> None:
    publisher.push(BOOK)
    for body in (None, {}, {"confirm": "yes"}):
        refused = publisher.post("delete_recover_data", body)
        assert (refused.status, list(refused.json["detail"])) == (400, ["confirm"])
        assert '{"confirm": "realtime"}' in refused.json["message"]
    assert publisher.get("backup").json["total_count"] == 1
    scratched = publisher.post("delete_recover_data", {"confirm": "realtime"})
    assert (scratched.status, scratched.json["uid"]) == (200, publisher.resource["uid"])
    assert publisher.get("backup").json["total_count"] == 0
    publisher.empty()
    publisher.post("recover")
    assert records(publisher.http) == []


def test_an_object_of_the_backup_holds_lines_of_json(publisher: Publisher) -> None:
    publisher.push(BOOK)
    backups = wiring.stores().backups
    uid = publisher.dataset.rpartition("/")[2]
    (found,) = backups.objects(uid, publisher.resource["uid"])
    (line,) = gzip.decompress(backups.bucket.get(found.key) or b"").splitlines()
    assert json.loads(line)["operation"] == "push"
