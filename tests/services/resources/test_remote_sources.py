"""The secrets of remote sources: how long they are kept, and for whom."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from pynamodb.exceptions import DoesNotExist

from chalicelib.domain.errors import EditConflict, TemporarilyUnavailable, ValidationFailed
from chalicelib.services.datasets import datasets
from chalicelib.services.datasets.sweep import SWEPT_AFTER
from chalicelib.services.resources import resources
from chalicelib.services.resources.remote_sources import MAX_SECRETS, fetchable
from chalicelib.services.tick import ring_again
from chalicelib.store.aws import aws_client
from chalicelib.store.catalog.drafts import DatasetItem
from chalicelib.store.catalog.incoming import SourceSecretsItem
from chalicelib.store.catalog.keys import SECRETS, dataset_pk
from chalicelib.store.catalog.published import PublishedSourcesItem
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.source_secrets import SourceSecretStore
from chalicelib.store.stores import Stores
from tests.builders import NOW
from tests.deployment import REGION, work

HOUR = timedelta(hours=1)


class Publisher:
    """Somebody who gives the source of one resource one password after the other, an hour apart."""

    def __init__(self, stores: Stores) -> None:
        self.stores, self.now = stores, NOW
        self.uid = datasets.create_dataset({"metadata": {}, "dataset_id": "remote"}, NOW).uid
        self.resource = resources.create_resource(stores, self.uid, self.body("first"), NOW).resource

    def body(self, password: str | None) -> dict[str, Any]:
        auth = {"type": "basic_auth", "username": "reader", "password": f"the {password} of all passwords"}
        connection = {"type": "http", "url": "https://data.example.org", "auth": auth if password else None}
        return {"type": "csvfile", "datasource": {"type": "http", "connection": connection}}

    def edit(self, password: str | None) -> str | None:
        """Edit the source; the name of its secret."""
        self.now += HOUR
        edited = resources.edit_resource(self.stores, self.uid, self.resource.uid, self.body(password), self.now)
        self.resource = edited.resource
        name: str | None = self.resource.secret_name
        return name

    def delete(self) -> None:
        resources.delete_resource(self.stores, self.uid, self.resource.uid, self.now + HOUR)

    def publishes(self, name: str | None) -> None:
        """A publication by which runs need this secret."""
        source = {"uid": self.resource.uid, "remote": {"source": self.resource.source, "secret": name}}
        PublishedSourcesItem(dataset_pk(self.uid), version=1, sources=[source, {"uid": "re_0", "remote": None}]).save()

    def kept(self) -> set[str]:
        found = aws_client("ssm", REGION).describe_parameters()["Parameters"]
        return {parameter["Name"] for parameter in found}


@contextmanager
def before_the_next_transaction(act: Callable[[], Any]) -> Iterator[None]:
    """Something happens before the next transaction of the catalog."""
    events = DatasetItem._get_connection().connection.client.meta.events

    def once(**_: Any) -> None:
        events.unregister("before-call.dynamodb.TransactWriteItems", once)
        act()

    events.register("before-call.dynamodb.TransactWriteItems", once)
    yield


@pytest.fixture
def publisher(stores: Stores) -> Publisher:
    return Publisher(stores)


def test_a_replaced_secret_is_deleted_when_nobody_refers_to_it(publisher: Publisher) -> None:
    first = publisher.resource.secret_name
    second = publisher.edit("second")
    assert first != second
    assert publisher.kept() == {second}
    assert publisher.edit("second") == second
    assert publisher.edit(None) is None
    assert publisher.kept() == set()


def test_a_published_secret_stays_until_another_is_published_even_without_its_resource(publisher: Publisher) -> None:
    first = publisher.resource.secret_name
    publisher.publishes(first)
    second = publisher.edit("second")
    third = publisher.edit("third")
    assert publisher.kept() == {first, third}
    publisher.delete()
    assert publisher.kept() == {first}
    remote = {"source": publisher.resource.source, "secret": first}
    assert fetchable(publisher.stores, remote)["connection"]["auth"]["password"] == "the first of all passwords"
    assert second != third
    datasets.delete_dataset(publisher.stores, publisher.uid, publisher.now)
    assert publisher.kept() == set()


def test_a_dataset_whose_deletion_is_refused_keeps_its_secrets(publisher: Publisher) -> None:
    first = publisher.resource.secret_name

    edit = partial(datasets.edit_dataset, publisher.uid, {"is_restricted": True}, publisher.now)
    with pytest.raises(EditConflict), before_the_next_transaction(edit):
        datasets.delete_dataset(publisher.stores, publisher.uid, publisher.now)
    assert publisher.kept() == {first}
    datasets.delete_dataset(publisher.stores, publisher.uid, publisher.now)
    assert publisher.kept() == set()


def test_what_a_deletion_leaves_of_the_secrets_is_swept(publisher: Publisher) -> None:
    working = publisher.stores.source_secrets
    publisher.stores.source_secrets = _Undeletable("test", REGION)
    datasets.delete_dataset(publisher.stores, publisher.uid, publisher.now)
    assert len(publisher.kept()) == 1
    publisher.stores.source_secrets = working
    later = publisher.now + SWEPT_AFTER + timedelta(seconds=1)
    ring_again(publisher.stores, later, Deadline(5))
    work(publisher.stores, lambda: later)
    assert publisher.kept() == set()
    with pytest.raises(DoesNotExist):
        SourceSecretsItem.get(dataset_pk(publisher.uid), SECRETS)


@pytest.mark.parametrize("status", ["queued", "processing", "saving_version"])
def test_nothing_is_deleted_while_a_publication_is_under_way(publisher: Publisher, status: str) -> None:
    first = publisher.resource.secret_name
    dataset = datasets.find_dataset(publisher.uid)
    dataset.update([DatasetItem.status.set(status)])
    second = publisher.edit("second")
    assert publisher.kept() == {first, second}
    dataset.update([DatasetItem.status.set("idle")])
    assert publisher.kept() == {first, second}
    third = publisher.edit("third")
    assert publisher.kept() == {third}


def test_a_secret_of_an_edit_at_the_same_moment_is_left_alone(publisher: Publisher) -> None:
    store = publisher.stores.source_secrets
    name = store.new_name(publisher.uid, "re_000000", publisher.now + HOUR)
    SourceSecretsItem(dataset_pk(publisher.uid)).update([SourceSecretsItem.names.add({name})])
    store.put(name, "x")
    second = publisher.edit("second")
    assert publisher.kept() == {name, second}
    third = publisher.edit("third")
    assert publisher.kept() == {third}


def test_an_edit_succeeds_when_what_it_replaced_cannot_be_deleted_now(publisher: Publisher) -> None:
    working, first = publisher.stores.source_secrets, publisher.resource.secret_name
    publisher.stores.source_secrets = _Undeletable("test", REGION)
    second = publisher.edit("second")
    assert publisher.kept() == {first, second}
    publisher.stores.source_secrets = working
    third = publisher.edit("third")
    assert publisher.kept() == {third}


def test_no_dataset_keeps_more_than_a_hundred(publisher: Publisher) -> None:
    store = publisher.stores.source_secrets
    moment: datetime = publisher.now + HOUR
    names = {store.new_name(publisher.uid, "re_000000", moment) for _ in range(MAX_SECRETS - 1)}
    item = SourceSecretsItem(dataset_pk(publisher.uid))
    item.update([SourceSecretsItem.names.add(names)])
    with pytest.raises(ValidationFailed, match="too often"):
        publisher.edit("second")
    item.refresh(consistent_read=True)
    assert len(item.names) == MAX_SECRETS


def test_a_source_whose_secret_is_gone_is_fetched_without_and_fails_there(publisher: Publisher) -> None:
    remote = {"source": publisher.resource.source, "secret": "/freshwire/test/sources/gone"}
    assert fetchable(publisher.stores, remote) == publisher.resource.source
    assert fetchable(publisher.stores, {**remote, "secret": None}) == publisher.resource.source


class _Undeletable(SourceSecretStore):
    def delete(self, names: Any) -> None:  # noqa: ARG002
        raise TemporarilyUnavailable
