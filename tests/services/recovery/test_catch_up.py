"""What is accepted while a recovery reads the log, and how workers that have no time share catching up with it."""

import json
from collections.abc import Callable, Sequence
from datetime import datetime

import pytest

from chalicelib.domain.errors import TemporarilyUnavailable
from chalicelib.domain.job import Job
from chalicelib.domain.receipt import Tally
from chalicelib.domain.replayed import Replayed
from chalicelib.services.datasets import stacks
from chalicelib.services.lane.worker import apply_jobs
from chalicelib.services.recovery import catch_up
from chalicelib.services.recovery.recovery import abort_recovery
from chalicelib.services.recovery.run import run_recovery
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.lane import LaneStore
from chalicelib.store.stores import Stores
from tests.builders import at
from tests.deployment import PatientDeadline, work
from tests.services.devices import Device, a_device
from tests.services.recovery.recovering import ask, drop, last, put, switch, values

NAMES = "abcdefgh"


@pytest.fixture
def device(stores: Stores) -> Device:
    """Has pushed eight records right before a recovery that was read; its job waits in the lane. One was deleted, and
    one pushed anew while nothing was backed up."""
    made = a_device(
        stores,
        bootstrap={"key": 1, "value": 1},
        unique_key=["key"],
        types={"key": "int", "value": "int"},
        recovery=True,
    )
    for n, name in enumerate(NAMES):
        put(made, n, **{name: 1})
    drop(made, 20, "b")
    switch(made, on=False)
    put(made, 21, c=2)
    ask(made, 30)
    run_recovery(stores, made.dataset_uid, lambda: at(30), Deadline(60))
    return made


EXPECTED = {name: 1 for name in NAMES if name != "b"} | {"c": 2}


def impatient(seconds: float) -> Deadline:
    """One under which each look at the clock takes a second."""
    ticks = iter(range(100_000))
    return Deadline(seconds, clock=lambda: float(next(ticks)), sleep=lambda _: None)


def apply(device: Device, deadline: Deadline) -> None:
    apply_jobs(device.stores, device.target.dataset_id, lambda: at(100), deadline)


def test_workers_without_time_go_on_where_the_last_one_stopped(device: Device) -> None:
    with pytest.raises(TemporarilyUnavailable):
        apply(device, impatient(24))
    (job,) = device.stores.lane.read(device.target.dataset_id, Deadline(5)).jobs
    assert 1 < json.loads(job.position)["cursor"] < 9
    with pytest.raises(TemporarilyUnavailable):
        apply(device, impatient(16))
    apply(device, impatient(60))
    assert values(device) == EXPECTED
    outcome = last(device, 200)
    assert (outcome["state"], outcome["counts"]["unchanged"]) == ("done", 7)
    assert [key for key, _ in device.stores.jobs.listed("jobs/")] == []


def test_records_are_written_some_at_a_time(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    write = catch_up.write_replayed

    def noted(
        stores: Stores, job: Job, replayed: Sequence[Replayed], clock: Callable[[], datetime], deadline: Deadline
    ) -> Tally:
        sizes.append(sum(len(each.changes.puts) for each in replayed))
        return write(stores, job, replayed, clock, deadline)

    monkeypatch.setattr(catch_up, "WRITTEN_AT_ONCE", 2)
    monkeypatch.setattr(catch_up, "write_replayed", noted)
    apply(device, PatientDeadline(60))
    assert max(sizes) == 2
    assert sum(sizes) == 7
    assert values(device) == EXPECTED


@pytest.fixture
def laden(stores: Stores) -> Device:
    """A device whose processors take longer for one push, right before a recovery that was read, than a worker has."""
    made = a_device(stores, bootstrap={"key": 1, "value": "x"}, unique_key=["key"], recovery=True)
    stacks.processors.add(made.dataset_uid, {"type": "string_replace", "field": "value", "old": "a", "new": "b"})
    made.publish(at(0))
    made.now = at(100)
    made.push([{"key": number, "value": "a"} for number in range(500)])
    ask(made, 120)
    run_recovery(stores, made.dataset_uid, lambda: at(120), PatientDeadline(60))
    return made


def test_an_entry_that_takes_too_long_ends_the_recovery_and_not_the_lane(laden: Device) -> None:
    work(laden.stores, lambda: at(200), most=9, deadline=lambda: impatient(270))
    outcome = last(laden, 300)
    assert (outcome["state"], "simplify the processors" in outcome["message"]) == ("failed", True)
    assert laden.stores.lane.first(laden.target.dataset_id, Deadline(5)) is None
    assert len(laden.stored()) == 500


def test_a_recovery_that_catches_up_is_aborted(laden: Device) -> None:
    with pytest.raises(TemporarilyUnavailable):
        apply(laden, impatient(100))
    abort_recovery(laden.stores, laden.dataset_uid, laden.resource_uid, Deadline(5))
    apply(laden, PatientDeadline(60))
    assert last(laden, 300)["state"] == "aborted"
    assert laden.stores.lane.first(laden.target.dataset_id, Deadline(5)) is None


def test_a_job_whose_recovery_has_ended_is_only_taken_off_the_lane(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a worker has died before it took an aborted one off, and another recovery was asked for since."""
    abort_recovery(device.stores, device.dataset_uid, device.resource_uid, Deadline(5))
    with monkeypatch.context() as patch, pytest.raises(TemporarilyUnavailable):
        patch.setattr(LaneStore, "finish", _fails)
        apply(device, PatientDeadline(60))
    drop(device, 200, "a")
    ask(device, 210)
    apply_jobs(device.stores, device.target.dataset_id, lambda: at(220), PatientDeadline(60))
    assert values(device) == {name: value for name, value in EXPECTED.items() if name != "a"}


def _fails(*_: object) -> None:
    raise TemporarilyUnavailable
