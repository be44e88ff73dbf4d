"""Builders: published datasets in one line, for tests below the management API."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from chalicelib.domain.field_stack import compile_schema
from chalicelib.domain.identifiers import derive_push_key, fingerprint, new_uid
from chalicelib.domain.inference import infer_fields
from chalicelib.domain.live import Configuration, Intake, PushKeyHash, Switches
from chalicelib.domain.schema import Schema
from chalicelib.services.push.admission import PushTarget
from chalicelib.store.catalog.drafts import DatasetItem
from chalicelib.store.catalog.keys import live_pk
from chalicelib.store.catalog.published import LiveItem
from tests.deployment import NOW

PUSH_KEY = derive_push_key("a secret of the tests", "re_tests0", "nonce")


def at(seconds: float) -> datetime:
    """A moment some seconds after NOW."""
    return NOW + timedelta(seconds=seconds)


def a_schema(*, unique_key: Sequence[str] = (), **types: str) -> Schema:
    """A schema of fields by name and type: `a_schema(unique_key=["isbn"], isbn="text", pages="int")`."""
    keys = [{"type": "annotate", "annotation": "id", "field": name} for name in unique_key]
    return compile_schema(list(types.items()), keys)


def a_dataset(
    dataset_id: str = "library-books",
    *,
    bootstrap: Sequence[dict[str, Any]] = ({"title": "Emma", "isbn": "1"},),
    unique_key: Sequence[str] = (),
    schema: Schema | None = None,
    intake: Intake | None = None,
    is_published: bool = True,
    is_restricted: bool = False,
    title: str = "Library books",
    resource_id: str = "realtime",
) -> PushTarget:
    """Store a live dataset with one realtime resource, and return where to push to it."""
    if schema is None:
        schema = a_schema(unique_key=unique_key, **dict(infer_fields(bootstrap)))
    uid, resource_uid = new_uid("da"), new_uid("re")
    configuration = Configuration(schema=schema, intakes={resource_uid: intake or Intake()})
    switches = Switches(resource_uid=resource_uid, keys=(PushKeyHash(sha256=fingerprint(PUSH_KEY)),))
    LiveItem(
        live_pk(dataset_id),
        dataset_uid=uid,
        version=1,
        is_published=is_published,
        is_restricted=is_restricted,
        title=title,
        configuration=configuration.as_json(),
        switches={resource_id: switches.as_json()},
    ).save()
    moment = NOW.isoformat(timespec="seconds")
    DatasetItem(
        uid=uid,
        dataset_id=dataset_id,
        metadata={"default": {"title": {"value": title}}},
        is_restricted=is_restricted,
        is_published=is_published,
        created_at=moment,
        updated_at=moment,
        status_since=moment,
    ).save()
    return PushTarget(dataset_id=dataset_id, resource_id=resource_id, push_key=PUSH_KEY)
