"""The lane by example: what receipts say, what pauses it, and what it costs."""

import threading
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.domain.changes import Changes, Put
from chalicelib.domain.errors import JobPayloadMissing, LaneNotPaused
from chalicelib.domain.job import MAX_ATTEMPTS, Job
from chalicelib.domain.receipt import QUEUED, Receipt
from chalicelib.services.datasets import datasets
from chalicelib.services.lane.control import abort_first_job, resume_lane, show_lane
from chalicelib.services.resources import push_switches, resources
from chalicelib.services.writing.staging import Stager
from chalicelib.store.aws import aws_client
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.stores import Stores
from tests.builders import NOW, at
from tests.deployment import REGION, PatientDeadline, work
from tests.faults import CallCounter, Crash, counted
from tests.services.devices import Device, a_device
from tests.services.lane.jobs import commit_job
from tests.services.lane.world import HEAVY, NOISE


@pytest.fixture
def device(stores: Stores) -> Device:
    made = a_device(
        stores, bootstrap={"key": 1, "value": 1, "text": "t"}, unique_key=["key"], types={"key": "int", "value": "int"}
    )
    made.is_followed = False
    return made


def heavy(*keys: int, value: int = 0) -> list[dict[str, Any]]:
    """Four records and more that make a push too large to be written at once."""
    return [{"key": key, "value": value, "text": HEAVY} for key in (*keys, 900, 901, 902, 903)]


def receipt_of(device: Device, receipt: Receipt) -> dict[str, Any]:
    stored = device.stores.activity.batch(device.dataset_uid, receipt.batch_id, Deadline(5))
    assert stored is not None
    return stored


def tally(device: Device, receipt: Receipt) -> tuple[str, int, int, int, int]:
    stored = receipt_of(device, receipt)
    return stored["state"], stored["created"], stored["updated"], stored["unchanged"], stored["deleted"]


def values(device: Device) -> dict[int, int]:
    return {r["key"]: r["value"] for r in device.stored().values() if r["key"] < 900}


def test_jobs_that_are_written_as_one_are_counted_one_after_the_other(device: Device) -> None:
    device.push({"key": 1, "value": 1})
    sent = [
        device.push(heavy(1, 2)),
        device.push([{"key": 1, "value": 5}, {"key": 3, "value": 5}]),
        device.push({"key": 3, "value": 5}),
        device.delete([{"key": 2}, {"key": 4}]),
        device.push({"key": 2, "value": 6}),
    ]
    assert [receipt.state for receipt in sent] == [QUEUED] * 5
    assert {receipt.counts.created for receipt in sent} == {None}
    assert values(device) == {1: 1}
    work(device.stores)
    assert [tally(device, receipt) for receipt in sent] == [
        ("applied", 5, 1, 0, 0),
        ("applied", 1, 1, 0, 0),
        ("applied", 0, 0, 1, 0),
        ("applied", 0, 0, 0, 1),
        ("applied", 1, 0, 0, 0),
    ]
    assert values(device) == {1: 5, 2: 6, 3: 5}
    assert device.push({"key": 1, "value": 7}).state == "applied", "the lane is empty, and pushes are direct again"


def test_the_bell_is_rung_once_for_a_lane_that_is_busy(device: Device) -> None:
    device.push(heavy(1))
    for value in range(20):
        assert device.push({"key": 1, "value": value}).state == QUEUED
    sqs = aws_client("sqs", REGION)
    asked = {"QueueUrl": device.stores.names.bell_queue_url, "AttributeNames": ["ApproximateNumberOfMessages"]}
    assert sqs.get_queue_attributes(**asked)["Attributes"]["ApproximateNumberOfMessages"] == "1"
    work(device.stores)
    assert values(device) == {1: 19}


def lose_the_payload(device: Device) -> tuple[str, bytes]:
    """A queued push whose records have gone from S3, and what they were."""
    device.push([*heavy(1, value=1), {"key": 910, "text": NOISE}])
    (job,) = device.stores.lane.read(device.target.dataset_id, Deadline(5)).jobs
    assert job.parts, "it is too large for its item"
    content = device.stores.jobs.get(job.parts[0])
    assert content is not None
    device.stores.jobs.delete(job.parts)
    return job.parts[0], content


def fail_until_it_pauses(device: Device) -> None:
    for _ in range(MAX_ATTEMPTS):
        with pytest.raises(JobPayloadMissing):
            work(device.stores)
    work(device.stores)  # paused, it is left alone


def test_a_job_that_fails_again_and_again_pauses_the_lane_and_loses_nothing(device: Device) -> None:
    key, content = lose_the_payload(device)
    later = device.push({"key": 1, "value": 2})
    fail_until_it_pauses(device)
    shown = show_lane(device.stores, device.dataset_uid, NOW, Deadline(5))
    assert (shown["state"], shown["jobs"], shown["attempts"]) == ("paused", 2, MAX_ATTEMPTS)
    assert "JobPayloadMissing" in shown["problem"]
    assert device.push({"key": 2, "value": 3}).state == QUEUED
    device.stores.jobs.put(key, content, "application/gzip")
    resume_lane(device.stores, device.dataset_uid, NOW, Deadline(5))
    work(device.stores)
    assert values(device) == {1: 2, 2: 3}
    assert tally(device, later)[0] == "applied"
    assert show_lane(device.stores, device.dataset_uid, NOW, Deadline(5))["state"] == "empty"


def test_an_aborted_job_says_so_and_those_behind_it_are_applied(device: Device) -> None:
    lose_the_payload(device)
    first = device.stores.lane.read(device.target.dataset_id, Deadline(5)).jobs[0]
    device.push({"key": 1, "value": 2})
    for refused in (
        lambda: resume_lane(device.stores, device.dataset_uid, NOW, Deadline(5)),
        lambda: abort_first_job(device.stores, device.dataset_uid, NOW, Deadline(5)),
    ):
        with pytest.raises(LaneNotPaused):
            refused()
    fail_until_it_pauses(device)
    abort_first_job(device.stores, device.dataset_uid, NOW, Deadline(5))
    work(device.stores)
    aborted = device.stores.activity.batch(device.dataset_uid, first.batch_id, Deadline(5))
    assert aborted is not None
    assert (aborted["state"], "aborted" in aborted["message"]) == ("failed", True)
    assert values(device) == {1: 2}


def a_job_of_parts(device: Device, parts: int) -> Job:
    """A committed job of several parts with ten records each."""
    keys: list[str] = []
    for part in range(parts):
        stager = Stager(device.stores, device.live().partition, "b" * 28, Deadline(5), first=part)
        puts = [Put(f"{part:x}{n:039x}", f'{{"key":{part * 10 + n},"value":{part}}}', "h" * 32, {}) for n in range(10)]
        stager.add(Changes(puts=puts))
        keys += stager.finish()
    return commit_job(device, keys, records=10 * parts)


def test_a_job_of_many_parts_goes_on_where_the_last_worker_died(device: Device) -> None:
    a_job_of_parts(device, 4)
    died = 0
    for fatal in range(3, 60):
        device.stores.bell.ring("lane", device.target.dataset_id, group=f"g{fatal}", token=str(fatal))
        try:
            with counted(device.stores, CallCounter(fatal)):
                work(device.stores)
            break
        except Crash:
            died += 1
            device.stores.lane.forget_attempts(device.target.dataset_id, Deadline(5))
    assert died > 3
    assert len(device.stored()) == 40
    stored = device.stores.activity.batch(device.dataset_uid, "b" * 28, Deadline(5))
    assert stored is not None
    assert stored["created"] + stored["unchanged"] == 40


def test_prefer_wait_holds_the_answer_until_the_batch_is_applied(device: Device) -> None:
    looks = iter([lambda: None, lambda: work(device.stores)])
    waiting = Deadline(30, sleep=lambda _: next(looks, lambda: None)())
    receipt = device.push(heavy(1, 2), wait=10, deadline=waiting)
    assert (receipt.state, receipt.counts.created) == ("applied", 6)
    assert device.push(heavy(3), wait=1, deadline=PatientDeadline(0.6)).state == QUEUED


def test_a_direct_write_that_is_throttled_too_long_is_handed_to_the_lane(device: Device) -> None:
    def fail(operation: str) -> None:
        if operation == "batch_write_item":
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": ""}}, operation)

    passed = [0.0]

    def sleep(seconds: float) -> None:
        passed[0] += seconds

    device.stores.client.before = fail
    receipt = device.push({"key": 1, "value": 1}, deadline=Deadline(20, clock=lambda: passed[0], sleep=sleep))
    assert receipt.state == QUEUED
    device.stores.client.before = lambda _operation: None
    work(device.stores)
    assert values(device) == {1: 1}


def test_nothing_runs_on_after_an_answer(device: Device) -> None:
    before = Counter(thread.name for thread in threading.enumerate())
    device.push([{"key": n} for n in range(300)])
    device.push(heavy(1))
    work(device.stores)
    assert Counter(thread.name for thread in threading.enumerate()) == before


def test_a_dataset_made_anew_under_the_same_id_has_nothing_of_the_former_lane(device: Device) -> None:
    lose_the_payload(device)
    fail_until_it_pauses(device)
    dataset_id = device.target.dataset_id
    datasets.delete_dataset(device.stores, device.dataset_uid, NOW)
    work(device.stores)
    made = datasets.create_dataset({"metadata": {}, "dataset_id": dataset_id}, at(100))
    body = {"type": "realtime", "params": {"bootstrap": {"key": 1, "value": 1}}}
    draft = resources.create_resource(device.stores, made.uid, body, at(100))
    target = replace(device.target, push_key=push_switches.push_key(device.stores, draft.resource))
    again = replace(device, target=target, dataset_uid=made.uid, resource_uid=draft.resource.uid)
    again.publish(at(100))
    assert again.push({"key": 5, "value": 5}).state == "applied"
    assert values(again) == {5: 5}
