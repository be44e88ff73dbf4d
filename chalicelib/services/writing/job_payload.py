"""The changes of a job: where they are kept until they are applied."""

import base64
import gzip
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.domain.changes import Changes, as_text, from_text
from chalicelib.domain.errors import JobPayloadMissing
from chalicelib.domain.job import Job
from chalicelib.store.dynamodb import Deadline, aws_faults_as_unavailable, with_retries
from chalicelib.store.objects import job_key
from chalicelib.store.stores import Stores

MAX_INLINE = 100_000  # bytes that lie in the job's item; more lie in S3


def with_changes(stores: Stores, job: Job, changes: Changes, deadline: Deadline) -> Job:
    """The job with its changes: in its item, or in an object that is stored before the job is committed. Raises
    TemporarilyUnavailable at the deadline."""
    packed = packed_text(as_text(changes))
    if len(base64.b64encode(packed)) <= MAX_INLINE:
        return replace(job, inline=packed)
    # The version keeps a second try under another configuration apart from the first: a late removal of that one's
    # records must not meet this one's.
    key = job_key(job.partition, f"{job.batch_id}.{job.version}")
    with_retries(lambda: stores.jobs.put(key, packed, "application/gzip"), deadline)
    return replace(job, parts=[key])


def packed_text(text: str) -> bytes:
    """A text of changes as it is kept. The same text gives the same bytes."""
    return gzip.compress(text.encode(), compresslevel=1, mtime=0)


def unpacked_text(packed: bytes) -> str:
    """The text that `packed_text` packed."""
    return gzip.decompress(packed).decode()


def load_changes(stores: Stores, job: Job, part: int = 0) -> Changes:
    """The changes of a job, or of one part of them."""
    return from_text(load_text(stores, job, part))


def load_text(stores: Stores, job: Job, part: int = 0) -> str:
    """Their text; JobPayloadMissing when it is not where it was kept."""
    packed = job.inline
    if packed is None:
        if not job.parts:
            return ""  # a file without records changes nothing
        with aws_faults_as_unavailable():
            packed = stores.jobs.get(job.parts[part])
    if packed is None:
        raise JobPayloadMissing(f"The records of batch {job.batch_id} are not where they were kept.")
    return unpacked_text(packed)


def load_keys(stores: Stores, at: str, size: int) -> Iterator[bytes]:
    """What a worker kept for the next one: pieces of `size` bytes; JobPayloadMissing when it is not where it was
    kept."""
    with aws_faults_as_unavailable():
        content = stores.jobs.get(at)
    if content is None:
        raise JobPayloadMissing(f"What a worker kept for the next one is not where it was kept: {at}.")
    return (content[i : i + size] for i in range(0, len(content), size))


def discard_payloads(stores: Stores, jobs: Sequence[Job]) -> None:
    """Remove what jobs that are off the lane, or were never on it, kept in S3."""
    discard_parts(stores, [key for job in jobs for key in job.parts])


def discard_parts(stores: Stores, keys: Sequence[str]) -> None:
    """Remove parts that no job refers to. What cannot be removed now goes when the generation is swept."""
    if keys:
        with suppress(ClientError, BotoCoreError):
            stores.jobs.delete(keys)
