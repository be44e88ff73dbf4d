"""Deleting what is gone: each visit of the worker goes on after the last step of the one before."""

from collections.abc import Sequence

import pytest

from chalicelib.domain.changes import Changes, Put
from chalicelib.domain.errors import TemporarilyUnavailable
from chalicelib.domain.job import REFRESH, Job
from chalicelib.domain.receipt import Tally
from chalicelib.services.writing.removal import Removal
from chalicelib.services.writing.writer import Batch, write_batches
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.records import SHARDS, Origin
from chalicelib.store.stores import Stores
from tests.builders import NOW, a_dataset
from tests.deployment import PatientDeadline

OWN, OTHER = "re_owner0", "re_other0"
IDS = [f"{number % 16:x}{number:039x}" for number in range(64)]


def a_job(stores: Stores, own: Sequence[str], others: Sequence[str]) -> Job:
    """An accepted job of a dataset with these records."""
    live = stores.live.read(a_dataset(f"removal-{len(own)}-{len(others)}").dataset_id, Deadline(5))
    assert live is not None
    for ids, owner in ((own, OWN), (others, OTHER)):
        puts = [Put(record_id, '{"title":"t"}', "0" * 32, {}) for record_id in ids]
        batch = Batch(origin=Origin(0, owner), changes=Changes(puts=puts))
        write_batches(stores, live, [batch], PatientDeadline(60), clock=lambda: NOW)
    job = Job(
        kind=REFRESH, batch_id="b" * 28, dataset_id=live.dataset_id, dataset_uid=live.dataset_uid,
        generation=live.generation, version=live.version, resource_uid=OWN, accepted_at=0,
    )  # fmt: skip
    return stores.lane.commit(live, job, [], Deadline(5))


def left(stores: Stores, job: Job) -> set[str]:
    return {record.id for record in stores.reader.scan(job.partition, Deadline(60))}


def again(stores: Stores, job: Job) -> Job:
    (found,) = stores.lane.read(job.dataset_id, Deadline(5)).jobs
    return found


def visit(stores: Stores, job: Job, writes: int) -> Removal:
    """A worker that has time for so many writes of records."""
    left_over = iter([0.0] * writes)

    def count(operation: str) -> None:
        if operation == "batch_write_item" and next(left_over, None) is None:
            raise TemporarilyUnavailable

    stores.client.before = count
    return Removal(stores=stores, job=job, clock=lambda: NOW, deadline=PatientDeadline(60), at_once=20)


def test_records_that_are_found_to_be_gone_go_shard_by_shard(shared_stores: Stores) -> None:
    stores, job = shared_stores, a_job(shared_stores, IDS[:48], IDS[48:])
    for visits in range(SHARDS):
        with pytest.raises(TemporarilyUnavailable):
            visit(stores, job, 1).of_found(lambda _, owner: owner == OWN, Tally(**job.counts))
        stores.client.before = lambda _: None
        job = again(stores, job)
        assert job.done == visits + (visits < SHARDS - 1), "its last shard is noted by the last visit"
        if job.done == SHARDS - 1:
            break
    tally = visit(stores, job, 1).of_found(lambda _, owner: owner == OWN, Tally(**job.counts))
    stores.client.before = lambda _: None
    assert (tally, left(stores, job)) == (Tally(deleted=48), set(IDS[48:]))


def test_records_that_are_known_to_be_gone_go_so_many_at_a_time_but_not_those_of_others(shared_stores: Stores) -> None:
    stores, job = shared_stores, a_job(shared_stores, IDS[:40], IDS[40:])
    with pytest.raises(TemporarilyUnavailable):
        visit(stores, job, 1).of_known(IDS, Tally(created=3))
    stores.client.before = lambda _: None
    job = again(stores, job)
    assert (job.done, job.counts["deleted"], len(left(stores, job))) == (1, 20, 44)
    tally = visit(stores, job, 99).of_known(IDS, Tally(**job.counts))
    stores.client.before = lambda _: None
    assert (tally, left(stores, job)) == (Tally(created=3, deleted=40), set(IDS[40:]))
    assert again(stores, job).done == 4
