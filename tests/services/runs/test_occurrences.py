"""When a run begins, is tried again, is skipped, or ends; and what many failures in a row lead to."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from chalicelib.domain.run_state import MAX_ATTEMPTS, PAUSE_AFTER, WARN_AFTER, Run
from chalicelib.services.runs.runs import shown
from chalicelib.services.schedules import schedules
from chalicelib.store.catalog.drafts import ScheduleItem
from chalicelib.store.catalog.keys import dataset_pk
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.runs import WORKER_DEAD_AFTER
from chalicelib.store.stores import Stores
from chalicelib.triggers.schedule import handle
from tests.deployment import NOW, PatientDeadline
from tests.faults import Crash
from tests.services.runs.place import SOON, in_scheduler
from tests.services.runs.world import World, an_outcome


@pytest.fixture
def world(shared_stores: Stores) -> World:
    return World(shared_stores)


def states(world: World) -> list[str]:
    return [run.state for run in world.place.history()]


def waiting(world: World) -> Run:
    (run,) = world.place.stores.runs.unfinished(world.place.dataset_uid, Deadline(5))
    return run


def test_a_run_is_kept_with_its_schedule_its_time_and_its_outcome(world: World) -> None:
    world.fire()
    (run,) = world.place.history()
    assert (run.schedule_uid, run.scheduled_time) == (world.schedules[0], NOW.replace(minute=0))
    assert (run.state, run.attempts, run.started_at, run.ended_at) == ("succeeded", 1, NOW, NOW)
    assert [source.state for source in run.sources] == ["unchanged"]


def test_a_run_that_is_delivered_again_is_not_made_again(world: World) -> None:
    for _ in range(3):
        world.fire()
    assert len(world.attempts) == len(states(world)) == 1


def test_a_schedule_that_is_not_due_then_or_is_gone_does_nothing(world: World) -> None:
    world.deliver({**world.event(0), "scheduled_time": "2026-03-29T10:17:00Z"})
    world.deliver({**world.event(0), "schedule_uid": "sc_000000"})
    world.deliver({**world.event(0), "dataset_uid": "da_000000"})
    assert (world.attempts, states(world)) == ([], [])


def test_the_loser_of_two_runs_of_a_dataset_is_skipped_and_says_so(world: World) -> None:
    world.meanwhile.append(lambda: world.fire(1))
    world.fire(0)
    by_schedule = {run.schedule_uid: run for run in world.place.history()}
    winner, loser = (by_schedule[uid] for uid in world.schedules)
    assert (winner.state, loser.state, loser.code) == ("succeeded", "skipped", "another_run")
    assert winner.run_id in str(loser.message)


def test_what_a_refresh_has_no_reason_for_is_skipped_with_that_reason(world: World) -> None:
    world.outcomes.append("skipped")
    world.fire()
    (run,) = world.place.history()
    assert (run.state, run.code) == ("skipped", "no_remote_resource")
    world.outcomes.clear()
    handle(world.place.stores, world.event(0, 2), world.refresh, lambda: NOW, PatientDeadline(60), offered=False)
    assert world.place.history()[0].code == "not_offered"


def test_a_passing_failure_is_tried_again_when_it_is_due_and_not_before(world: World) -> None:
    world.outcomes.append("transient")
    world.fire()
    run = waiting(world)
    assert (run.attempts, run.not_before) == (1, NOW + timedelta(minutes=1))
    world.fire()
    world.tick(0)
    assert world.place.calls == []
    world.tick(1)
    world.called()
    (run,) = world.place.history()
    assert (run.state, run.attempts, len(world.attempts)) == ("succeeded", 2, 2)


def test_a_passing_failure_fails_the_run_after_the_last_attempt(world: World) -> None:
    world.outcomes.extend(["transient"] * MAX_ATTEMPTS)
    run_id = world.ask()
    for _ in range(MAX_ATTEMPTS):
        world.called()
        world.tick(10)
    (run,) = world.place.history()
    assert (run.run_id, run.state, run.attempts, run.code) == (run_id, "failed", MAX_ATTEMPTS, "unreachable")


@pytest.mark.parametrize("outcome", ["permanent", "held_back"])
def test_a_failure_that_will_not_pass_is_not_tried_again(world: World, outcome: str) -> None:
    world.outcomes.append(outcome)
    world.fire()
    assert states(world) == [{"permanent": "failed"}.get(outcome, outcome)]
    assert world.place.notices() == (["held_back"] if outcome == "held_back" else [])


def test_a_worker_that_dies_is_replaced_after_its_time_and_given_up_after_the_last(world: World) -> None:
    def die() -> None:
        raise Crash

    for attempt in range(MAX_ATTEMPTS):
        world.meanwhile.append(die)
        world.dying(99, world.fire if attempt == 0 else world.called)
        world.tick(1)
        assert world.place.calls == [], "it may still be alive"
        world.tick(WORKER_DEAD_AFTER // 60 + 1)
    (run,) = world.place.history()
    assert (run.state, run.code, run.attempts) == ("failed", "unfinished", MAX_ATTEMPTS)


def test_a_bug_of_ours_is_tried_again_and_logged(world: World) -> None:
    world.outcomes.append("bug")
    world.fire()
    assert waiting(world).code == "unfinished"


def test_a_run_is_aborted_while_it_waits_or_is_under_way(world: World) -> None:
    world.ask()
    world.abort()
    assert states(world) == ["aborted"]
    world.meanwhile.append(world.abort)
    world.fire()
    assert sorted(states(world)) == ["aborted", "aborted"]
    world.outcomes.append("transient")
    world.fire(0, 2)
    world.abort()
    assert states(world)[0] == "aborted", "it waited for another attempt"


@pytest.mark.parametrize("count", [20, pytest.param(500, marks=pytest.mark.long)])
def test_schedules_that_are_due_at_once_and_delivered_twice_have_one_outcome_each(
    shared_stores: Stores, count: int
) -> None:
    world = World(shared_stores)
    uids = [f"da_{number:06}" for number in range(count)]
    for uid in uids:
        item = ScheduleItem(dataset_pk(uid), f"schedule#sc_{uid[3:]}", uid=f"sc_{uid[3:]}", created_at="")
        item.cron_schedule = "0 * * * *"
        item.save()
    for uid in uids * 2:
        world.deliver({**world.event(0), "dataset_uid": uid, "schedule_uid": f"sc_{uid[3:]}"})
    assert len(world.attempts) == len(set(world.attempts)) == count
    for uid in uids:
        (entry,) = shared_stores.activity.newest(uid, "run", 10, Deadline(5))
        assert entry["state"] == "succeeded"


def test_a_server_that_asks_to_be_left_alone_is_left_alone_by_the_schedules(world: World) -> None:
    world.outcome("asks_to_wait")
    world.fire(0)
    assert states(world) == ["failed"], "its schedule falls due before"
    world.fire(0, 1)
    world.fire(1, 0)
    skipped = [run for run in world.place.history() if run.state == "skipped"]
    assert [(run.state, run.code, run.attempts) for run in skipped] == [("skipped", "asked_to_wait", 0)] * 2
    assert all("until 2026-03-29 11:45:00 UTC" in str(run.message) for run in skipped), "75 minutes after its answer"
    world.fire(0, 2)
    assert (states(world)[0], len(world.attempts)) == ("succeeded", 2)


def test_a_run_waits_as_long_as_the_server_asks_when_its_schedule_is_not_due_before(world: World) -> None:
    world.outcome("asks_to_wait")
    world.fire(1)
    assert waiting(world).not_before == NOW + timedelta(minutes=75)
    world.fire(0, 1)
    assert world.place.history()[0].code == "asked_to_wait"
    world.tick(44)
    world.called()
    assert len(world.attempts) == 1
    world.tick(1)
    world.called()
    assert (states(world), len(world.attempts)) == (["skipped", "succeeded"], 2)


def test_a_run_that_was_asked_for_is_made_all_the_same_and_lets_schedules_go_on_when_it_succeeds(world: World) -> None:
    world.outcome("asks_to_wait")
    world.fire(0)
    world.ask()
    world.called()
    world.fire(0, 1)
    assert states(world) == ["succeeded", "succeeded", "failed"]


def fail(world: World, times: int, first: int = 0) -> None:
    for hour in range(first, first + times):
        world.outcomes.append("permanent")
        world.fire(0, hour)


def test_schedules_pause_after_many_failures_and_go_on_after_an_edit(world: World) -> None:
    place = world.place
    fail(world, WARN_AFTER)
    assert place.notices() == ["warned"]
    fail(world, PAUSE_AFTER - WARN_AFTER, first=WARN_AFTER)
    assert (place.notices(), place.is_paused) == (["warned", "paused_because"], True)
    place.tick(SOON)
    assert in_scheduler() == {}
    world.fire(0, PAUSE_AFTER)
    assert place.history()[0].code == "schedules_paused"
    (first, _) = schedules.list_schedules(place.stores, place.dataset_uid, place.now)
    assert "HTTP 404" in str(first["paused_because"])
    place.edit(world.schedules[1], "0 */2 * * *")
    assert in_scheduler() == place.wanted() != {}
    fail(world, 1, first=PAUSE_AFTER + 2)
    assert (place.is_paused, place.history()[0].state) == (False, "failed")


def test_a_run_that_was_asked_for_and_succeeds_lets_schedules_go_on(world: World) -> None:
    fail(world, PAUSE_AFTER)
    world.place.tick(SOON)
    world.ask()
    world.called()
    assert (world.place.is_paused, states(world)[0]) == (False, "succeeded")
    world.place.tick(SOON)
    assert in_scheduler() == world.place.wanted() != {}


def test_the_counts_of_a_run_are_those_of_its_batch_once_it_is_applied(world: World) -> None:
    stores, uid = world.place.stores, world.place.dataset_uid

    def counts(run: Run) -> dict[str, int | None]:
        (answer,) = shown(stores, [run], Deadline(5))
        found: dict[str, int | None] = answer["counts"]
        return found

    def run_with(*sources: object, state: str = "succeeded") -> Run:
        return Run(run_id="0" * 28, dataset_uid=uid, scheduled_time=NOW, state=state, sources=sources)  # type: ignore[arg-type]

    queued = an_outcome("queued", batch_id="1" * 28, records=9, refused=2)
    receipt = {"state": "queued", "created": None, "updated": None, "unchanged": None, "deleted": None}
    stores.activity.put_receipt(uid, "1" * 28, receipt, NOW, Deadline(5))
    none: Sequence[str] = ("added", "changed", "removed", "unchanged")
    assert counts(run_with(queued)) == {**dict.fromkeys(none), "refused": 2}
    applied = {"state": "applied", "created": 3, "updated": 1, "unchanged": 5, "deleted": 4}
    stores.activity.put_receipt(uid, "1" * 28, applied, NOW, Deadline(5))
    expected = {"added": 3, "changed": 1, "removed": 4, "unchanged": 12, "refused": 2}
    assert counts(run_with(queued, an_outcome("unchanged", records=7))) == expected
    nothing = {"added": 0, "changed": 0, "removed": 0, "unchanged": None, "refused": 0}
    for state in ("failed", "held_back", "aborted"):
        assert counts(run_with(an_outcome(state), state=state)) == nothing
    assert counts(run_with(state="skipped")) == nothing
    for state in ("waiting", "running"):
        assert counts(run_with(an_outcome("failed"), state=state)) == dict.fromkeys((*none, "refused"))
