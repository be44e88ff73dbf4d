"""The lane of a dataset: its pending jobs, in order, beside its live item.

Key: pk = `live#{dataset_id}`; sk = `job#{seq}` (see `job_item.py`), and `lane` while attempts to apply them have
failed: `attempts`, `problem`, and `trying_until` (epoch seconds) while one is under way.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any
from uuid import uuid4

import orjson
from botocore.exceptions import ClientError, ConnectionError, HTTPClientError

from chalicelib.domain.errors import TemporarilyUnavailable
from chalicelib.domain.job import MAX_ATTEMPTS, Job
from chalicelib.domain.live import LiveDataset
from chalicelib.store.catalog.keys import CONFIG, JOB, LANE, live_key, live_pk
from chalicelib.store.dynamodb import Deadline, Item, is_retriable, with_retries
from chalicelib.store.job_item import job_key, job_of, number_of
from chalicelib.store.lane_acceptance import acceptance, failed_condition, next_number
from chalicelib.store.records import TableWrite

WORKER_DEAD_AFTER = 330  # seconds after it began; its function is stopped after 300
FINISHED_AT_ONCE = 98  # jobs; a transaction takes 100 writes
_HURRY = 2  # a lost race for the next number is repeated soon: the winner took milliseconds


@dataclass(frozen=True, kw_only=True)
class Lane:
    """The first pending jobs of a dataset, in order, and what the dataset is now. `dataset_uid` is None when the
    dataset is gone."""

    dataset_uid: str | None
    generation: int
    jobs: Sequence[Job]
    coming_generation: int | None = None

    def is_current(self, job: Job) -> bool:
        """Whether the job is for the records that the dataset has now, or will have once it is re-keyed."""
        return job.dataset_uid == self.dataset_uid and job.generation in (self.generation, self.coming_generation)


@dataclass(frozen=True, kw_only=True)
class LaneHealth:
    """How a lane is: pending jobs, the first of them, failed attempts in a row, why the last one failed, and whether
    nothing is applied until somebody resumes it, or aborts its first job."""

    jobs: int
    first: Job | None
    attempts: int
    problem: str | None
    is_paused: bool


class LaneStore:
    """Accepts jobs, and hands them to the worker."""

    def __init__(self, client: Any, table: str) -> None:
        self._client, self._table = client, table

    def commit(
        self,
        live: LiveDataset,
        job: Job,
        riders: Sequence[TableWrite],
        deadline: Deadline,
        *,
        assignments: Mapping[str, Item] | None = None,
    ) -> Job:
        """Accept a job: one transaction takes the next number and puts the job under it, on condition that the
        configuration and the generation are those it was prepared for. It returns with its number once it is durable.

        `riders` are put in the same transaction, `assignments` set on the live item. Raises ConfigurationMoved when
        the condition fails, Overtaken when it is that of a publication, TemporarilyUnavailable at the deadline: then it
        may be accepted, or not.
        """
        numbered, attempt = replace(job, seq=live.seq + 1), 0
        while deadline.remaining() > 0:
            try:
                self._client.transact_write_items(**acceptance(self._table, live, numbered, riders, assignments or {}))
            except ClientError as error:
                moved = failed_condition(error)
                if moved is not None:
                    # The answer does not always hold the item.
                    moved = moved or self._live_item(live.dataset_id, deadline)
                    numbered = replace(job, seq=next_number(moved, live, job))
                elif not (is_retriable(error) or error.response["Error"]["Code"] == "TransactionCanceledException"):
                    raise
            except (ConnectionError, HTTPClientError):
                pass  # unknown whether it was accepted: the same token makes the repetition harmless
            else:
                return numbered
            deadline.pause(min(attempt, _HURRY))
            attempt += 1
        raise TemporarilyUnavailable

    def read(self, dataset_id: str, deadline: Deadline) -> Lane:
        """The first jobs of a lane (as many as a page of 1 MB holds), read strongly.

        A query is no snapshot: what it says of the dataset may be older than its last jobs. So it is looked at again
        before a job is taken for one of another generation.
        """
        request = {**self._of(dataset_id), "ConsistentRead": True}
        items = with_retries(lambda: self._client.query(**request), deadline)["Items"]
        config = items[0] if items and items[0]["sk"]["S"] == CONFIG else {}
        lane = _lane(config, [job_of(dataset_id, item) for item in items if item["sk"]["S"].startswith(JOB)])
        if all(map(lane.is_current, lane.jobs)):
            return lane
        return _lane(self._live_item(dataset_id, deadline), lane.jobs)

    def first(self, dataset_id: str, deadline: Deadline) -> int | None:
        """The number of the first pending job, read strongly."""
        request = {**self._jobs_of(dataset_id), "ConsistentRead": True, "Limit": 1, "ProjectionExpression": "sk"}
        items = with_retries(lambda: self._client.query(**request), deadline)["Items"]
        return number_of(items[0]) if items else None

    def health(self, dataset_id: str, now: datetime, deadline: Deadline) -> LaneHealth:
        """How the lane is. Jobs are counted by their numbers: reading them all takes too long when they are many."""
        first, last = self._end(dataset_id, deadline, forward=True), self._end(dataset_id, deadline, forward=False)
        get = {"TableName": self._table, "Key": self._lane_key(dataset_id), "ConsistentRead": True}
        state = with_retries(lambda: self._client.get_item(**get), deadline).get("Item", {})
        attempts = int(state["attempts"]["N"]) if "attempts" in state else 0
        is_tried = "trying_until" in state and int(state["trying_until"]["N"]) > now.timestamp()
        return LaneHealth(
            jobs=0 if first is None or last is None else last.seq - first.seq + 1,
            first=first,
            attempts=attempts,
            problem=state["problem"]["S"] if "problem" in state else None,
            is_paused=attempts >= MAX_ATTEMPTS and not is_tried,
        )

    def _end(self, dataset_id: str, deadline: Deadline, *, forward: bool) -> Job | None:
        """The first job, or the last."""
        request = {**self._jobs_of(dataset_id), "ConsistentRead": True, "Limit": 1, "ScanIndexForward": forward}
        items = with_retries(lambda: self._client.query(**request), deadline)["Items"]
        return job_of(dataset_id, items[0]) if items else None

    def begin_attempt(self, dataset_id: str, now: datetime, deadline: Deadline) -> bool:
        """Count an attempt to apply the lane; False when as many have failed as make it pause."""
        try:
            self._update_lane(
                dataset_id,
                deadline,
                UpdateExpression="ADD attempts :one SET trying_until = :until",
                ConditionExpression="attribute_not_exists(attempts) OR attempts < :most",
                ExpressionAttributeValues={
                    ":one": {"N": "1"},
                    ":most": {"N": str(MAX_ATTEMPTS)},
                    ":until": {"N": str(int(now.timestamp()) + WORKER_DEAD_AFTER)},
                },
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                return False
            raise
        return True

    def note_problem(self, dataset_id: str, problem: str, deadline: Deadline) -> None:
        """Keep why the last attempt failed."""
        self._update_lane(
            dataset_id,
            deadline,
            UpdateExpression="SET problem = :problem REMOVE trying_until",
            ExpressionAttributeValues={":problem": {"S": problem[:1000]}},
        )

    def forget_attempts(self, dataset_id: str, deadline: Deadline) -> None:
        """Let the lane go on as if nothing had failed."""
        delete = {"TableName": self._table, "Key": self._lane_key(dataset_id)}
        with_retries(lambda: self._client.delete_item(**delete), deadline)

    def note_position(self, job: Job, position: str, deadline: Deadline) -> None:
        """Note the last record id that a job has re-keyed."""
        self._note(job, deadline, position={"S": position})

    def advance(
        self, job: Job, done: int, counts: Mapping[str, int], deadline: Deadline, *, position: str = ""
    ) -> None:
        """Note that so many parts of a job are applied, with these counts in all; and how far what goes before them has
        got."""
        values: dict[str, Item] = {"done": {"N": str(done)}, "counts": {"S": orjson.dumps(counts).decode()}}
        if position:
            values["position"] = {"S": position}
        self._note(job, deadline, **values)

    def finish(self, jobs: Sequence[Job], deadline: Deadline) -> None:
        """Take applied jobs off the lane, all of them or none, so that no earlier one outlives a later one: applied
        again it would undo that. Its failed attempts are forgotten."""
        for i in range(0, len(jobs), FINISHED_AT_ONCE):
            some = jobs[i : i + FINISHED_AT_ONCE]
            keys = [*(job_key(job) for job in some), self._lane_key(some[0].dataset_id)]
            deletes = [{"Delete": {"TableName": self._table, "Key": key}} for key in keys]
            # One token for all tries: repeated after a time-out, the transaction must not conflict with itself.
            call = partial(self._client.transact_write_items, TransactItems=deletes, ClientRequestToken=uuid4().hex)
            with_retries(call, deadline)

    def _note(self, job: Job, deadline: Deadline, **values: Item) -> None:
        """Set attributes of a job that is still in the lane."""
        update = {
            "TableName": self._table,
            "Key": job_key(job),
            "UpdateExpression": f"SET {', '.join(f'#{name} = :{name}' for name in values)}",
            "ConditionExpression": "batch_id = :batch",
            "ExpressionAttributeNames": {f"#{name}": name for name in values},
            "ExpressionAttributeValues": {":batch": {"S": job.batch_id}, **{f":{n}": v for n, v in values.items()}},
        }
        with_retries(lambda: self._client.update_item(**update), deadline)

    def _live_item(self, dataset_id: str, deadline: Deadline) -> Item:
        get = {"TableName": self._table, "Key": live_key(dataset_id), "ConsistentRead": True}
        item: Item = with_retries(lambda: self._client.get_item(**get), deadline).get("Item", {})
        return item

    def _update_lane(self, dataset_id: str, deadline: Deadline, **update: Any) -> None:
        request = {"TableName": self._table, "Key": self._lane_key(dataset_id), **update}
        with_retries(lambda: self._client.update_item(**request), deadline)

    def _of(self, dataset_id: str) -> dict[str, Any]:
        return {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": live_pk(dataset_id)}},
        }

    def _jobs_of(self, dataset_id: str) -> dict[str, Any]:
        return {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :pk AND begins_with(sk, :job)",
            "ExpressionAttributeValues": {":pk": {"S": live_pk(dataset_id)}, ":job": {"S": JOB}},
        }

    def _lane_key(self, dataset_id: str) -> Item:
        return {"pk": {"S": live_pk(dataset_id)}, "sk": {"S": LANE}}


def _lane(config: Item, jobs: Sequence[Job]) -> Lane:
    """The lane of the dataset that the live item (empty: none) tells of."""
    coming = config.get("coming_generation")
    return Lane(
        dataset_uid=config["dataset_uid"]["S"] if config else None,
        generation=int(config["generation"]["N"]) if config else 0,
        coming_generation=int(coming["N"]) if coming else None,
        jobs=jobs,
    )
