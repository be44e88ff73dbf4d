"""What a publication is to publish: the draft's configuration and its files, as they were when it was asked for. And
how much that may be."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import asdict, dataclass
from typing import Any

from chalicelib.domain.live import Configuration


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a deployment takes: the bytes of files that a request reads itself, more being read by a worker, and the
    records that the files of one publication may bring."""

    bytes_at_once: int = 4 * 1024 * 1024
    records: int = 10_000_000


LIMITS = Limits()


@dataclass(frozen=True, kw_only=True)
class Source:
    """A resource with an uploaded file."""

    uid: str
    type: str
    params: Mapping[str, Any]
    file_uid: str


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The configuration to publish, the files to load under it, and the uids of the realtime resources, whose records
    are newer than any file."""

    configuration: Configuration
    realtime: Set[str]
    sources: Sequence[Source]

    @property
    def kept(self) -> list[str]:
        """The uids of the resources whose records stay as they are: all but those that are loaded anew."""
        return sorted(self.configuration.intakes.keys() - {source.uid for source in self.sources})

    def as_json(self) -> dict[str, Any]:
        """What is stored; `from_json` reads it back."""
        return {
            "configuration": self.configuration.as_json(),
            "realtime": sorted(self.realtime),
            "sources": [asdict(source) for source in self.sources],
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Plan":
        """The plan that `as_json` stored."""
        return cls(
            configuration=Configuration.from_json(stored["configuration"]),
            realtime=frozenset(stored["realtime"]),
            sources=[Source(**source) for source in stored["sources"]],
        )
