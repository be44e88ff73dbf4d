"""A run: the published remote resources of a dataset are fetched, and what has changed becomes jobs of its lane.

A run that fails has changed nothing; it says why, and whether trying again may help. What it fetches and how the
records are prepared is that of the published version: edits of the draft never matter to it.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from chalicelib.domain.errors import (
    ConfigurationMoved,
    NotFound,
    ProcessingTooSlow,
    Refused,
    RunSkipped,
    TemporarilyUnavailable,
)
from chalicelib.domain.live import LiveDataset
from chalicelib.domain.receipt import QUEUED
from chalicelib.domain.run import ABORTED, FAILED, SourceOutcome
from chalicelib.services.datasets.datasets import find_dataset
from chalicelib.services.datasets.status import is_being_published
from chalicelib.services.publication.plan import Source
from chalicelib.services.publication.published_sources import PublishedSources, published_sources
from chalicelib.services.refresh.source import Run, RunAborted, accepted_refresh, refresh_source
from chalicelib.services.resources.source_fetching import StopCheck
from chalicelib.sources.address_guard import AddressGuard
from chalicelib.sources.failures import FetchFailed, OutOfTime
from chalicelib.sources.formats.broken import BrokenFile
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.runs import WORKER_DEAD_AFTER
from chalicelib.store.stores import Stores

_FORGETTING = 3.0  # seconds that a run whose time is up has to say that it does not fetch any more


def refresh_dataset(
    stores: Stores,
    dataset_uid: str,
    run_id: str,
    clock: Callable[[], datetime],
    deadline: Deadline,
    *,
    guard: AddressGuard,
    is_aborting: Callable[[], bool] = lambda: False,
) -> list[SourceOutcome]:
    """Refresh the published remote resources of a dataset; the outcome of each, in their order. RunSkipped when that
    cannot be done, or not now.

    Repeating it under the same run id is safe: what it has accepted before is told again and not fetched anew. It is
    asked again and again whether it `is_aborting`; what is accepted by then stays accepted.
    """
    live, published = _published(stores, dataset_uid, clock(), deadline)
    run = Run(
        stores=stores,
        live=live,
        published=published,
        run_id=run_id,
        clock=clock,
        deadline=deadline,
        guard=guard,
        check=StopCheck(is_aborting, RunAborted, deadline),
    )
    if any(_is_pending_of_another(run, source) for source in published.remote):
        raise RunSkipped("changes_pending")
    if not run.realtime:
        return _outcomes(run)
    # Devices that push meanwhile prevail over the files, even those that push what is there already. Whoever reads the
    # dataset before this is noted has pushed before the first file was asked for. Of a worker that dies it goes by
    # itself.
    until = int(clock().timestamp()) + WORKER_DEAD_AFTER
    stores.live.note_fetching(live, until, deadline)
    outcomes = _outcomes(run)
    with suppress(TemporarilyUnavailable):
        stores.live.forget_fetching(live, until, deadline.apart(_FORGETTING))
    return outcomes


def _published(
    stores: Stores, dataset_uid: str, now: datetime, deadline: Deadline
) -> tuple[LiveDataset, PublishedSources]:
    """The dataset and its published sources. They belong together: a job is accepted only if nothing was published
    or unpublished since the dataset was read, which is first. A publication fetches the sources itself; runs that begin
    meanwhile would overtake it again and again."""
    try:
        dataset = find_dataset(dataset_uid)
    except NotFound:
        raise RunSkipped("not_published") from None
    live = stores.live.read(dataset.dataset_id, deadline)
    if live is None or not (live.is_published or live.coming):
        raise RunSkipped("not_published")
    if live.coming is not None or is_being_published(dataset, now):
        raise RunSkipped("publication_under_way")
    published = published_sources(dataset_uid)
    if not published.remote:
        raise RunSkipped("no_remote_resource")
    return live, published


def _is_pending_of_another(run: Run, source: Source) -> bool:
    accepted = accepted_refresh(run.live.dataset_uid, source.uid)
    if accepted is None or accepted.run_id == run.run_id:
        return False
    receipt = run.stores.activity.batch(run.live.dataset_uid, accepted.batch_id, run.deadline)
    return receipt is not None and receipt["state"] == QUEUED


def _outcomes(run: Run) -> list[SourceOutcome]:
    outcomes: list[SourceOutcome] = []
    for source in run.published.remote:
        ended = outcomes[-1] if outcomes and outcomes[-1].code in _ENDING else None
        outcomes.append(replace(ended, resource_uid=source.uid) if ended else _outcome(run, source))
    return outcomes


def _outcome(run: Run, source: Source) -> SourceOutcome:
    """What becomes of one resource, failures included."""
    try:
        return refresh_source(run, source)
    except FetchFailed as failure:
        return _fetch_failed(source, failure)
    except BrokenFile as broken:
        return _failed(source, "broken_file", f"The file cannot be read: {broken}. Nothing was changed.")
    except RunAborted:
        return SourceOutcome(resource_uid=source.uid, state=ABORTED, code=_ABORTED, message=_STOPPED)
    except ConfigurationMoved:
        return _failed(source, _MOVED, _OVERTAKEN, may_succeed_later=True)
    except (ProcessingTooSlow, TemporarilyUnavailable) as refused:
        if run.deadline.remaining() <= 0:
            return _failed(source, OutOfTime.code, _TOO_LONG, may_succeed_later=True)
        is_passing = isinstance(refused, TemporarilyUnavailable)
        return _failed(source, refused.code, _BUSY if is_passing else refused.message, may_succeed_later=is_passing)
    except Refused as refused:
        return _failed(source, refused.code, refused.message)


def _fetch_failed(source: Source, failure: FetchFailed) -> SourceOutcome:
    failed = _failed(source, failure.code, failure.message, may_succeed_later=failure.is_retriable)
    return replace(failed, http_status=failure.http_status, retry_after=failure.retry_after)


def _failed(source: Source, code: str, message: str, *, may_succeed_later: bool = False) -> SourceOutcome:
    return SourceOutcome(
        resource_uid=source.uid, state=FAILED, code=code, message=message, may_succeed_later=may_succeed_later
    )


_ABORTED, _MOVED = "aborted", "configuration_moved"
_ENDING = (_ABORTED, _MOVED, OutOfTime.code)  # what ends a run: the resources that are left share the outcome
_STOPPED = "The run was aborted: nothing was changed."
_OVERTAKEN = (
    "The dataset was published, unpublished or deleted while its source was fetched: nothing was changed. The next run "
    "goes by what is published then."
)
_TOO_LONG = (
    "The file takes longer to read than a run has time: make it smaller, or simplify the processors. Nothing was "
    "changed; the next run tries again."
)
_BUSY = "The storage is busy or could not be reached: the next run tries again."
