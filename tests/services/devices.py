"""A device and its publisher: what they do to a dataset, in one call each."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any

from chalicelib.domain.identifiers import new_batch_id
from chalicelib.domain.live import LiveDataset
from chalicelib.domain.receipt import QUEUED, Receipt
from chalicelib.services.datasets import datasets, stacks
from chalicelib.services.publication.publication import publish
from chalicelib.services.push import push
from chalicelib.services.push.admission import PushTarget
from chalicelib.services.push.push import PushRequest
from chalicelib.services.resources import push_switches, resources
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.stores import Stores
from tests.builders import NOW
from tests.deployment import work
from tests.faults import uncounted

_numbers = count()


@dataclass
class Device:
    """Pushes to one realtime resource of a published dataset."""

    stores: Stores
    target: PushTarget
    dataset_uid: str
    resource_uid: str
    now: datetime = NOW
    offers_push: bool = True
    seconds: float = 5
    is_followed: bool = True
    """Whether the worker comes as soon as something is queued."""
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def push(self, body: Any, *, deadline: Deadline | None = None, **options: Any) -> Receipt:
        request = self._request(body, **options)
        return self._followed(push.push_records(self.stores, request, **self._common(deadline)))

    def delete(self, body: Any, *, deadline: Deadline | None = None, **options: Any) -> Receipt:
        request = self._request(body, **options)
        return self._followed(push.delete_by_values(self.stores, request, **self._common(deadline)))

    def delete_by_id(self, record_id: str) -> Receipt:
        return self._followed(push.delete_by_id(self.stores, self._request(None), record_id, **self._common()))

    def publish(self, now: datetime = NOW) -> None:
        """Publish the draft, and let the worker do what that leaves to it."""
        publish(self.stores, self.dataset_uid, now, Deadline(5))
        work(self.stores, lambda: now)

    @uncounted()
    def live(self) -> LiveDataset:
        """What pushes find."""
        live = self.stores.live.read(self.target.dataset_id, Deadline(5))
        assert live is not None
        return live

    @uncounted()
    def stored(self) -> dict[str, dict[str, Any]]:
        """All records that readers would see, by id."""
        live = self.live()
        if not live.is_published:
            return {}
        return {r.id: json.loads(r.text) for r in self.stores.reader.scan(live.partition, Deadline(5))}

    def _followed(self, receipt: Receipt) -> Receipt:
        if receipt.state == QUEUED and self.is_followed:
            work(self.stores, lambda: self.now)
        return receipt

    def _request(self, body: Any, **options: Any) -> PushRequest:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return PushRequest(target=self.target, batch_id=new_batch_id(self.now), body=raw, **options)

    def _common(self, deadline: Deadline | None = None) -> dict[str, Any]:
        within = deadline or Deadline(self.seconds, self.clock, self.sleep)
        return {"offers_push": self.offers_push, "now": self.now, "deadline": within}


def a_device(
    stores: Stores,
    *,
    dataset_id: str | None = None,
    bootstrap: Any,
    unique_key: Sequence[str] = (),
    types: dict[str, str] | None = None,
    published: bool = True,
    **params: Any,
) -> Device:
    """A device of a new dataset, made as a publisher makes it."""
    wanted = dataset_id or f"dataset-{next(_numbers)}"
    dataset = datasets.create_dataset({"metadata": {}, "dataset_id": wanted}, NOW)
    draft = resources.create_resource(
        stores, dataset.uid, {"type": "realtime", "params": {"bootstrap": bootstrap, **params}}, NOW
    )
    for name, kind in (types or {}).items():
        stacks.fields.add(dataset.uid, {"type": "type", "field": name, "type_param": kind})
    for name in unique_key:
        stacks.fields.add(dataset.uid, {"type": "annotate", "annotation": "id", "field": name})
    if published:
        publish(stores, dataset.uid, NOW, Deadline(5))
    target = PushTarget(
        dataset_id=dataset.dataset_id, resource_id="realtime", push_key=push_switches.push_key(stores, draft.resource)
    )
    return Device(stores, target, dataset.uid, draft.resource.uid)
