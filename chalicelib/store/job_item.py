"""How a pending job lies in the catalog table.

Key: pk = `live#{dataset_id}`, sk = `job#{seq}`. It also lies in the index `due` (`lane#{shard}`, a minute after it was
accepted), where the tick finds those that nobody rang for.
"""

import base64

import orjson

from chalicelib.domain.job import Job
from chalicelib.store.catalog.keys import JOB, live_pk
from chalicelib.store.due import due_attributes
from chalicelib.store.dynamodb import Item

RUNG_AGAIN_AFTER = 60  # seconds


def job_key(job: Job) -> Item:
    """The key of a job's item."""
    return {"pk": {"S": live_pk(job.dataset_id)}, "sk": {"S": f"{JOB}{job.seq:015d}"}}


def job_item(job: Job) -> Item:
    """The item of a job; `job_of` reads it back."""
    item: Item = {
        **job_key(job),
        **due_attributes("lane", job.dataset_uid, job.accepted_at // 1000 + RUNG_AGAIN_AFTER),
        "kind": {"S": job.kind},
        "batch_id": {"S": job.batch_id},
        "dataset_uid": {"S": job.dataset_uid},
        "generation": {"N": str(job.generation)},
        "version": {"N": str(job.version)},
        "resource_uid": {"S": job.resource_uid},
        "accepted_at": {"N": str(job.accepted_at)},
        "receipt": {"S": orjson.dumps(job.receipt).decode()},
        "options": {"S": orjson.dumps(job.options).decode()},
        "parts": {"S": orjson.dumps(list(job.parts)).decode()},
    }
    return item if job.inline is None else {**item, "inline": {"S": base64.b64encode(job.inline).decode()}}


def number_of(item: Item) -> int:
    """The number of the job that lies in an item."""
    return int(item["sk"]["S"].removeprefix(JOB))


def job_of(dataset_id: str, item: Item) -> Job:
    """The job that lies in an item."""
    return Job(
        kind=item["kind"]["S"],
        batch_id=item["batch_id"]["S"],
        dataset_id=dataset_id,
        dataset_uid=item["dataset_uid"]["S"],
        generation=int(item["generation"]["N"]),
        version=int(item["version"]["N"]),
        resource_uid=item["resource_uid"]["S"],
        accepted_at=int(item["accepted_at"]["N"]),
        receipt=orjson.loads(item["receipt"]["S"]),
        options=orjson.loads(item["options"]["S"]),
        inline=base64.b64decode(item["inline"]["S"]) if "inline" in item else None,
        parts=orjson.loads(item["parts"]["S"]),
        done=int(item["done"]["N"]) if "done" in item else 0,
        counts=orjson.loads(item["counts"]["S"]) if "counts" in item else {},
        position=item["position"]["S"] if "position" in item else "",
        seq=number_of(item),
    )
