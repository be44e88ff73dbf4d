"""EventBridge Scheduler has what the schedules say, whoever dies between the two, and whatever happens at once."""

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import pytest
from botocore.exceptions import EndpointConnectionError

from chalicelib.domain.errors import EditConflict, NotFound, ValidationFailed
from chalicelib.services.publication.publication import unpublish
from chalicelib.services.schedules import schedules
from chalicelib.services.schedules.scheduling import Settled, settle_due
from chalicelib.store.aws import aws_client
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.stores import Stores
from chalicelib.triggers.clock import do_duties
from tests.deployment import NOW, REGION, PatientDeadline
from tests.faults import CallCounter, Crash, WriteCounter, counted
from tests.services.runs.place import GROUP, SOON, Place, a_place, in_scheduler, refusing

BOTH_DAYS = "0 2 1 * MON"  # two expressions
Action = Callable[[Place, str], object]
ACTIONS: dict[str, Action] = {
    "another schedule": lambda place, _: place.add(BOTH_DAYS),
    "one expression becomes two": lambda place, uid: place.edit(uid, BOTH_DAYS),
    "a cron becomes a rate": lambda place, uid: place.edit(uid, "*/5 * * * *"),
    "a deleted schedule": lambda place, uid: place.drop(uid),
    "the last remote resource is deleted": lambda place, _: place.drop_remote(),
    "the last remote resource is unpublished": lambda place, _: place.withdraw(),
    "a deleted dataset": lambda place, _: place.drop_dataset(),
}


@pytest.fixture
def place(shared_stores: Stores) -> Place:
    return a_place(shared_stores)


def test_a_schedule_calls_the_function_in_paris_time(place: Place) -> None:
    uid = place.add("30 2 * * 1-5")
    stored = aws_client("scheduler", REGION).get_schedule(Name=f"{uid}-0", GroupName=GROUP)
    assert stored["ScheduleExpression"] == "cron(30 2 ? * MON-FRI *)"
    assert (stored["ScheduleExpressionTimezone"], stored["FlexibleTimeWindow"]) == ("Europe/Paris", {"Mode": "OFF"})
    target = stored["Target"]
    assert (target["Arn"], target["RoleArn"]) == (
        place.stores.names.refresh_function_arn,
        place.stores.names.scheduler_role_arn,
    )
    assert json.loads(target["Input"]) == {
        "dataset_uid": place.dataset_uid,
        "schedule_uid": uid,
        "scheduled_time": "<aws.scheduler.scheduled-time>",
    }


def test_a_rate_starts_anew_at_each_change(place: Place) -> None:
    client = aws_client("scheduler", REGION)
    uid = place.add("*/20 * * * *")
    assert client.get_schedule(Name=f"{uid}-0", GroupName=GROUP)["StartDate"] == NOW + timedelta(minutes=10)
    place.now += timedelta(hours=3)
    place.edit(uid, "*/30 * * * *")
    started = client.get_schedule(Name=f"{uid}-0", GroupName=GROUP)["StartDate"]
    assert started == place.now + timedelta(minutes=30)


def test_more_and_fewer_expressions_leave_none_behind(place: Place) -> None:
    uid = place.add(BOTH_DAYS)
    other = place.add("0 5 * * *")
    assert set(in_scheduler()) == {f"{uid}-0", f"{uid}-1", f"{other}-0"}
    place.edit(uid, "0 3 * * *")
    assert in_scheduler() == {f"{uid}-0": "cron(0 3 * * ? *)", f"{other}-0": "cron(0 5 * * ? *)"}
    place.drop(uid)
    assert set(in_scheduler()) == {f"{other}-0"}


def test_schedules_run_while_there_is_a_remote_resource(place: Place) -> None:
    uid = place.add()
    place.drop_remote()
    assert in_scheduler() == {}
    (shown,) = schedules.list_schedules(place.stores, place.dataset_uid, place.now)
    assert (shown["is_paused"], shown["next_runs"]) == (True, [])
    assert "remote resource" in shown["paused_because"]
    place.add_remote()
    assert set(in_scheduler()) == {f"{uid}-0"}
    (shown,) = schedules.list_schedules(place.stores, place.dataset_uid, place.now)
    assert (shown["is_paused"], shown["paused_because"], len(shown["next_runs"])) == (False, None, 3)


def test_schedules_run_while_a_remote_resource_is_published_whatever_becomes_of_the_draft(place: Place) -> None:
    uid = place.add()
    place.publish_sources()
    place.drop_remote()
    assert set(in_scheduler()) == {f"{uid}-0"}
    assert not schedules.find_schedule(place.stores, place.dataset_uid, uid, place.now)["is_paused"]
    place.edit(uid, "0 5 * * *")
    assert in_scheduler() == {f"{uid}-0": "cron(0 5 * * ? *)"}
    unpublish(place.stores, place.dataset_uid, place.now)
    assert schedules.find_schedule(place.stores, place.dataset_uid, uid, place.now)["is_paused"]
    place.tick(SOON)
    assert in_scheduler() == {}


def test_a_tick_with_nothing_to_mend_asks_the_index_alone(place: Place) -> None:
    place.add()
    before = place.stores.client.calls.total()
    with counted(place.stores, CallCounter(), schedules=True) as counter:
        assert settle_due(place.stores, place.now + SOON, Deadline(5)) == Settled()
    assert counter.calls == place.stores.client.calls.total() - before == 1


def test_what_scheduler_does_not_take_is_told_at_each_look_and_does_not_count(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    client = place.stores.scheduler._client
    fine = place.add("0 3 * * *")
    with refusing(client, "CreateSchedule"):
        uid = place.add()
        for _ in range(2):
            place.now += SOON
            settled = settle_due(place.stores, place.now, Deadline(5))
            assert (settled.schedules, list(settled.failed)) == (0, [uid])
        place.now += SOON
        do_duties(place.stores, place.now, PatientDeadline(45))
        assert caplog.messages.count("Scheduler does not take a schedule") == 1
        place.now += SOON
    with refusing(client, "CreateSchedule", EndpointConnectionError(endpoint_url="https://scheduler")):
        assert settle_due(place.stores, place.now, Deadline(5)) == Settled(), "that passes"
    place.now += SOON
    assert settle_due(place.stores, place.now, Deadline(5)) == Settled(schedules=1)
    assert set(in_scheduler()) == {f"{fine}-0", f"{uid}-0"}


@pytest.mark.parametrize("name", ACTIONS)
def test_a_crash_between_any_two_calls_is_mended_by_the_tick(shared_stores: Stores, name: str) -> None:
    assert calls_of(shared_stores, name) > 3
    for fatal in range(calls_of(shared_stores, name)):
        place, uid = a_place_with_a_schedule(shared_stores)
        with suppress(Crash), counted(shared_stores, WriteCounter(fatal), schedules=True):
            ACTIONS[name](place, uid)
        assert_in_step(place, f"dead before call {fatal}")


@pytest.mark.parametrize(
    "other", ["one expression becomes two", "the last remote resource is unpublished", "a deleted dataset"]
)
def test_what_comes_between_any_two_calls_ends_in_step(shared_stores: Stores, other: str) -> None:
    name = "a cron becomes a rate"
    for place_of_other in range(calls_of(shared_stores, name)):
        place, uid = a_place_with_a_schedule(shared_stores)

        def overtake(place: Place = place, uid: str = uid) -> None:
            with suppress(EditConflict, NotFound):
                ACTIONS[other](place, uid)

        counting = counted(shared_stores, WriteCounter(place_of_other, overtake), schedules=True)
        with suppress(EditConflict, NotFound, ValidationFailed), counting:
            ACTIONS[name](place, uid)
        assert_in_step(place, f"overtaken before call {place_of_other}")


def a_place_with_a_schedule(stores: Stores) -> tuple[Place, str]:
    place = a_place(stores)
    return place, place.add("0 2 * * *")


def calls_of(stores: Stores, name: str) -> int:
    place, uid = a_place_with_a_schedule(stores)
    with counted(stores, WriteCounter(), schedules=True) as counter:
        ACTIONS[name](place, uid)
    return counter.calls


def assert_in_step(place: Place, happened: str) -> None:
    """After two ticks at most nothing is to be mended any more."""
    for _ in range(3):
        place.now += SOON
        if settle_due(place.stores, place.now, Deadline(5)) == Settled():
            break
    else:
        raise AssertionError(f"{happened}: there is always something to mend")
    assert in_scheduler() == place.wanted(), happened
