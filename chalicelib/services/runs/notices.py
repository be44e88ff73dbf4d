"""What is told by mail of runs: to whoever set up the schedule, at once or in the report of the day."""

from contextlib import suppress
from datetime import datetime

from pynamodb.exceptions import DoesNotExist

from chalicelib.domain.errors import NotFound
from chalicelib.domain.notice import schedule_notice
from chalicelib.domain.run_state import Run
from chalicelib.services.alerts.daily_report import note_failed_run
from chalicelib.services.datasets.datasets import find_dataset
from chalicelib.services.datasets.schedule_marks import stored_schedules
from chalicelib.store.catalog.drafts import ScheduleItem
from chalicelib.store.catalog.keys import SCHEDULE, dataset_pk
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.records import TableWrite
from chalicelib.store.stores import Stores


def mails_of(stores: Stores, run: Run, kind: str, reason: str, now: datetime) -> list[TableWrite]:
    """What puts into the outbox that the schedules of a dataset are failing, were paused, or hold back a file, in the
    transaction that notes it. It is told once, so to whoever set up the schedule of this run, else another one."""
    with suppress(NotFound):
        schedules = sorted(stored_schedules(run.dataset_uid), key=lambda schedule: schedule.uid != run.schedule_uid)
        schedule = next((schedule for schedule in schedules if schedule.owner), None)
        if schedule is not None and stores.mailer is not None:
            notice = schedule_notice(
                kind,
                dataset_uid=run.dataset_uid,
                dataset_id=find_dataset(run.dataset_uid).dataset_id,
                reason=reason,
                occurrence=run.run_id,
                at=int(now.timestamp() * 1000),
                base_url=schedule.base_url or "",
                owner=schedule.owner,
            )
            return [stores.outbox.write(notice, int(now.timestamp()))]
    return []


def report_failure(stores: Stores, run: Run, now: datetime, deadline: Deadline) -> None:
    """Keep a failed run for the next daily report."""
    with suppress(NotFound, DoesNotExist):
        schedule = _schedule(run)
        if schedule is not None and schedule.owner:
            note_failed_run(
                stores,
                dataset_uid=run.dataset_uid,
                dataset_id=find_dataset(run.dataset_uid).dataset_id,
                reason=run.message or "It failed.",
                owner=schedule.owner,
                base_url=schedule.base_url or "",
                now=now,
                deadline=deadline,
            )


def _schedule(run: Run) -> ScheduleItem | None:
    if run.schedule_uid is None:
        return None
    return ScheduleItem.get(dataset_pk(run.dataset_uid), SCHEDULE + run.schedule_uid, consistent_read=True)
