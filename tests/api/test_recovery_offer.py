"""After a publication that changes what becomes of pushed records, recovery offers to process the older ones anew."""

from typing import Any

import pytest

from tests.api.conftest import Http
from tests.api.test_recovery import BOOK, Publisher

MENDED = {"type": "string_replace", "field": "title", "old": "Ema", "new": "Emma"}


@pytest.fixture
def publisher(http: Http) -> Publisher:
    """Somebody whose device has pushed a record that wants mending."""
    publisher = Publisher(http)
    publisher.push({**BOOK, "title": "Ema"})
    return publisher


def publish(publisher: Publisher, **changes: Any) -> None:
    """Publish after adding to the stacks."""
    for stack, entry in changes.items():
        assert publisher.http.post(f"{publisher.dataset}/{stack}", key=publisher.key, json=entry).status == 201
    assert publisher.http.post(f"{publisher.dataset}/publish", key=publisher.key).status == 200


def offer(publisher: Publisher) -> Any:
    return publisher.get("recovery").json["offer"]


def processed_since(publisher: Publisher) -> Any:
    return publisher.http.get(f"{publisher.dataset}/status", key=publisher.key).json["processed_since"]


def titles(publisher: Publisher) -> Any:
    url = "/explore/v2.1/catalog/datasets/library-books/records"
    return [record["title"] for record in publisher.http.get(url).json["results"]]


def test_a_mended_processor_is_offered_for_what_was_pushed_before(publisher: Publisher) -> None:
    assert (offer(publisher), processed_since(publisher)) == (None, None)
    publish(publisher, processors=MENDED)
    offered = offer(publisher)
    assert offered["kept_since"] < offered["processed_since"] == processed_since(publisher)
    assert "POST recover/" in offered["message"]
    assert titles(publisher) == ["Ema"], "offered, not done unasked"
    publisher.post("recover", {"dry_run": True})
    publisher.post("recover", {"from": "2020-01-01"})
    publisher.post("recover", {"to": offered["kept_since"]})
    assert offer(publisher) == offered, "not all of it was recovered"
    publisher.post("recover")
    assert (titles(publisher), offer(publisher)) == (["Emma"], None)


def test_it_is_offered_again_after_the_next_change(publisher: Publisher) -> None:
    publish(publisher, processors=MENDED)
    publisher.post("recover", {"all_resources": True})
    assert offer(publisher) is None
    publish(publisher, fields={"type": "type", "field": "isbn", "type_param": "int"})
    assert offer(publisher) is not None


def test_what_was_kept_since_the_change_alone_needs_no_offer(publisher: Publisher) -> None:
    publish(publisher, processors=MENDED)
    publisher.post("delete_recover_data", {"confirm": "realtime"})
    publisher.push(BOOK)
    assert offer(publisher) is None


def test_an_unpublished_dataset_is_offered_it_once_it_is_published(publisher: Publisher) -> None:
    publisher.http.post(f"{publisher.dataset}/unpublish", key=publisher.key)
    publish(publisher, processors=MENDED)
    assert offer(publisher) is not None
    publisher.http.post(f"{publisher.dataset}/unpublish", key=publisher.key)
    assert offer(publisher) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"fields": {"type": "rename", "from_name": "title", "to_name": "title", "field_label": "The title"}},
        {"fields": {"type": "order", "args": ["title", "isbn"]}},
        {"fields": {"type": "description", "field": "title", "description": "What stands on the cover"}},
        {"resources": {"type": "realtime", "title": "More", "params": {"bootstrap": BOOK}}},
        {},
    ],
    ids=str,
)
def test_what_changes_no_record_offers_nothing(publisher: Publisher, changes: Any) -> None:
    publish(publisher, **changes)
    assert (offer(publisher), processed_since(publisher)) == (None, None)
