"""A dataset with a remote resource and schedules, what EventBridge Scheduler has of them, and calls of the function."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from weakref import WeakKeyDictionary

import orjson
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ClientError
from moto.core.botocore_stubber import MockRawResponse

from chalicelib.domain.run_state import Run
from chalicelib.domain.scheduler_expression import translate
from chalicelib.services.datasets import datasets
from chalicelib.services.datasets.schedule_marks import stored_schedules
from chalicelib.services.publication.publication import unpublish
from chalicelib.services.resources import resources
from chalicelib.services.runs.occurrences import take_up_runs
from chalicelib.services.schedules import schedules
from chalicelib.services.schedules.plan import stored_plan
from chalicelib.services.schedules.schedules import Offer
from chalicelib.services.schedules.scheduling import NOTHING_REMOTE, paused_because, settle_due
from chalicelib.store.aws import aws_client
from chalicelib.store.catalog.drafts import DatasetItem
from chalicelib.store.catalog.keys import dataset_pk
from chalicelib.store.catalog.published import PublishedSourcesItem
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.stores import Stores
from tests.deployment import NOW, REGION, PatientDeadline, Tables

OFFER = Offer(scheduling=True, minimum_minutes=1)
GROUP = "freshwire-test"
SOON = timedelta(seconds=400)  # marks are due, claims and leases have run out
REMOTE = {
    "type": "csvfile",
    "title": "a.csv",
    "datasource": {"type": "http", "connection": {"type": "http", "url": "https://data.example.org"}},
}


@dataclass
class Place:
    """A dataset with one remote resource, and the time."""

    stores: Stores
    dataset_uid: str
    resource_uid: str
    now: datetime = NOW
    calls: list[Mapping[str, Any]] = field(default_factory=list)

    def add(self, cron: str = "0 * * * *") -> str:
        """Another schedule; its uid."""
        uid: str = schedules.create_schedule(self.stores, self.dataset_uid, {"cron_schedule": cron}, OFFER, self.now)[
            "uid"
        ]
        return uid

    def edit(self, schedule_uid: str, cron: str) -> None:
        body = {"cron_schedule": cron}
        schedules.edit_schedule(self.stores, self.dataset_uid, schedule_uid, body, OFFER, now=self.now)

    def drop(self, schedule_uid: str) -> None:
        schedules.delete_schedule(self.stores, self.dataset_uid, schedule_uid, self.now)

    def add_remote(self) -> str:
        draft = resources.create_resource(self.stores, self.dataset_uid, REMOTE, self.now)
        return draft.resource.uid

    def drop_remote(self, resource_uid: str | None = None) -> None:
        resources.delete_resource(self.stores, self.dataset_uid, resource_uid or self.resource_uid, self.now)

    def publish_sources(self) -> None:
        """Have the remote resource published, as far as schedules see it."""
        publish(self)
        source = {"uid": self.resource_uid, "remote": {"source": REMOTE["datasource"], "secret": None}}
        PublishedSourcesItem(dataset_pk(self.dataset_uid), version=1, sources=[source]).save()

    def withdraw(self) -> None:
        """Take the last remote resource from the draft, then unpublish it."""
        self.publish_sources()
        self.drop_remote()
        unpublish(self.stores, self.dataset_uid, self.now)

    def drop_dataset(self) -> None:
        datasets.delete_dataset(self.stores, self.dataset_uid, self.now)

    def tick(self, later: timedelta = timedelta()) -> int:
        """What the tick does for schedules and runs, some time later; how much there was to do."""
        self.now += later
        deadline = PatientDeadline(45)
        with self.calling():
            taken_up = take_up_runs(self.stores, self.now, deadline)
            settled = settle_due(self.stores, self.now, deadline)
        assert (taken_up.failure, settled.failed) == (None, {}), "AWS takes all that it is told"
        return taken_up.runs + settled.schedules

    def wanted(self) -> dict[str, str]:
        """What Scheduler should have, by name."""
        items = stored_schedules(self.dataset_uid)
        if not items or paused_because(self.stores, self.dataset_uid):
            return {}
        expressions = {item.uid: translate(stored_plan(item).timetable) for item in items}
        return {f"{uid}-{n}": each.expression for uid, some in expressions.items() for n, each in enumerate(some)}

    def history(self) -> list[Run]:
        """The runs that are over, newest first."""
        return [Run.from_json(e) for e in self.stores.activity.newest(self.dataset_uid, "run", 1000, Deadline(5))]

    def notices(self) -> list[str]:
        """The kinds of the notices, oldest first."""
        entries = self.stores.activity.newest(self.dataset_uid, "notice", 1000, Deadline(5))
        return [entry["kind"] for entry in reversed(entries)]

    @property
    def is_paused(self) -> bool:
        """Whether too many runs have failed."""
        return paused_because(self.stores, self.dataset_uid) not in (None, NOTHING_REMOTE)

    @contextmanager
    def calling(self) -> Iterator[None]:
        """Keep what the function is called with: in the tests there is none."""
        events = self.stores.refresh_function._client.meta.events

        def keep(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
            self.calls.append(orjson.loads(request.body))
            return AWSResponse(request.url, 202, {}, MockRawResponse(b""))

        events.register("before-send.lambda.Invoke", keep)
        try:
            yield
        finally:
            events.unregister("before-send.lambda.Invoke", keep)


@contextmanager
def refusing(client: Any, operation: str, failure: Exception | None = None) -> Iterator[None]:
    """AWS refuses a call: by default it may not be made."""

    def refuse(**_: Any) -> None:
        raise failure or ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, operation)

    event = f"before-call.{client.meta.service_model.service_name}.{operation}"
    client.meta.events.register(event, refuse)
    try:
        yield
    finally:
        client.meta.events.unregister(event, refuse)


def a_place(stores: Stores) -> Place:
    """A dataset of its own. It is made once for a deployment; after that tables and schedules are put back."""
    made = _made.get(stores.client._client)
    if made is None:
        uid = datasets.create_dataset({"metadata": {}}, NOW).uid
        place = Place(stores=stores, dataset_uid=uid, resource_uid="")
        place.resource_uid = place.add_remote()
        made = _made[stores.client._client] = (place, Tables())
    place, tables = made
    tables.put_back()
    for name in in_scheduler():
        aws_client("scheduler", REGION).delete_schedule(Name=name, GroupName=GROUP)
    return replace(place, stores=stores, calls=[])


def publish(place: Place) -> None:
    """Have the dataset published, as far as runs see it."""
    dataset = datasets.find_dataset(place.dataset_uid)
    dataset.update([DatasetItem.is_published.set(True)])


def in_scheduler() -> dict[str, str]:
    """The expressions that Scheduler has, by name."""
    client = aws_client("scheduler", REGION)
    names = [each["Name"] for each in client.list_schedules(GroupName=GROUP)["Schedules"]]
    return {name: client.get_schedule(Name=name, GroupName=GROUP)["ScheduleExpression"] for name in names}


_made: WeakKeyDictionary[Any, tuple[Place, Tables]] = WeakKeyDictionary()
