"""Signs of life: what was acknowledged starts the clock of its resource's inactivity alert anew."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.domain.errors import TemporarilyUnavailable
from chalicelib.domain.live import LiveDataset, Switches
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.stores import Stores

_SECONDS = 2.0  # an acknowledgement waits no longer for it


def note_sign_of_life(
    stores: Stores, live: LiveDataset, resource_uid: str, received_at: datetime, deadline: Deadline
) -> None:
    """Note that the resource received something. It never fails what was received: the check looks for batches that
    nobody noted."""
    minutes = _switches_by_uid(live.switches).get(resource_uid)
    if minutes is not None:
        with suppress(TemporarilyUnavailable, ClientError, BotoCoreError):
            stores.watches.note_life(
                live.dataset_uid,
                resource_uid,
                minutes * 60_000,
                int(received_at.timestamp() * 1000),
                deadline.within(_SECONDS),
            )


def _switches_by_uid(switches: Mapping[str, Switches]) -> dict[str, int | None]:
    return {switch.resource_uid: switch.silence_minutes for switch in switches.values()}
