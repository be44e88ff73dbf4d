"""File contents that no record refers to any more, and when they go.

A record that was overwritten may come back as it was: a call whose answer was lost is sent again, and a job whose
worker died is applied again. So what was brought a moment ago is noted, in the call that carries the receipt, and
removed once nobody can be writing it any more, unless a record refers to it then.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

import orjson

from chalicelib.domain.identifiers import batch_moment, is_batch_id, new_batch_id
from chalicelib.services.bells import SWEEP
from chalicelib.store.catalog.keys import SWEEPS
from chalicelib.store.due import due_attributes
from chalicelib.store.dynamodb import Deadline, aws_faults_as_unavailable
from chalicelib.store.objects import brought_by, record_of
from chalicelib.store.records import TableWrite
from chalicelib.store.stores import Stores

SETTLED_AFTER = 600.0  # seconds since a batch began: its request has ended, and its job if a request overtook that
LEFT_FOR = timedelta(minutes=2)  # a request that began before the one that notes has ended then
NOTED_AT_ONCE = 1000  # keys in an item, of some 200 bytes each


def may_return(key: str, now: datetime, *, in_lane: bool) -> bool:
    """Whether somebody may still be writing a record that refers to these contents. In the lane, which applies jobs in
    their order, that can only be a request: what jobs have brought tells of a part, or of the lane."""
    batch_id, _, part = brought_by(key).partition(".")
    if in_lane and part:
        return False
    return not is_batch_id(batch_id) or now.timestamp() - batch_moment(batch_id) / 1000 < SETTLED_AFTER


def notes(stores: Stores, partition: str, keys: Sequence[str], now: datetime) -> Iterator[TableWrite]:
    """What notes, beside the generations that are to be swept, that these contents of one are to be looked at."""
    due_at = int((now + LEFT_FOR).timestamp())
    for i in range(0, len(keys), NOTED_AT_ONCE):
        name = f"{partition}/{new_batch_id(now)}"
        item = {
            "pk": {"S": SWEEPS},
            "sk": {"S": name},
            "contents": {"S": orjson.dumps(keys[i : i + NOTED_AT_ONCE]).decode()},
            **due_attributes(SWEEP, name, due_at),
        }
        yield TableWrite(stores.names.catalog_table, item)


def remove_left(stores: Stores, partition: str, keys: Iterable[str], deadline: Deadline) -> None:
    """Remove those of the contents that no record refers to, of a dataset of which no job is pending."""
    noted = set(keys)
    marks = stores.records.marks(partition, map(record_of, sorted(noted)), deadline)
    referred = {key for mark in marks.values() for key in mark.files.values()}
    with aws_faults_as_unavailable():
        stores.files.delete(sorted(noted - referred))
