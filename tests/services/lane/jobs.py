"""Jobs that were accepted by other means than a push."""

from chalicelib.domain.job import WRITE, Job
from chalicelib.store.dynamodb import Deadline
from tests.services.devices import Device


def commit_job(device: Device, parts: list[str], records: int) -> Job:
    """Accept a job of these parts, which is not yet applied."""
    live = device.live()
    job = Job(
        kind=WRITE,
        batch_id="b" * 28,
        dataset_id=live.dataset_id,
        dataset_uid=live.dataset_uid,
        generation=live.generation,
        version=live.version,
        resource_uid=device.resource_uid,
        accepted_at=0,
        receipt={"records": records, "resource_uid": device.resource_uid},
        parts=parts,
    )
    return device.stores.lane.commit(live, job, [], Deadline(5))
