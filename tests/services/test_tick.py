"""What the tick does once a minute."""

from datetime import datetime

import pytest

from chalicelib.domain.errors import TemporarilyUnavailable
from chalicelib.services.tick import ring_again
from chalicelib.store.aws import aws_client
from chalicelib.store.catalog.keys import live_pk
from chalicelib.store.due import SHARDS, due_attributes, due_shard
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.stores import Stores
from chalicelib.triggers.clock import DUTIES, Duty, do_duties
from tests.builders import NOW
from tests.deployment import REGION

EARLY, LATE = (next(n for n in map(str, range(1000)) if due_shard("lane", n) == f"lane#{i}") for i in (0, SHARDS - 1))


def let_wait(stores: Stores, name: str, jobs: int = 1) -> None:
    """Jobs of a dataset that nobody has rung for."""
    for number in range(jobs):
        key = {"pk": {"S": live_pk(name)}, "sk": {"S": f"job#{number:015d}"}}
        item = {**key, **due_attributes("lane", name, int(NOW.timestamp()))}
        stores.client.put_item(TableName=stores.names.catalog_table, Item=item)


def rings(stores: Stores) -> int:
    sqs = aws_client("sqs", REGION)
    asked = {"QueueUrl": stores.names.bell_queue_url, "AttributeNames": ["ApproximateNumberOfMessages"]}
    return int(sqs.get_queue_attributes(**asked)["Attributes"]["ApproximateNumberOfMessages"])


def test_a_dataset_with_many_waiting_jobs_is_rung_for_once(stores: Stores) -> None:
    let_wait(stores, EARLY, jobs=5)
    let_wait(stores, LATE)
    assert ring_again(stores, NOW, Deadline(5)) == 2
    assert rings(stores) == 2


def test_what_was_read_by_the_deadline_is_rung_for(stores: Stores) -> None:
    let_wait(stores, EARLY)
    let_wait(stores, LATE)
    passed = [0.0]

    def take_a_second(_operation: str) -> None:
        passed[0] += 1.0

    stores.client.before = take_a_second
    with pytest.raises(TemporarilyUnavailable):
        ring_again(stores, NOW, Deadline(SHARDS / 2, clock=lambda: passed[0]))
    assert rings(stores) == 1


def test_a_duty_that_takes_all_the_time_it_has_leaves_the_others_their_share(stores: Stores) -> None:
    passed, had = [0.0], list[float]()

    def a_greedy_duty() -> Duty:
        def duty(_stores: Stores, _now: datetime, deadline: Deadline) -> None:
            had.append(deadline.remaining())
            passed[0] += deadline.remaining()

        return duty

    do_duties(stores, NOW, Deadline(45, clock=lambda: passed[0]), {a_greedy_duty(): kept for kept in DUTIES.values()})
    of_the_report, of_silence, *others = had
    assert of_the_report > 10
    assert of_silence > 15
    assert all(seconds > 4 for seconds in others)
