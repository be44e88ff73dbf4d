"""Jobs that read before they write wait until nobody writes beside the lane any more."""

from collections.abc import Callable
from datetime import UTC, datetime

from chalicelib.domain.job import Job
from chalicelib.store.dynamodb import Deadline

DIRECT_WRITERS_END_AFTER = 36.0  # seconds; a request is stopped after 28, a commit may take some to come through
COMMIT_SECONDS = 5.0  # that commits of such jobs are tried for: until one comes through, requests see no job


def let_direct_writers_end(job: Job, clock: Callable[[], datetime], deadline: Deadline) -> None:
    """What is read from here on decides what is overwritten or deleted. A request that saw no job when it began may
    still be writing, and would not be seen: wait until the last of them has ended."""
    let_requests_end(datetime.fromtimestamp(job.accepted_at / 1000, UTC), clock, deadline)


def let_requests_end(before: datetime, clock: Callable[[], datetime], deadline: Deadline) -> None:
    """Wait until every request has ended that began before that moment."""
    deadline.sleep(DIRECT_WRITERS_END_AFTER - (clock() - before).total_seconds())
