"""Admission: who may push what where. The first step of every push, delete and receipt."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime

from botocore.exceptions import ClientError

from chalicelib.domain.errors import (
    DatasetNotPublished,
    FeatureNotAvailable,
    InvalidPushKey,
    InvalidRecord,
    PushDisabled,
    Refused,
    TemporarilyUnavailable,
)
from chalicelib.domain.identifiers import is_push_key, is_slug
from chalicelib.domain.live import LiveDataset, Switches
from chalicelib.domain.receipt import FAILED, MAX_NOTED, REFUSED, noted_refusal
from chalicelib.domain.record import Preparer
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.stores import Stores


@dataclass(frozen=True, kw_only=True)
class PushTarget:
    """Where a request wants to push: dataset and resource by their human ids, and the push key it shows."""

    dataset_id: str
    resource_id: str
    push_key: str


@dataclass(frozen=True, kw_only=True)
class Admitted:
    """A request whose push key is right."""

    live: LiveDataset
    switches: Switches

    @property
    def resource_uid(self) -> str:
        """The resource that the request speaks for."""
        return self.switches.resource_uid

    @property
    def preparer(self) -> Preparer:
        """What prepares this resource's records."""
        return self.live.intake.preparer(self.resource_uid)


def admit(stores: Stores, target: PushTarget, now: datetime, deadline: Deadline) -> Admitted:
    """The dataset and resource behind a push key. A wrong key and an unknown name give the same InvalidPushKey."""
    if not (is_slug(target.dataset_id) and is_slug(target.resource_id) and is_push_key(target.push_key)):
        raise InvalidPushKey
    live = stores.live.read(target.dataset_id, deadline)
    switches = live.switches.get(target.resource_id) if live else None
    if live is None or switches is None or not any(key.matches(target.push_key, now) for key in switches.keys):
        raise InvalidPushKey
    return Admitted(live=live, switches=switches)


def check_open(admitted: Admitted, *, offers_push: bool) -> None:
    """Refuse when push is not offered, is disabled, or has no published configuration to work under."""
    if not offers_push:
        raise FeatureNotAvailable("This deployment does not offer push: ask the people who run it to enable it.")
    if not admitted.switches.push_enabled:
        raise PushDisabled
    if not admitted.live.takes_pushes or admitted.resource_uid not in admitted.live.intake.intakes:
        raise DatasetNotPublished


@contextmanager
def refusals_noted(
    stores: Stores,
    admitted: Admitted,
    batch_id: str,
    now: datetime,
    deadline: Deadline,
    *,
    unless: type[Refused] | tuple[()] = (),
) -> Iterator[None]:
    """Whatever is refused inside is written to the activity of the dataset, with its reason; `unless` is not."""
    try:
        yield
    except unless:
        raise
    except Refused as refused:
        refused.batch_id = batch_id
        details = [d.as_json() for d in refused.details[:MAX_NOTED]] if isinstance(refused, InvalidRecord) else []
        state = FAILED if isinstance(refused, TemporarilyUnavailable) else REFUSED
        entry = noted_refusal(
            batch_id,
            admitted.resource_uid,
            now,
            code=refused.code,
            message=refused.message,
            details=details,
            state=state,
        )
        # The refusal itself is the answer; a storage that cannot note it must not change that.
        with suppress(TemporarilyUnavailable, ClientError):
            stores.activity.note_refusal(admitted.live.dataset_uid, batch_id, entry, now, deadline)
        raise
