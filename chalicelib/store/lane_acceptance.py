"""The transaction that accepts a job, and what its refusal means."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.domain.errors import ConfigurationMoved
from chalicelib.domain.job import PUBLISH, Job
from chalicelib.domain.live import LiveDataset
from chalicelib.store.catalog.keys import live_key
from chalicelib.store.dynamodb import Item
from chalicelib.store.job_item import job_item
from chalicelib.store.records import TableWrite


class Overtaken(Exception):  # noqa: N818 - internal signal
    """A refresh was accepted since the sources of this publication began to be read: what it has read may be older."""


def acceptance(
    table: str, live: LiveDataset, job: Job, riders: Sequence[TableWrite], assignments: Mapping[str, Item]
) -> dict[str, Any]:
    """The request that accepts a job under its number: when that is the next one, and configuration and generation are
    those it was prepared for. A publication that has fetched files is accepted only when no refresh was since. Sent
    again as it is, it accepts the job once."""
    conditions, values = _not_overtaken(live, job)
    update = {
        "TableName": table,
        "Key": live_key(live.dataset_id),
        "UpdateExpression": f"SET {', '.join(['seq = :seq', *(f'#a{n} = :a{n}' for n in range(len(assignments)))])}",
        "ConditionExpression": "dataset_uid = :uid AND #version = :version AND generation = :generation "
        f"AND (seq = :before OR (attribute_not_exists(seq) AND :before = :zero)){conditions}",
        "ExpressionAttributeNames": {"#version": "version", **{f"#a{n}": name for n, name in enumerate(assignments)}},
        "ExpressionAttributeValues": {
            ":seq": {"N": str(job.seq)},
            ":before": {"N": str(job.seq - 1)},
            ":version": {"N": str(live.version)},
            ":generation": {"N": str(live.generation)},
            ":uid": {"S": live.dataset_uid},
            ":zero": {"N": "0"},
            **values,
            **{f":a{n}": value for n, value in enumerate(assignments.values())},
        },
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    puts = [TableWrite(table, job_item(job)), *riders]
    token = f"{job.batch_id} {live.version} {live.generation} {job.seq}"
    return {
        "TransactItems": [{"Update": update}, *({"Put": {"TableName": p.table, "Item": p.item}} for p in puts)],
        "ClientRequestToken": hashlib.sha256(token.encode()).hexdigest()[:32],
    }


def failed_condition(error: ClientError) -> Item | None:
    """The live item (empty when the answer does not hold it) when it was its condition that failed, else None."""
    if error.response["Error"]["Code"] != "TransactionCanceledException":
        return None
    reasons: list[Any] = error.response.get("CancellationReasons") or [{}]
    return dict(reasons[0].get("Item") or {}) if reasons[0].get("Code") == "ConditionalCheckFailed" else None


def next_number(moved: Item, live: LiveDataset, job: Job) -> int:
    """The number to try next, when of the live item only the number has moved on; else ConfigurationMoved, or Overtaken
    when there was a refresh since that matters."""
    known = {
        "dataset_uid": {"S": live.dataset_uid},
        "version": {"N": str(live.version)},
        "generation": {"N": str(live.generation)},
    }
    if any(moved.get(name) != value for name, value in known.items()):
        raise ConfigurationMoved
    if _brings_files(job) and moved.get("refreshed", {"S": None})["S"] != live.refreshed:
        raise Overtaken
    return int(moved["seq"]["N"]) + 1 if "seq" in moved else 1


def _not_overtaken(live: LiveDataset, job: Job) -> tuple[str, Item]:
    """The condition that no refresh was accepted since, for those jobs that it matters to."""
    if not _brings_files(job):
        return "", {}
    if live.refreshed is None:
        return " AND attribute_not_exists(refreshed)", {}
    return " AND refreshed = :refreshed", {":refreshed": {"S": live.refreshed}}


def _brings_files(job: Job) -> bool:
    """Whether it is a publication that has fetched files itself."""
    return job.kind == PUBLISH and bool(job.options.get("copies"))
