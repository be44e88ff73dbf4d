"""The catalog: which datasets readers see, and how one is described."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pynamodb.exceptions import DoesNotExist

from chalicelib.domain.errors import Forbidden, NotInCatalog, Unauthorized
from chalicelib.domain.identifiers import is_slug
from chalicelib.domain.live import LiveDataset
from chalicelib.services.access import Caller
from chalicelib.services.datasets.datasets import list_datasets
from chalicelib.services.reading.counting import count_records
from chalicelib.store.catalog.drafts import DatasetItem
from chalicelib.store.catalog.keys import DATASETS
from chalicelib.store.counts import LastSeen
from chalicelib.store.dynamodb import THREADS, Deadline
from chalicelib.store.stores import Stores


@dataclass(frozen=True, kw_only=True)
class Visit:
    """One reading request: who reads, when, and until when it may last."""

    caller: Caller
    now: datetime
    deadline: Deadline


def visible_dataset(stores: Stores, dataset_id: str, visit: Visit) -> LiveDataset:
    """The published dataset as this caller sees it: its schema holds the fields that are visible to them and no other.
    NotInCatalog alike when there is none and when it is not for this caller, so that nobody can probe for names."""
    live = stores.live.read(dataset_id, visit.deadline) if is_slug(dataset_id) else None
    if live is None or not live.is_published or (live.is_restricted and not visit.caller.may("browse")):
        raise NotInCatalog(f"There is no dataset '{dataset_id[:60]}', or it is not for everybody: check its id.")
    return live.as_unbounded() if visit.caller.may("browse") else live.as_secured()


def readable_dataset(stores: Stores, dataset_id: str, visit: Visit) -> LiveDataset:
    """The dataset as `visible_dataset` gives it, whose records this caller may read, else Unauthorized or Forbidden."""
    live = visible_dataset(stores, dataset_id, visit)
    if not live.security.is_data_visible:
        raise Forbidden("browse") if visit.caller.permissions else Unauthorized
    return live


def list_catalog(stores: Stores, visit: Visit, *, limit: int, offset: int) -> dict[str, Any]:
    """One page of the datasets that the caller sees, oldest first."""
    visible = [
        dataset
        for dataset in list_datasets(None)
        if dataset.is_published and (not dataset.is_restricted or visit.caller.may("browse"))
    ]
    # The datasets are looked up at the same time, but counted one after the other: each count is parallel itself.
    entries = _entries(stores, visible[offset : offset + limit], visit)
    return {"total_count": len(visible), "results": [_description(stores, entry, visit) for entry in entries]}


def show_dataset(stores: Stores, dataset_id: str, visit: Visit) -> dict[str, Any]:
    """One dataset as the reading API describes it."""
    live = visible_dataset(stores, dataset_id, visit)
    with suppress(DoesNotExist):
        dataset = DatasetItem.get(DATASETS, live.dataset_uid, consistent_read=True)
        seen = stores.counts.last_seen(live.dataset_uid, visit.deadline)
        return _description(stores, _Entry(live=live, dataset=dataset, seen=seen), visit)
    raise NotInCatalog  # deleted since its live item was read


@dataclass(frozen=True, kw_only=True)
class _Entry:
    """What the description of a dataset is made of."""

    live: LiveDataset
    dataset: DatasetItem
    seen: LastSeen


def _entries(stores: Stores, datasets: Sequence[DatasetItem], visit: Visit) -> list[_Entry]:
    """The entries of these datasets, without those that were unpublished since their list was read."""

    def entry(dataset: DatasetItem) -> _Entry | None:
        try:
            live = visible_dataset(stores, dataset.dataset_id, visit)
        except NotInCatalog:
            return None
        return _Entry(live=live, dataset=dataset, seen=stores.counts.last_seen(live.dataset_uid, visit.deadline))

    with ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="catalog") as pool:
        return [made for made in pool.map(entry, datasets) if made]


def _description(stores: Stores, entry: _Entry, visit: Visit) -> dict[str, Any]:
    live, dataset = entry.live, entry.dataset
    records = count_records(stores, live, entry.seen, visit.now, visit.deadline)
    metas = {
        template: {name: value["value"] for name, value in values.items()}
        for template, values in dataset.metadata.items()
    }
    facts = {"title": live.title, "modified": entry.seen.mark or dataset.created_at, "records_count": records}
    return {
        "dataset_id": live.dataset_id,
        "dataset_uid": live.dataset_uid,
        "has_records": records > 0,
        "data_visible": live.security.is_data_visible,
        "features": [],
        "attachments": [],
        "metas": {**metas, "default": {**metas.get("default", {}), **facts}},
        "fields": [field.as_json() for field in live.configuration.schema.fields],
    }
