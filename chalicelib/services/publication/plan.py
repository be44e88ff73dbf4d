"""What a publication is to publish: the draft's configuration and its files, as they were when it was asked for. And
how much that may be."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from chalicelib.domain.errors import ValidationFailed
from chalicelib.domain.live import Configuration, LiveDataset
from chalicelib.domain.rekeying import keeps_ids
from chalicelib.services.datasets.drafts import draft_configuration, draft_resources
from chalicelib.services.resources.source_files import size_of
from chalicelib.sources.address_guard import AddressGuard
from chalicelib.sources.fetching import PUBLIC_ONLY
from chalicelib.store.catalog.drafts import ResourceItem

MAX_SOURCES_BYTES = 100_000  # of JSON: a job's item holds them beside its receipt


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a deployment takes: the bytes of files that a request reads itself, more being read by a worker; the
    records that the files of one publication may bring; and where sources may be fetched from."""

    bytes_at_once: int = 4 * 1024 * 1024
    records: int = 10_000_000
    guard: AddressGuard = PUBLIC_ONLY


LIMITS = Limits()


@dataclass(frozen=True, kw_only=True)
class Source:
    """A resource with an uploaded file, or with a remote one: {"source": its datasource without secrets, "secret": the
    name of those or None}."""

    uid: str
    type: str
    params: Mapping[str, Any]
    file_uid: str | None = None
    remote: Mapping[str, Any] | None = None

    @property
    def removes_vanished(self) -> bool:
        """Whether records go that its file does not have any more."""
        return self.params.get("vanished") != "keep"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The configuration to publish, the files to load under it, and the uids of the realtime resources, whose records
    are newer than any file. It `accepts_loss` of records that another unique key leaves no place for."""

    configuration: Configuration
    realtime: Set[str]
    sources: Sequence[Source]
    accepts_loss: bool = False

    @property
    def kept(self) -> list[str]:
        """The uids of the resources whose records all stay: not those of files that replace the ones before."""
        return sorted(
            self.configuration.intakes.keys() - {source.uid for source in self.sources if source.removes_vanished}
        )

    def as_json(self) -> dict[str, Any]:
        """What is stored; `from_json` reads it back."""
        return {
            "configuration": self.configuration.as_json(),
            "realtime": sorted(self.realtime),
            "sources": [asdict(source) for source in self.sources],
            "accepts_loss": self.accepts_loss,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Plan":
        """The plan that `as_json` stored."""
        return cls(
            configuration=Configuration.from_json(stored["configuration"]),
            realtime=frozenset(stored["realtime"]),
            sources=[Source(**source) for source in stored["sources"]],
            accepts_loss=stored["accepts_loss"],
        )

    def rekeys(self, live: LiveDataset) -> bool:
        """Whether publishing it gives the stored records other ids, or other field names."""
        return live.is_published and not keeps_ids(live.configuration.schema, self.configuration.schema)

    def generation(self, live: LiveDataset) -> int:
        """The generation that the records are in once it is published."""
        return live.next_generation if self.rekeys(live) else live.generation


def draft_plan(dataset_uid: str, *, accepts_loss: bool = False) -> Plan:
    """What publishing the draft, as it is now, comes to."""
    resources = draft_resources(dataset_uid)
    sources = [_source(resource) for resource in resources if resource.file_uid or resource.source]
    size = len(orjson.dumps([asdict(source) for source in sources]))
    if size > MAX_SOURCES_BYTES:
        problem = f"the sources take {size} bytes together, the limit is {MAX_SOURCES_BYTES}"
        raise ValidationFailed({"resources": [f"{problem}: shorten addresses and params, or delete resources"]})
    return Plan(
        configuration=draft_configuration(dataset_uid, resources),
        realtime=frozenset(resource.uid for resource in resources if resource.type == "realtime"),
        sources=sources,
        accepts_loss=accepts_loss,
    )


def uploaded_bytes(dataset_uid: str, plan: Plan) -> int:
    """How many bytes its uploaded files have."""
    return sum(size_of(dataset_uid, source.file_uid) for source in plan.sources if source.file_uid)


def _source(resource: ResourceItem) -> Source:
    remote = {"source": resource.source, "secret": resource.secret_name} if resource.source else None
    return Source(
        uid=resource.uid, type=resource.type, params=resource.params, file_uid=resource.file_uid, remote=remote
    )
