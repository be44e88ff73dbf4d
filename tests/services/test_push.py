"""Pushing and deleting records: what is stored, counted and refused."""

import json
from typing import Any

import pytest

from chalicelib.domain.errors import InvalidRecord
from chalicelib.domain.receipt import Receipt
from chalicelib.services.admission import PushTarget
from chalicelib.services.push import PushRequest, push_records
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.stores import Stores
from tests.builders import NOW, a_dataset


def push(stores: Stores, target: PushTarget, body: Any, **options: Any) -> Receipt:
    request = PushRequest(target=target, batch_id="0" * 28, body=json.dumps(body).encode(), **options)
    return push_records(stores, request, offers_push=True, now=NOW, deadline=Deadline(5))


def test_a_pushed_record_is_stored_under_the_id_of_its_unique_key(stores: Stores) -> None:
    target = a_dataset(unique_key=["isbn"])
    receipt = push(stores, target, {"title": "Emma", "isbn": "1"})
    live = stores.live.read(target.dataset_id, Deadline(5))
    stored = stores.reader.get(live.partition, receipt.record_ids[0], Deadline(5))
    assert json.loads(stored.text) == {"title": "Emma", "isbn": "1"}


def test_one_bad_record_refuses_the_whole_payload(stores: Stores) -> None:
    target = a_dataset(unique_key=["isbn"])
    with pytest.raises(InvalidRecord) as refused:
        push(stores, target, [{"title": "Emma", "isbn": "1"}, {"title": "No isbn"}])
    assert [(d.index, d.field, d.code) for d in refused.value.details] == [(1, "isbn", "missing_unique_key")]
    live = stores.live.read(target.dataset_id, Deadline(5))
    assert list(stores.reader.scan(live.partition, Deadline(5))) == []
