"""The transaction that accepts a job, and what its refusal means."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.domain.errors import ConfigurationMoved
from chalicelib.domain.job import Job
from chalicelib.domain.live import LiveDataset
from chalicelib.store.catalog.keys import CONFIG, live_pk
from chalicelib.store.dynamodb import Item
from chalicelib.store.job_item import job_item
from chalicelib.store.records import TableWrite


def live_key(dataset_id: str) -> Item:
    """The key of the live item, which has the number of the last accepted job."""
    return {"pk": {"S": live_pk(dataset_id)}, "sk": {"S": CONFIG}}


def acceptance(
    table: str, live: LiveDataset, job: Job, riders: Sequence[TableWrite], assignments: Mapping[str, Item]
) -> dict[str, Any]:
    """The request that accepts a job under its number: when that is the next one, and configuration and generation are
    those it was prepared for. Sent again as it is, it accepts the job once."""
    update = {
        "TableName": table,
        "Key": live_key(live.dataset_id),
        "UpdateExpression": f"SET {', '.join(['seq = :seq', *(f'#a{n} = :a{n}' for n in range(len(assignments)))])}",
        "ConditionExpression": "dataset_uid = :uid AND #version = :version AND generation = :generation "
        "AND (seq = :before OR (attribute_not_exists(seq) AND :before = :zero))",
        "ExpressionAttributeNames": {"#version": "version", **{f"#a{n}": name for n, name in enumerate(assignments)}},
        "ExpressionAttributeValues": {
            ":seq": {"N": str(job.seq)},
            ":before": {"N": str(job.seq - 1)},
            ":version": {"N": str(live.version)},
            ":generation": {"N": str(live.generation)},
            ":uid": {"S": live.dataset_uid},
            ":zero": {"N": "0"},
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


def next_number(moved: Item, live: LiveDataset) -> int:
    """The number to try next, when of the live item only the number has moved on; else ConfigurationMoved."""
    known = {
        "dataset_uid": {"S": live.dataset_uid},
        "version": {"N": str(live.version)},
        "generation": {"N": str(live.generation)},
    }
    if any(moved.get(name) != value for name, value in known.items()):
        raise ConfigurationMoved
    return int(moved["seq"]["N"]) + 1 if "seq" in moved else 1
