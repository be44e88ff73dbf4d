"""An upload of 240 MB: the memory that the worker takes to check and stage it, in a process of its own."""

from datetime import UTC, datetime

from chalicelib import wiring
from chalicelib.services.bells import UPLOAD
from chalicelib.services.resources.source_files import MAX_UPLOAD_BYTES
from chalicelib.store.catalog.incoming import UploadItem
from chalicelib.store.catalog.keys import ACCEPTED, CHECKING, UPLOADED, dataset_pk
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.objects import upload_key
from tests.bench.endpoint import Stub, visited
from tests.bench.handler import Handler
from tests.bench.report import Row
from tests.builders import a_schema

MOST_MEBIBYTES = 300
RECORD_BYTES = 240
DATASET_ID, UPLOAD_ID = "uploaded-readings", "0" * 28


def measure(stub: Stub, _handler: Handler) -> list[Row]:
    """One file of JSON lines."""
    Handler(DATASET_ID, a_schema(unique_key=["station"], station="text", temp="double", note="text"))
    live = wiring.stores().live.read(DATASET_ID, Deadline(5))
    assert live is not None
    (resource_uid,) = live.intake.intakes
    item = UploadItem(
        dataset_pk(live.dataset_uid),
        UPLOADED + UPLOAD_ID,
        dataset_id=DATASET_ID,
        resource_uid=resource_uid,
        state=CHECKING,
        expires_at=int(datetime.now(UTC).timestamp()) + 3600,
    )
    item.save()
    content = _lines()
    stub.put([("LANE_BUCKET", upload_key(live.dataset_uid, UPLOAD_ID), content)])
    took = visited(UPLOAD, f"{live.dataset_uid}.{UPLOAD_ID}")
    item.refresh()
    if item.state != ACCEPTED:
        raise RuntimeError(f"the upload was not accepted: {item.state} {item.message}")
    return [
        Row(
            what=f"peak memory of an upload of {len(content) / 2**20:.0f} MB, MiB",
            figure=took["mebibytes"],
            bound=MOST_MEBIBYTES,
            remark=f"{int(item.records or 0):,} records checked in {took['seconds']:.0f} s, CPU {took['cpu']:.0f} s",
        )
    ]


def _lines() -> bytes:
    head = '{"station":"s%08d","temp":21.5,"note":"%s"}\n'
    filler = "x" * (RECORD_BYTES - len(head % (0, "")))
    return "".join(head % (number, filler) for number in range(MAX_UPLOAD_BYTES // RECORD_BYTES)).encode()
