"""The moment of publication: one transaction, after which readers see the new configuration and its records."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from chalicelib.domain.errors import EditConflict
from chalicelib.domain.live import Configuration, LiveDataset
from chalicelib.services.alerts.settings import settle_watches
from chalicelib.services.datasets.datasets import find_dataset, live_item
from chalicelib.services.datasets.schedule_marks import publishing
from chalicelib.services.datasets.status import TRIES
from chalicelib.services.publication.published_sources import sources_item
from chalicelib.store.catalog.drafts import DatasetItem
from chalicelib.store.catalog.published import LiveItem, PublishedSourcesItem
from chalicelib.store.catalog.transactions import one_transaction


def write_switch(
    transaction: TransactWrite,
    dataset: DatasetItem,
    item: LiveItem,
    *,
    changes: Sequence[Action],
    condition: Condition,
    configuration: Any,
    errors: Sequence[Any],
    sources: PublishedSourcesItem,
    now: datetime,
) -> None:
    """Let a transaction publish a dataset: `changes` of its live item, on that condition, and all that goes with a
    publication of that `configuration` (as it is stored) and those sources. `errors` are those of its records."""
    transaction.update(item, [*changes, LiveItem.is_published.set(True)], condition=condition)
    moment = now.isoformat(timespec="milliseconds")
    published: list[Action] = [
        DatasetItem.is_published.set(True),
        DatasetItem.records_errors.set(errors),
        DatasetItem.updated_at.set(moment),
    ]
    if _processes_otherwise(item.configuration, configuration):
        published.append(DatasetItem.processed_since.set(moment))
    transaction.update(dataset, published)
    transaction.save(sources)
    settle_watches(
        transaction, dataset.uid, is_published=True, configuration=configuration, switches=item.switches, now=now
    )


def _processes_otherwise(before: Any, after: Any) -> bool:
    """Whether what was pushed under a former configuration, if there was one, would become something else now."""
    return bool(before) and not Configuration.from_json(before).processes_like(Configuration.from_json(after))


def switch_over(dataset_uid: str, live: LiveDataset, configuration: Configuration, now: datetime) -> None:
    """Publish what needs no work on records, on condition that nothing was published, unpublished or accepted as a
    job since `live` was read. An edit of the title at the same moment makes it try again."""
    for attempt in range(TRIES):
        dataset = find_dataset(dataset_uid)
        item = live_item(dataset.dataset_id)
        if (item.version, item.generation, item.seq) != (live.version, live.generation, live.seq):
            raise EditConflict
        stored, version = configuration.as_json(), live.version + 1
        changes = [
            LiveItem.configuration.set(stored),
            LiveItem.version.set(version),
            LiveItem.published_version.set(version),
        ]
        try:
            with publishing(dataset_uid, now, has_remote=False), one_transaction() as transaction:
                write_switch(
                    transaction,
                    dataset,
                    item,
                    changes=changes,
                    condition=LiveItem.seq == live.seq,
                    configuration=stored,
                    errors=[],
                    sources=sources_item(dataset_uid, version),
                    now=now,
                )
        except EditConflict:
            if attempt == TRIES - 1:
                raise
        else:
            return
