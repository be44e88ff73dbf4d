"""The sources of the published version of a dataset: what its runs fetch, whatever has become of the draft."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from pynamodb.exceptions import DoesNotExist

from chalicelib.services.publication.plan import Source
from chalicelib.store.catalog.keys import SOURCES, dataset_pk
from chalicelib.store.catalog.published import PublishedSourcesItem


@dataclass(frozen=True, kw_only=True)
class PublishedSources:
    """The sources, and the version of the configuration that they were published with."""

    version: int
    sources: Sequence[Source]

    @property
    def remote(self) -> list[Source]:
        """Those that are fetched."""
        return [source for source in self.sources if source.remote]


def published_sources(dataset_uid: str) -> PublishedSources:
    """The published sources of a dataset; none when it is not published."""
    try:
        item = PublishedSourcesItem.get(dataset_pk(dataset_uid), SOURCES, consistent_read=True)
    except DoesNotExist:
        return PublishedSources(version=0, sources=())
    return PublishedSources(version=int(item.version), sources=[Source(**source) for source in item.sources])


def sources_item(dataset_uid: str, version: int, sources: Sequence[Source] = ()) -> PublishedSourcesItem:
    """The item that publishes the sources, in the transaction that publishes the configuration."""
    return PublishedSourcesItem(
        dataset_pk(dataset_uid), version=version, sources=[asdict(source) for source in sources]
    )
