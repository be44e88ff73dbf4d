"""Remote sources and their secrets: kept apart from them, put back in to fetch, deleted when nobody refers to them.

An edit never overwrites a secret: the published configuration keeps its own until the next publish. The names of all
are listed with the dataset before they are written, and each edit deletes those of the list that neither the draft nor
the published sources refer to. What is left over is so bounded, and goes with the dataset.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any

from pynamodb.exceptions import DoesNotExist

from chalicelib.domain.errors import TemporarilyUnavailable, ValidationFailed
from chalicelib.domain.remote_source import remote_source_problem, server_of
from chalicelib.domain.source_secrets import MAX_TEXT, NONE, SourceSecrets, put_in, take_out
from chalicelib.services.datasets.datasets import find_dataset
from chalicelib.services.datasets.drafts import draft_resources
from chalicelib.services.datasets.status import READY
from chalicelib.services.resources.source_head import Fetching, fetch_head, look_at
from chalicelib.sources.failures import AddressRefused, FetchFailed, InvalidSource
from chalicelib.store.catalog.drafts import ResourceItem
from chalicelib.store.catalog.incoming import SourceSecretsItem
from chalicelib.store.catalog.keys import SECRETS, SOURCES, dataset_pk
from chalicelib.store.catalog.published import PublishedSourcesItem
from chalicelib.store.source_secrets import made_at
from chalicelib.store.stores import Stores

UNUSED_AFTER = 600  # seconds; a younger secret may belong to an edit that is not saved yet
MAX_SECRETS = 100  # of a dataset, those that are left over included


def fetchable(stores: Stores, remote: Mapping[str, Any]) -> dict[str, Any]:
    """The datasource of {"source": the datasource without its secrets, "secret": their name or None}, ready for
    `sources.fetching.fetch`. Raises TemporarilyUnavailable when the secrets cannot be read now."""
    return put_in(remote["source"], _stored(stores, remote["secret"]))


def completed(
    stores: Stores, resource: ResourceItem | None, source: Mapping[str, Any], *, may_lack: bool = False
) -> dict[str, Any]:
    """A datasource that somebody sent for this resource, with the stored secrets where it has none. What it then
    still lacks is a ValidationFailed, unless it `may_lack` secrets, or the stored one lacked them before."""
    if resource is None or resource.source is None:
        full = put_in(source, NONE)
    else:
        full = put_in(source, _meant_for(source, resource.source, _stored(stores, resource.secret_name)))
        stored = {"source": resource.source, "secret": resource.secret_name}
        may_lack = may_lack or remote_source_problem(fetchable(stores, stored)) is not None
    if not may_lack and (problem := remote_source_problem(full)):
        raise ValidationFailed({"datasource": [problem]})
    return full


def take_source(
    stores: Stores,
    dataset_uid: str,
    resource: ResourceItem,
    source: Mapping[str, Any],
    *,
    now: datetime,
    fetching: Fetching | None,
) -> None:
    """Make this the datasource of a resource, which the caller saves; secrets that have changed are written under a
    new name. With `fetching` it is looked at first: its fields become those of the resource, and what is wrong with it
    its `source_problem`. Refused is only what cannot be fetched by whatever its publisher does elsewhere."""
    full = completed(stores, resource, source, may_lack=fetching is None)
    resource.source_problem = remote_source_problem(full)
    if fetching and not resource.source_problem:
        _look(resource, full, fetching)
    resource.source, secrets = take_out(full)
    if secrets != _stored(stores, resource.secret_name):
        resource.secret_name = _written(stores, dataset_uid, resource.uid, secrets, now) if secrets else None


def _look(resource: ResourceItem, source: Mapping[str, Any], fetching: Fetching) -> None:
    try:
        look = look_at(fetch_head(source, fetching), resource.type, resource.params, fetching.deadline)
    except (InvalidSource, AddressRefused) as never:
        raise ValidationFailed({"datasource": [never.message]}, error_key=never.code) from None
    except FetchFailed as failure:
        resource.source_problem = failure.message
        return
    resource.source_problem = look.problem
    if look.records:
        try:
            resource.source_fields = look.fields()
        except ValidationFailed as too_many:
            resource.source_problem = too_many.message


def delete_unused_secrets(stores: Stores, dataset_uid: str, now: datetime) -> None:
    """Delete the secrets of a dataset that nobody refers to any more. While a publication is under way, which may
    be about to publish one, nothing is deleted; nor when AWS does not answer: the next edit tries again."""
    with suppress(DoesNotExist, TemporarilyUnavailable):
        item = SourceSecretsItem.get(dataset_pk(dataset_uid), SECRETS, consistent_read=True)
        names = item.names or set()
        if names and find_dataset(dataset_uid).status in READY:
            before = now.timestamp() - UNUSED_AFTER
            unused = {name for name in names - _referred(dataset_uid) if made_at(name) < before}
            if unused:
                stores.source_secrets.delete(sorted(unused))
                item.update([SourceSecretsItem.names.delete(unused)])


def _stored(stores: Stores, name: str | None) -> SourceSecrets:
    text = stores.source_secrets.get(name) if name else None
    return SourceSecrets.from_text(text) if text else NONE


def _meant_for(source: Mapping[str, Any], before: Mapping[str, Any], secrets: SourceSecrets) -> SourceSecrets:
    """Those of the stored secrets that may go to this source: the same server, the same user. Else whoever may edit
    could have them sent to himself."""
    if server_of(source) != server_of(before):
        return NONE
    return secrets if _user(source) == _user(before) else replace(secrets, credential=None)


def _user(source: Mapping[str, Any]) -> tuple[str, str | None] | None:
    auth = source["connection"].get("auth")
    return (auth["type"], auth.get("username")) if auth else None


def _written(stores: Stores, dataset_uid: str, resource_uid: str, secrets: SourceSecrets, now: datetime) -> str:
    """The name under which the secrets are kept from now on."""
    text = secrets.as_text()
    if len(text) > MAX_TEXT:
        problem = f"password or token and header values take {len(text)} bytes together, the limit is {MAX_TEXT}"
        raise ValidationFailed({"datasource": [f"{problem}: shorten them, or leave headers out"]})
    name = stores.source_secrets.new_name(dataset_uid, resource_uid, now)
    item = SourceSecretsItem(dataset_pk(dataset_uid), SECRETS)
    item.update([SourceSecretsItem.names.add({name})])
    if len(item.names or ()) > MAX_SECRETS:
        item.update([SourceSecretsItem.names.delete({name})])
        raise ValidationFailed({"datasource": [_TOO_OFTEN]})
    stores.source_secrets.put(name, text)
    return name


def _referred(dataset_uid: str) -> set[str]:
    names = {resource.secret_name for resource in draft_resources(dataset_uid)}
    with suppress(DoesNotExist):
        published = PublishedSourcesItem.get(dataset_pk(dataset_uid), SOURCES, consistent_read=True)
        names |= {source["remote"]["secret"] for source in published.sources if source.get("remote")}
    return {name for name in names if name}


_TOO_OFTEN = (
    "passwords, tokens and headers of this dataset were changed too often: wait until its publication, if one is under "
    "way, has ended, and ten minutes more"
)
