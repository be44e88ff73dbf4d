"""The beginning of a remote source: what its file looks like, seen before it is saved and without a whole run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib.domain.inference import SourceField
from chalicelib.domain.remote_source import SCHEMES, joined_url
from chalicelib.services.resources.source_files import LOOK_SECONDS, SAMPLE, fields_of
from chalicelib.sources.address_guard import AddressGuard
from chalicelib.sources.failures import OutOfTime
from chalicelib.sources.fetching import fetch
from chalicelib.sources.formats.broken import BrokenFile
from chalicelib.sources.formats.containers import ZIP
from chalicelib.sources.formats.detection import PREVIEW, read_head, recognised
from chalicelib.sources.formats.limits import megabytes
from chalicelib.sources.formats.source_record import SourceRecord
from chalicelib.sources.remote_url import parsed_url
from chalicelib.sources.transfer import Limits
from chalicelib.store.dynamodb import Deadline

SECONDS = 15.0
HEAD_BYTES = 1024 * 1024
WORKBOOK_BYTES = 10 * 1024 * 1024  # a workbook, or any zip, has the list of its parts at its end
ENOUGH = 64 * 1024  # bytes, when time runs out
_LIMITS = Limits(connect_seconds=5, read_seconds=SECONDS)


@dataclass(frozen=True, kw_only=True)
class Fetching:
    """How a request may fetch: which addresses it may connect to, and until when."""

    guard: AddressGuard
    deadline: Deadline


@dataclass(frozen=True, kw_only=True)
class Head:
    """The first bytes of a file, or all of them, and its name."""

    content: bytes = field(repr=False)
    filename: str
    is_whole: bool


@dataclass(frozen=True, kw_only=True)
class Look:
    """What a file was found to be. `kind` is the one that was asked for, else what it looks like, None for what cannot
    be a source; `params` have what was guessed of them. `problem` says what is wrong with it, if anything."""

    kind: str | None
    params: Mapping[str, Any]
    records: list[SourceRecord] = field(default_factory=list)
    problem: str | None = None

    @property
    def first(self) -> list[SourceRecord]:
        """The records that are shown."""
        return self.records[:PREVIEW]

    def fields(self) -> list[SourceField]:
        """The fields of the records."""
        return fields_of(self.records, self.kind or "", self.params.get("null_values", []))


def fetch_head(source: Mapping[str, Any], fetching: Fetching) -> Head:
    """Fetch the beginning of a datasource that has its secrets: about 1 MB, or what arrives in 15 seconds; of a zip or
    workbook up to 10 MB. Raises FetchFailed."""
    sink = _Sink()
    remaining = fetching.deadline.within(SECONDS).remaining
    name, is_whole = parsed_url(joined_url(source), SCHEMES[source["type"]]).filename, False
    try:
        fetched = fetch(source, sink, remaining=remaining, limits=_LIMITS, guard=fetching.guard)
        name, is_whole = fetched.filename or name, True
    except _Enough:
        pass
    except OutOfTime:
        if len(sink.content) < ENOUGH:
            raise
    return Head(content=bytes(sink.content), filename=name, is_whole=is_whole)


def look_at(head: Head, kind: str | None, params: Mapping[str, Any], deadline: Deadline) -> Look:
    """What the file is, or what it is when it is read as this kind with these params. Its first records: as many as
    memory takes easily, and as some seconds are enough for."""
    try:
        likely, guessed = recognised(head.content, head.filename, is_whole=head.is_whole, known=params)
    except BrokenFile as broken:
        return Look(kind=kind, params=params, problem=str(broken))
    if kind is None or kind == likely:
        kind, params = likely, {**guessed, **params}
    is_late = deadline.within(LOOK_SECONDS).has_passed
    records, problem = read_head(head.content, kind, params, most=SAMPLE, is_whole=head.is_whole, is_late=is_late)
    if likely != kind and (problem or not records or kind == "csvfile"):
        read = f", and read as {kind}: {problem}" if problem else ""
        problem, records = f"the file looks like {likely}, not {kind}{read}", []
    elif not (records or problem or head.is_whole):
        problem = _nothing_in(head, kind)
    return Look(kind=kind, params=params, records=records, problem=problem)


def _nothing_in(head: Head, kind: str) -> str:
    if kind == "xlsx":
        return f"the workbook is too large to be looked into ({megabytes(WORKBOOK_BYTES)} suffice): save it as CSV"
    return f"no record ends within the first {megabytes(len(head.content))} of the file: check the type and its params"


class _Enough(Exception):  # noqa: N818 - nothing failed
    """As much has arrived as is looked at."""


class _Sink:
    """Takes the content of a file until there is enough of it."""

    def __init__(self) -> None:
        self.content = bytearray()

    def __call__(self, chunk: bytes) -> None:
        self.content += chunk
        if len(self.content) >= (WORKBOOK_BYTES if self.content.startswith(ZIP) else HEAD_BYTES):
            raise _Enough
