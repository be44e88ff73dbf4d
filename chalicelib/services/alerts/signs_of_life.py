"""Signs of life: what was acknowledged starts the clock of its resource's inactivity alert anew."""

from contextlib import suppress
from datetime import datetime

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.domain.errors import TemporarilyUnavailable
from chalicelib.domain.live import LiveDataset
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.stores import Stores

_SECONDS = 2.0  # an acknowledgement waits no longer for it


def note_sign_of_life(
    stores: Stores, live: LiveDataset, resource_uid: str, received_at: datetime, deadline: Deadline
) -> None:
    """Note that the resource received something. It never fails what was received: the check looks for batches that
    nobody noted."""
    known = (switches for switches in live.switches.values() if switches.resource_uid == resource_uid)
    minutes = next((switches.silence_minutes for switches in known), None)
    if minutes is not None:
        with suppress(TemporarilyUnavailable, ClientError, BotoCoreError):
            stores.watches.note_life(
                live.dataset_uid,
                resource_uid,
                minutes * 60_000,
                int(received_at.timestamp() * 1000),
                deadline.within(_SECONDS),
            )
