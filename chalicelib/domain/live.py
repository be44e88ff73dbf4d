"""The live state of a dataset: what a push needs to know, read in one query.

Two documents by lifetime: the *configuration* changes only at publish; the *switches* (push on or off, keys) act at
once.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any

import orjson

from chalicelib.domain.identifiers import fingerprint
from chalicelib.domain.processors import compile_processor
from chalicelib.domain.record import Preparer
from chalicelib.domain.schema import Schema
from chalicelib.domain.security import EVERYTHING, DefaultSecurity


@dataclass(frozen=True, kw_only=True)
class PushKeyHash:
    """What is kept of one valid push key; `expires_at` (epoch seconds) is set while a rotation overlaps."""

    sha256: str
    expires_at: int | None = None

    def matches(self, key: str, now: datetime) -> bool:
        """Whether the key is this one and still valid."""
        fresh = self.expires_at is None or now.timestamp() < self.expires_at
        return fresh and hmac.compare_digest(self.sha256, fingerprint(key))


@dataclass(frozen=True, kw_only=True)
class Switches:
    """The immediate settings of one realtime resource. `silence_minutes` is the threshold of its inactivity alert, None
    while alerting is off. What is pushed while `recovery` is on is backed up, and kept for `recovery_days`, or until it
    is deleted (None); `recovery_since` is when it was switched on (ISO 8601)."""

    resource_uid: str
    push_enabled: bool = True
    keys: tuple[PushKeyHash, ...] = ()
    silence_minutes: int | None = None
    recovery: bool = False
    recovery_since: str | None = None
    recovery_days: int | None = None

    def as_json(self) -> dict[str, Any]:
        """What is stored; `from_json` reads it back."""
        keys = [{"sha256": key.sha256, "expires_at": key.expires_at} for key in self.keys]
        return {
            "resource_uid": self.resource_uid,
            "push_enabled": self.push_enabled,
            "keys": keys,
            "silence_minutes": self.silence_minutes,
            "recovery": self.recovery,
            "recovery_since": self.recovery_since,
            "recovery_days": self.recovery_days,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Switches":
        """The switches that `as_json` stored."""
        keys = tuple(PushKeyHash(**key) for key in stored["keys"])
        return cls(
            resource_uid=stored["resource_uid"],
            push_enabled=stored["push_enabled"],
            keys=keys,
            silence_minutes=stored.get("silence_minutes"),
            recovery=stored.get("recovery", False),
            recovery_since=stored.get("recovery_since"),
            recovery_days=stored.get("recovery_days"),
        )

    def with_recovery(self, params: Mapping[str, Any], now: datetime) -> "Switches":
        """The switches as the params of a resource want them; what these leave out stays."""
        recovery = params.get("recovery", self.recovery)
        since = self.recovery_since if self.recovery else now.isoformat(timespec="milliseconds")
        return replace(
            self,
            recovery=recovery,
            recovery_since=since if recovery else None,
            recovery_days=params.get("recovery_days", self.recovery_days),
        )


@dataclass(frozen=True, kw_only=True)
class Intake:
    """The published settings of one resource that bear on how its records are prepared."""

    null_values: tuple[str, ...] = ()
    unknown_fields: str = "report"

    def as_json(self) -> dict[str, Any]:
        """What is stored; `from_json` reads it back."""
        return {"null_values": list(self.null_values), "unknown_fields": self.unknown_fields}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Intake":
        """The intake that `as_json` stored."""
        return cls(null_values=tuple(stored["null_values"]), unknown_fields=stored["unknown_fields"])


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """A published configuration: the schema, the processors in order, and the intake of each resource by its uid."""

    schema: Schema = field(default_factory=Schema)
    processors: Sequence[Mapping[str, Any]] = ()
    intakes: Mapping[str, Intake] = field(default_factory=dict)

    def preparer(self, resource_uid: str) -> Preparer:
        """The compiled preparer of one resource's records, made once per configuration."""
        if resource_uid not in self._preparers:
            intake = self.intakes[resource_uid]
            self._preparers[resource_uid] = Preparer(
                self.schema,
                processors=[compile_processor(entry) for entry in self.processors],
                null_values=intake.null_values,
                refuse_unknown=intake.unknown_fields == "refuse",
            )
        return self._preparers[resource_uid]

    @cached_property
    def kept_as(self) -> str:
        """The name under which it is kept: the first 20 hex of the SHA-256 of its JSON."""
        return hashlib.sha256(orjson.dumps(self.as_json(), option=orjson.OPT_SORT_KEYS)).hexdigest()[:20]

    def processes_like(self, other: "Configuration") -> bool:
        """Whether pushed records become the same under both, of the resources that both have. Labels, descriptions and
        the order of fields do not matter."""
        common = self.intakes.keys() & other.intakes.keys()
        return self._processing == other._processing and all(self.intakes[uid] == other.intakes[uid] for uid in common)

    @cached_property
    def _processing(self) -> Any:
        fields = {(each.source, each.name, each.type, each.is_unique_key) for each in self.schema.fields}
        processors = [
            {name: value for name, value in entry.items() if name not in ("uid", "label")} for entry in self.processors
        ]
        return fields, self.schema.removed, processors

    @cached_property
    def _preparers(self) -> dict[str, Preparer]:
        return {}

    def as_json(self) -> dict[str, Any]:
        """What is stored; `from_json` reads it back."""
        intakes = {uid: intake.as_json() for uid, intake in self.intakes.items()}
        return {"schema": self.schema.as_json(), "processors": list(self.processors), "intakes": intakes}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Configuration":
        """The configuration that `as_json` stored."""
        intakes = {uid: Intake.from_json(intake) for uid, intake in stored["intakes"].items()}
        return cls(
            schema=Schema.from_json(stored["schema"]), processors=tuple(stored.get("processors", ())), intakes=intakes
        )


@dataclass(frozen=True, kw_only=True)
class LiveDataset:
    """One dataset as pushes and reads see it. `switches` are by resource id.

    `configuration` is the published one; `coming` the one of a publication that was accepted and is not applied yet:
    pushes are prepared with it and queue behind. It has a `coming_generation` when it re-keys the records. `version`
    counts accepted configurations, `seq` accepted jobs, and `has_jobs` tells that some wait in the lane. `emptied` is
    the generation that it was emptied into last, by unpublishing it; `given_up` the last one that records were being
    re-keyed into when the publication was aborted: it is being swept, and its number is not given again. `refreshed`
    is the batch id of the refresh that was accepted last; `fetching_until` (epoch seconds) is when the worker is dead
    that is fetching files which may have records of devices, 0 when there is none.
    """

    dataset_id: str
    dataset_uid: str
    version: int
    generation: int
    is_published: bool
    is_restricted: bool
    title: str
    configuration: Configuration
    switches: Mapping[str, Switches]
    security: DefaultSecurity = EVERYTHING
    coming: Configuration | None = None
    coming_generation: int | None = None
    emptied: int = 0
    given_up: int = 0
    refreshed: str | None = None
    fetching_until: int = 0
    seq: int = 0
    has_jobs: bool = False

    @property
    def takes_pushes(self) -> bool:
        """Whether it is published, or about to be."""
        return self.is_published or self.coming is not None

    @property
    def intake(self) -> Configuration:
        """The configuration that what is pushed now is prepared with."""
        return self.coming or self.configuration

    def renews_at(self, now: datetime) -> bool:
        """Whether what is pushed at this time is written even when it is there already. A file that is being fetched
        takes the place of what was pushed before, and must find that this was pushed later."""
        return now.timestamp() < self.fetching_until

    def as_unbounded(self) -> "LiveDataset":
        """The dataset as those see it who may browse."""
        return self if self.security is EVERYTHING else replace(self, security=EVERYTHING)

    def as_secured(self) -> "LiveDataset":
        """The dataset as all others see it: with its visible fields alone. Its `security` then tells whether they see
        records at all."""
        if self.security == EVERYTHING:
            return self
        whole = self.configuration.schema
        security = replace(self.security, is_data_visible=self.security.shows_records(whole))
        return replace(
            self,
            configuration=replace(self.configuration, schema=self.security.narrowed(whole)),
            security=security,
        )

    @property
    def next_generation(self) -> int:
        """The number of a generation that there has never been."""
        return max(self.intake_generation, self.given_up) + 1

    @property
    def intake_generation(self) -> int:
        """The generation that what is pushed now is for."""
        return self.coming_generation or self.generation

    @property
    def partition(self) -> str:
        """The name that the records, and the file contents, of the present generation are stored under."""
        return f"{self.dataset_uid}.{self.generation}"

    @property
    def intake_partition(self) -> str:
        """The name that what is pushed now will be stored under."""
        return f"{self.dataset_uid}.{self.intake_generation}"
