"""Reading records: lists, one record by its id, and the file of a record."""

import re
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import orjson

from chalicelib.domain.errors import NotInCatalog
from chalicelib.domain.file_content import INLINE_TYPES
from chalicelib.domain.identifiers import is_record_id
from chalicelib.domain.live import LiveDataset
from chalicelib.domain.odsql_select import FILE_ID_LENGTH, FileUrl, Projection
from chalicelib.services.reading.catalog import Visit
from chalicelib.services.reading.counting import count_records, is_settled
from chalicelib.services.reading.question import Found, Matching, Question, in_order, reading_all
from chalicelib.store.counts import LastSeen
from chalicelib.store.record_reader import StoredRecord
from chalicelib.store.stores import Stores

_FILE_ID = re.compile(rf"([0-9a-f]{{40}})\.([0-9a-f]{{{FILE_ID_LENGTH}}})")


def list_records(
    stores: Stores, live: LiveDataset, question: Question, visit: Visit, *, limit: int, offset: int
) -> tuple[int, list[Found]]:
    """How many records answer the question, and one page of them."""
    seen = stores.counts.last_seen(live.dataset_uid, visit.deadline)
    if question.condition is None and question.order is None:
        return _list_plainly(stores, live, seen, visit, limit=limit, offset=offset)
    with reading_all(stores, live, seen, visit.now, visit.deadline, bounded=True) as records:
        matching = Matching(records, question)
        most = offset + limit
        found = in_order(matching, question.order, most) if question.order else islice(matching, most)
        page = list(islice(found, offset, most))
        return matching.count_all(), page


def read_record(stores: Stores, live: LiveDataset, record_id: str, visit: Visit) -> Found:
    """One record by its id, as it is at this moment; else NotInCatalog."""
    stored = stores.reader.get(live.partition, record_id, visit.deadline) if is_record_id(record_id) else None
    if stored is None:
        raise NotInCatalog(f"The dataset has no record '{record_id[:60]}': ids are shown with include_app_metas=true.")
    return _found(stored)


def show(
    live: LiveDataset, found: Found, projection: Projection, file_url: FileUrl, *, app_metas: bool = False
) -> dict[str, Any]:
    """The record as results show it; `app_metas` adds its id, when it was accepted, and the size in bytes of what of
    it is visible: that of the whole would tell of hidden values."""
    record = found.record
    shown = projection.show(record.id, found.values, file_url)
    if app_metas:
        moment = datetime.fromtimestamp(record.accepted_at / 1000, UTC)
        shown["_id"] = record.id
        shown["_timestamp"] = moment.isoformat(timespec="milliseconds")
        visible = {field.name for field in live.configuration.schema.fields}
        shown["_size"] = len(orjson.dumps({name: value for name, value in found.values.items() if name in visible}))
    return shown


def link_to_file(stores: Stores, live: LiveDataset, file_id: str, visit: Visit) -> str:
    """A signed URL of a file, while its record still refers to it; else NotInCatalog."""
    parts = _FILE_ID.fullmatch(file_id)
    stored = stores.reader.get(live.partition, parts[1], visit.deadline) if parts else None
    if parts and stored:
        values = orjson.loads(stored.text)
        for field in live.configuration.schema.fields:
            file, key = values.get(field.name), stored.files.get(field.name)
            if field.type == "file" and key and isinstance(file, dict) and file["sha256"].startswith(parts[2]):
                inline = file["mimetype"] in INLINE_TYPES
                return stores.files.link(key, filename=file["filename"], mimetype=file["mimetype"], inline=inline)
    raise NotInCatalog("There is no such file, or its record has changed: read the record again for its present URL.")


def _list_plainly(
    stores: Stores, live: LiveDataset, seen: LastSeen, visit: Visit, *, limit: int, offset: int
) -> tuple[int, list[Found]]:
    """A page in the order of ids reads up to its end and no further; the count is taken apart from it."""
    page: list[Found] = []
    if limit:
        consistent = not is_settled(seen.mark, visit.now)
        most = offset + limit
        records = stores.reader.scan(live.partition, visit.deadline, most=most, consistent=consistent)
        page = [_found(record) for record in islice(records, offset, most)]
    return count_records(stores, live, seen, visit.now, visit.deadline), page


def _found(record: StoredRecord) -> Found:
    return Found(record, orjson.loads(record.text))
