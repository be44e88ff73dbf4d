"""Runs: the id of an occurrence, what the outcomes of resources come to, and when a run is tried again."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.domain.identifiers import is_batch_id, new_batch_id
from chalicelib.domain.run import SourceOutcome
from chalicelib.domain.run_state import MAX_ATTEMPTS, RUNNING, Run, next_attempt, occurrence_id, with_outcome

NOW = datetime(2027, 1, 4, 2, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def a_run(**changes: Any) -> Run:
    run = Run(run_id="0" * 28, dataset_uid="da_000000", scheduled_time=NOW, schedule_uid="sc_000000", attempts=1)
    return replace(run, **changes)


def an_outcome(state: str = "failed", **more: Any) -> SourceOutcome:
    return SourceOutcome(resource_uid="re_000000", state=state, **more)


def test_an_occurrence_has_the_same_id_whoever_delivers_it_and_sorts_by_its_time() -> None:
    first, second = (occurrence_id("sc_000000", NOW + HOUR * number) for number in range(2))
    assert first == occurrence_id("sc_000000", NOW.astimezone()) < new_batch_id(NOW + HOUR / 2) < second
    assert occurrence_id("sc_000001", NOW) != first
    assert is_batch_id(first)


def test_a_run_comes_to_the_worst_of_its_resources_and_says_why() -> None:
    good, held = an_outcome("unchanged"), an_outcome("held_back", code="too_few", message="Half is gone.")
    bad = an_outcome(code="unreachable", message="No answer.")
    assert with_outcome(a_run(), [good, an_outcome("queued")]).state == "succeeded"
    assert with_outcome(a_run(), [good, held]).state == "held_back"
    failed = with_outcome(a_run(), [good, held, bad])
    assert (failed.state, failed.code, failed.message) == ("failed", "unreachable", "No answer.")
    assert with_outcome(a_run(), [bad, an_outcome("aborted")]).state == "aborted"


def test_what_is_stored_of_a_run_is_the_run() -> None:
    run = a_run(state=RUNNING, started_at=NOW, until=7, sources=[an_outcome(retry_after=1.5)], message="é")
    assert Run.from_json(run.as_json()) == run


@pytest.mark.parametrize(("attempts", "minutes"), [(1, 1), (2, 2), (3, 4), (4, 8), (MAX_ATTEMPTS, None)])
def test_a_run_is_tried_again_later_each_time_and_five_times(attempts: int, minutes: int | None) -> None:
    failed = with_outcome(a_run(attempts=attempts), [an_outcome(may_succeed_later=True)])
    expected = None if minutes is None else NOW + timedelta(minutes=minutes)
    assert next_attempt(failed, NOW, None) == expected


def test_what_will_not_pass_is_not_tried_again() -> None:
    assert next_attempt(with_outcome(a_run(), [an_outcome(), an_outcome("unchanged")]), NOW, None) is None
    assert next_attempt(a_run(state="failed"), NOW, None) is not None, "a worker that failed may do better"


@pytest.mark.parametrize(("asked", "minutes"), [(None, 1), (30, 1), (600, 10), (86_400, 24 * 60), (86_401, 24 * 60)])
def test_retry_after_is_heeded_up_to_a_day(asked: float | None, minutes: int) -> None:
    failed = with_outcome(a_run(), [an_outcome(may_succeed_later=True, retry_after=asked)])
    assert next_attempt(failed, NOW, None) == NOW + timedelta(minutes=minutes)


def test_a_run_is_not_tried_again_when_its_schedule_falls_due_before() -> None:
    failed = with_outcome(a_run(), [an_outcome(may_succeed_later=True)])
    assert next_attempt(failed, NOW, NOW + timedelta(minutes=1)) is None
    assert next_attempt(failed, NOW, NOW + timedelta(minutes=2)) == NOW + timedelta(minutes=1)
