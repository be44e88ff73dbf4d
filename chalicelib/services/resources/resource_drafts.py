"""Resources as they are edited, with their switches, which act at once and lie in the live item."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pynamodb.exceptions import DoesNotExist

from chalicelib.domain.errors import NotFound, ValidationFailed
from chalicelib.domain.identifiers import is_uid
from chalicelib.domain.live import Switches
from chalicelib.services.datasets.datasets import find_dataset, live_item
from chalicelib.store.catalog.drafts import ResourceItem
from chalicelib.store.catalog.keys import RESOURCE, dataset_pk
from chalicelib.store.catalog.published import LiveItem


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A resource with its switches (realtime only), both as they stand."""

    resource: ResourceItem
    switches: Switches | None


def load_draft(dataset_uid: str, resource_uid: str) -> tuple[ResourceItem, LiveItem]:
    """A resource as it is edited, and the live item of its dataset, which has its switches; else NotFound."""
    dataset = find_dataset(dataset_uid)
    if is_uid(resource_uid):
        with suppress(DoesNotExist):
            resource = ResourceItem.get(dataset_pk(dataset_uid), RESOURCE + resource_uid, consistent_read=True)
            return resource, live_item(dataset.dataset_id)
    raise NotFound(f"This dataset has no resource '{resource_uid[:40]}': list them with GET resources/.")


def switches_of(live: LiveItem, resource: ResourceItem) -> Switches | None:
    """The switches of a resource; None of one that is not pushed to."""
    stored = live.switches.get(resource.resource_id)
    return Switches.from_json(stored) if stored else None


def realtime_switches(live: LiveItem, resource: ResourceItem) -> Switches:
    """The switches of a realtime resource; ValidationFailed of another."""
    switches = switches_of(live, resource)
    if switches is None:
        raise ValidationFailed(
            {"type": [f"this resource is of type {resource.type}; only realtime ones are pushed to"]}
        )
    return switches


def with_switches(live: LiveItem, resource: ResourceItem, switches: Switches | None) -> dict[str, Any]:
    """The switches of all resources of a dataset, as they are stored, with others for this one, or none."""
    others = {
        resource_id: stored for resource_id, stored in live.switches.items() if resource_id != resource.resource_id
    }
    return others if switches is None else {**others, resource.resource_id: switches.as_json()}
