"""Recovering one-record pushes from their backup, as they came in and merged, when a call takes as long as in AWS:
time, AWS calls, and the memory of the worker, which must not grow with the backup."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import orjson

from chalicelib import wiring
from chalicelib.domain.backup import PUSH, Entry, line_of, packed
from chalicelib.domain.identifiers import new_batch_id
from chalicelib.services.bells import BACKUP, RECOVERY
from chalicelib.services.recovery.replay import Scope
from chalicelib.services.recovery.state import DONE, QUEUED, load_recovery
from chalicelib.store.backups import backup_pk, entries_key
from chalicelib.store.catalog import keys
from chalicelib.store.catalog.keys import dataset_pk
from chalicelib.store.catalog.recovery import RecoveryItem
from chalicelib.store.dynamodb import Deadline
from tests.bench.endpoint import ENVIRONMENT, Stub, visited
from tests.bench.handler import Handler
from tests.bench.report import Row, shown_counts
from tests.bench.sender import LATENCY
from tests.builders import a_schema

PUSHES, FEWER = 200_000, 50_000
MOST_CALLS, MOST_CALLS_MERGED = 1.2, 0.1  # of AWS, for each push
MOST_MEBIBYTES, MOST_GROWTH = 300, 1.5
DATASET_ID = "backed-up-readings"
_EVERY = 86_400_000 // PUSHES  # milliseconds between two pushes, which are all of one day


class Log(NamedTuple):
    """The log of a dataset."""

    dataset_uid: str
    resource_uid: str
    pushes: int


class Recovered(NamedTuple):
    """What a recovery took."""

    took: dict[str, float]
    calls: int
    asked: str


def measure(stub: Stub, _handler: Handler) -> list[Row]:
    """Recover a log as it came in, merge it, recover it again, and a shorter one for its memory."""
    fewer = _merged(stub, _log(stub, FEWER))
    log = _log(stub, PUSHES)
    stub.hold_back(LATENCY)
    try:
        less = _recovered(stub, fewer)
        single = _recovered(stub, log)
        merging = _asked(stub, BACKUP, log)
        merged = _recovered(stub, log)
    finally:
        stub.hold_back(0)
    return [
        _row("recovered as they came in", single, MOST_CALLS),
        _row("merged by night", merging, MOST_CALLS),
        _row("recovered once merged", merged, MOST_CALLS_MERGED),
        Row(
            what="peak memory, MiB",
            figure=max(each.took["mebibytes"] for each in (single, merging, merged)),
            bound=MOST_MEBIBYTES,
        ),
        Row(
            what=f"peak memory, {PUSHES:,} / {FEWER:,} pushes",
            figure=merged.took["mebibytes"] / less.took["mebibytes"],
            bound=MOST_GROWTH,
        ),
    ]


def _row(what: str, measured: Recovered, bound: float) -> Row:
    took = measured.took
    return Row(
        what=f"{PUSHES:,} one-record pushes {what}, AWS calls a push",
        figure=measured.calls / PUSHES,
        bound=bound,
        remark=f"{took['seconds']:.0f} s in {took['visits']} visits, CPU {took['cpu']:.0f} s, "
        f"{took['mebibytes']:.0f} MiB; {measured.asked}",
    )


def _log(stub: Stub, pushes: int) -> Log:
    """A dataset that was pushed to all through yesterday, each time another record."""
    dataset_id = f"{DATASET_ID}-{pushes}"
    Handler(dataset_id, a_schema(unique_key=["station", "number"], station="text", number="int", temp="double"))
    live = wiring.stores().live.read(dataset_id, Deadline(5))
    assert live is not None
    (resource_uid,) = live.intake.intakes
    log = Log(live.dataset_uid, resource_uid, pushes)
    counter = {"pk": {"S": backup_pk(log.dataset_uid)}, "sk": {"S": "log"}, "entries": {"N": str(pushes)}}
    wiring.stores().client.put_item(TableName=ENVIRONMENT["CATALOG_TABLE"], Item=counter)
    stub.put(_objects(log))
    return log


def _objects(log: Log) -> Iterator[tuple[str, str, bytes]]:
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    yesterday = today - timedelta(days=1)
    first_at = int(yesterday.timestamp() * 1000)
    batch_id = new_batch_id(yesterday)
    for number in range(1, log.pushes + 1):
        entry = Entry(
            number=number,
            batch_id=batch_id,
            resource_uid=log.resource_uid,
            operation=PUSH,
            accepted_at=first_at + (number - 1) * _EVERY,
            version=1,
            content_type="application/json",
            body=orjson.dumps({"station": f"s{number % 100:03d}", "number": number, "temp": 21.5}),
        )
        key = entries_key(log.dataset_uid, log.resource_uid, [entry])
        yield "BACKUPS_BUCKET", key, packed([line_of(entry)])


def _merged(stub: Stub, log: Log) -> Log:
    _asked(stub, BACKUP, log)
    return log


def _recovered(stub: Stub, log: Log) -> Recovered:
    """Recover all of it; nothing is stored before."""
    stub.forget(ENVIRONMENT["RECORDS_TABLE"])
    moment = datetime.now(UTC).isoformat(timespec="milliseconds")
    RecoveryItem(
        dataset_pk(log.dataset_uid),
        keys.RECOVERY,
        nonce=new_batch_id(datetime.now(UTC)),
        resource_uid=log.resource_uid,
        scope=Scope(resource_uid=log.resource_uid).as_json(),
        state=QUEUED,
        started_at=moment,
        moved_at=moment,
        counts={},
        details=[],
        outcomes=[],
    ).save()
    recovered = _asked(stub, RECOVERY, log)
    item = load_recovery(log.dataset_uid)
    if item is None or item.state != DONE or item.counts["created"] != log.pushes:
        raise RuntimeError(f"not all was recovered: {item and (item.state, item.message, item.counts)}")
    return recovered


def _asked(stub: Stub, task: str, log: Log) -> Recovered:
    stub.counts()
    took = visited(task, log.dataset_uid)
    counts = dict(stub.counts())
    counts.pop("write units", None)
    return Recovered(took, sum(counts.values()), shown_counts(counts))
