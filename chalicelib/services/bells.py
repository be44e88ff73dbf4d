"""Ringing: telling the worker that something waits. The tables say what; a ring that is lost is rung again by the
tick, so that no failure here fails what was made durable before."""

import secrets
from contextlib import suppress

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.domain.errors import TemporarilyUnavailable
from chalicelib.domain.job import Job
from chalicelib.domain.live import LiveDataset
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.stores import Stores

LANE, PUBLISH, UPLOAD, SWEEP = "lane", "publish", "upload", "sweep"
RECOVERY, BACKUP = "recovery", "backup"


def ring_lane(stores: Stores, live: LiveDataset, job: Job, deadline: Deadline) -> None:
    """Ring for a job that was just committed, unless an earlier one is pending: whoever takes that off the lane looks
    again afterwards and finds this one. So a dataset that is pushed to while its lane is busy rings once, not for
    each push."""
    if live.has_jobs:
        with suppress(TemporarilyUnavailable, ClientError):
            first = stores.lane.first(live.dataset_id, deadline)
            if first is not None and first < job.seq:
                return
    ring(stores, LANE, live.dataset_id)


def ring(stores: Stores, task: str, name: str) -> None:
    """Ring for a task of a dataset."""
    with suppress(ClientError, BotoCoreError):
        stores.bell.ring(task, name, group=f"{task}-{name}", token=secrets.token_hex(16))
