"""What acts at publish does not act before, and what acts at once does: every kind of setting, by what pushes and
readers see of it."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.api.conftest import Answer, Http
from tests.api.management import ROOT, created, push_path

EXPLORE = "/explore/v2.1/catalog/datasets/books"
BOOK = {"isbn": "1", "title": "Emma", "loans": 1}


FORM = (
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="b.csv"\r\n\r\n' + b"isbn;shelf\r\n9;A\r\n--b--\r\n"
)


class Publisher:
    """A published dataset `books` with a realtime resource, and what can be seen of it from outside."""

    def __init__(self, http: Http) -> None:
        self.http, self.key = http, http.api_key("admin")
        body = {"dataset_id": "books", "metadata": {"default": {"title": {"value": "Books"}}}}
        self.uid = created(http.post(ROOT, key=self.key, json=body))["uid"]
        self.dataset = f"{ROOT}/{self.uid}"
        self.resource = created(
            http.post(
                f"{self.dataset}/resources", key=self.key, json={"type": "realtime", "params": {"bootstrap": BOOK}}
            )
        )
        self.push_path = push_path(self.resource)
        self.edit("POST", "fields", {"type": "annotate", "annotation": "id", "field": "isbn"})
        self.edit("POST", "publish")

    def edit(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.http.request(method, f"{self.dataset}/{path}", key=self.key, json=body)
        assert answer.status in (200, 201, 204), answer.text
        return answer.json if answer.body else None

    def edit_params(self, **params: Any) -> None:
        own = {name: value for name, value in self.resource["params"].items() if name != "push_url"}
        body = {"type": "realtime", "title": self.resource["title"], "params": {**own, **params}}
        self.edit("PUT", f"resources/{self.resource['uid']}", body)

    def push(self, record: Any) -> Answer:
        return self.http.post(self.push_path, json=record, headers={"prefer": "return=representation"})

    def seen(self) -> str:
        """All that a push, its delete and a reader see, as one text."""
        told = self.push([{**BOOK, "title": "NA", "colour": "red"}, {**BOOK, "isbn": "2", "loans": "3"}])
        facts = {
            "push": [
                told.status,
                told.json.get("error_code"),
                told.json.get("ignored_fields"),
                told.json.get("record_ids"),
            ],
            "fields": self.http.get(EXPLORE).json["fields"],
            "records": sorted(map(json.dumps, self.http.get(f"{EXPLORE}/records").json["results"])),
        }
        return json.dumps(facts)


def upload(publisher: Publisher) -> None:
    file = publisher.http.post(
        f"{publisher.dataset}/resources/files",
        key=publisher.key,
        body=FORM,
        headers={"content-type": "multipart/form-data; boundary=b"},
    )
    source = {"type": "uploaded_file", "file": {"uid": created(file)["uid"]}}
    publisher.edit("POST", "resources", {"type": "csvfile", "title": "Archive", "datasource": source})


VERSIONED: dict[str, Callable[[Publisher], Any]] = {
    "field": lambda p: p.edit("POST", "fields", {"type": "description", "field": "title", "description": "Its title"}),
    "type of a field": lambda p: p.edit(
        "POST", "fields", {"type": "type", "field": "title", "type_param": "json_blob"}
    ),
    "processor": lambda p: p.edit(
        "POST", "processors", {"type": "string_replace", "field": "title", "old": "N", "new": "M"}
    ),
    "source": upload,
    "bootstrap": lambda p: p.edit_params(bootstrap={**BOOK, "colour": "blue"}),
    "null values": lambda p: p.edit_params(null_values=["NA"]),
    "unknown fields": lambda p: p.edit_params(unknown_fields="refuse"),
}


@pytest.mark.parametrize("kind", VERSIONED)
def test_a_versioned_setting_is_invisible_until_it_is_published(http: Http, kind: str) -> None:
    publisher = Publisher(http)
    before = publisher.seen()
    VERSIONED[kind](publisher)
    assert publisher.seen() == before
    publisher.edit("POST", "publish")
    assert publisher.seen() != before


def test_the_unique_key_is_versioned_too(http: Http) -> None:
    """It changes the ids of records, so the dataset is emptied for it."""
    publisher = Publisher(http)
    before = publisher.seen()
    publisher.edit("POST", "fields", {"type": "annotate", "annotation": "id", "field": "title"})
    assert publisher.seen() == before
    publisher.edit("POST", "unpublish")
    publisher.edit("POST", "publish")
    assert publisher.seen() != before


def renew(publisher: Publisher) -> None:
    publisher.push_path = push_path(publisher.edit("POST", f"resources/{publisher.resource['uid']}/renew_api_key"))


IMMEDIATE: dict[str, tuple[Callable[[Publisher], Any], Callable[[Publisher], Any]]] = {
    "switch": (
        lambda p: p.edit("POST", f"resources/{p.resource['uid']}/disable"),
        lambda p: p.push(BOOK).json.get("error_code"),
    ),
    "push key": (renew, lambda p: p.push_path.partition("pushkey=")[2] + str(p.push(BOOK).status)),
    "title": (
        lambda p: p.edit("PUT", "metadata/default/title", {"value": "Novels"}),
        lambda p: p.http.get(EXPLORE).json["metas"]["default"]["title"],
    ),
    "restriction": (
        lambda p: p.edit("PUT", "", {"metadata": {}, "is_restricted": True}),
        lambda p: p.http.get(f"{EXPLORE}/records").status,
    ),
    "visibility of data": (
        lambda p: p.edit("PUT", "security/default", {"is_data_visible": False}),
        lambda p: p.http.get(f"{EXPLORE}/records").status,
    ),
}


@pytest.mark.parametrize("kind", IMMEDIATE)
def test_an_immediate_setting_acts_at_once(http: Http, kind: str) -> None:
    publisher = Publisher(http)
    change, look = IMMEDIATE[kind]
    before = look(publisher)
    change(publisher)
    assert look(publisher) != before


def test_a_schedule_is_there_at_once(http: Http) -> None:
    publisher = Publisher(http)
    source = {"type": "http", "connection": {"type": "http", "url": "https://example.org"}, "relative_url": "/b.csv"}
    publisher.edit("POST", "resources", {"type": "csvfile", "datasource": source})
    publisher.edit("POST", "schedules", {"cron_schedule": "0 2 * * *"})
    assert publisher.edit("GET", "schedules")["total_count"] == 1
