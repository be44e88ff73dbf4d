"""The application over one deployment in memory, and a look at all it stores before and after every request."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends

from chalicelib import wiring
from chalicelib.api.errors import STATUSES
from chalicelib.domain.live import Intake
from chalicelib.domain.schema import Schema
from chalicelib.services.access import create_api_key
from chalicelib.services.datasets import datasets, stacks
from chalicelib.services.push.admission import PushTarget
from chalicelib.services.resources import resources
from chalicelib.store.aws import aws_client
from chalicelib.store.catalog.keys import SWEEPS
from chalicelib.store.catalog.published import SweepItem
from chalicelib.store.dynamodb import Deadline
from tests.builders import NOW, a_dataset, a_schema
from tests.deployment import CREDENTIALS, REGION, deployment, wired
from tests.fuzz.gateway import HttpRequest, LambdaContext, proxy_event

NULL = "NA"
KEY = ("number", "station")
TYPES = {
    "station": "text",
    "number": "int",
    "label": "text",
    "count": "int",
    "temperature": "double",
    "day": "date",
    "seen_at": "datetime",
    "place": "geo_point_2d",
    "area": "geo_shape",
    "photo": "file",
    "extra": "json_blob",
}
KNOWN_CODES = frozenset(refused.code for refused in STATUSES)
MOST_RECORDS = 60  # moto reads a whole table to answer a query: it is emptied in time


class Stored(NamedTuple):
    """A record as it lies in the records table."""

    text: str
    hash: str
    resource_uid: str
    files: tuple[str, ...]


Table = Mapping[tuple[str, str], Stored]  # by pk and sk


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The application's answer to one request, with the whole records table before and after it, and the sort keys
    of what it wrote into the activity table."""

    status: int
    headers: Mapping[str, str]
    body: Any
    before: Table
    after: Table
    activity: tuple[str, ...]


class World:
    """One deployment: datasets to push to, and the way to send requests. `sent` counts those the application
    got, by the status of its answer."""

    def __init__(self, app: Any) -> None:
        self._app = app
        everything = create_api_key("fuzz", ["browse", "edit", "publish"], NOW)
        self.api_keys = [everything, everything, create_api_key("fuzz, reading", ["browse"], NOW)]
        self.sent: Counter[int] = Counter()
        self._managed: Mapping[str, str] = {}
        self._client = aws_client("dynamodb", REGION)
        self._s3 = aws_client("s3", REGION)
        self._names = wiring.stores().names
        schema = a_schema(unique_key=KEY, **TYPES)
        intake = Intake(null_values=(NULL,))
        self.schema: Schema = schema
        self.keyed = a_dataset("every-type", schema=schema, intake=intake)
        self.keyless_schema = a_schema(**TYPES)
        self.keyless = a_dataset("no-key", schema=self.keyless_schema, intake=intake)
        refusing = Intake(null_values=(NULL,), unknown_fields="refuse")
        self.refusing = a_dataset("known-fields-only", schema=schema, intake=refusing)
        self.unpublished = a_dataset("not-published", schema=schema, is_published=False)

        # Datasets of the builders lack the parts of a draft; those that requests create have them.
        self._pushed_to = {dataset.uid for dataset in datasets.list_datasets(None)}

    def send(self, request: HttpRequest) -> Answer | None:
        """What the application does with the request; None when the gateway would not hand it over."""
        event = proxy_event(self._app.routes, request)
        if event is None:
            return None
        before = self._records()
        if len(before) > MOST_RECORDS:
            before = self._emptied(before)
        raw = self._app(event, LambdaContext())
        json.dumps(raw, ensure_ascii=False).encode()  # as Lambda's runtime does: a lone surrogate would break it
        self.sent[raw["statusCode"]] += 1
        answer = Answer(
            status=raw["statusCode"],
            headers={name.lower(): value for name, value in raw["headers"].items()},
            body=json.loads(raw["body"]) if raw["body"] else None,
            before=before,
            after=self._records(),
            activity=self._drained_activity(),
        )
        check(request, answer)
        return answer

    def managed_ids(self) -> Mapping[str, str]:
        """What exists to be managed: a dataset, its resource and its field, made anew when a request deleted one."""
        known = datasets.list_datasets(None)
        for dataset in known:
            if dataset.uid == self._managed.get("dataset"):
                parts = [draft.resource.uid for draft in resources.list_resources(dataset.uid)]
                stack = [configuration["uid"] for configuration in stacks.fields.entries(dataset.uid)]
                if self._managed["resource"] in parts and self._managed["field"] in stack and len(parts) < 10:
                    return self._managed
            if dataset.uid not in self._pushed_to:
                datasets.delete_dataset(wiring.stores(), dataset.uid, NOW)
        uid = datasets.create_dataset({"metadata": {}}, NOW).uid
        bootstrap = {"type": "realtime", "params": {"bootstrap": {"a": 1, "b": "x"}}}
        resource = resources.create_resource(wiring.stores(), uid, bootstrap, NOW).resource.uid
        added = stacks.fields.add(uid, {"type": "annotate", "annotation": "id", "field": "a"})
        self._managed = {"dataset": uid, "resource": resource, "field": added["uid"]}
        return self._managed

    def stored_files(self) -> set[str]:
        """The keys of all objects in the files bucket, but for those that are noted to be removed."""
        listed = self._s3.list_objects_v2(Bucket=self._names.files_bucket)
        noted = {key for item in SweepItem.query(SWEEPS) for key in item.contents or ()}
        return {found["Key"] for found in listed.get("Contents", [])} - noted

    def partition(self, target: PushTarget) -> str:
        """The partition of a dataset's records."""
        live = wiring.stores().live.read(target.dataset_id, Deadline(5))
        assert live is not None
        return live.partition

    def _records(self) -> Table:
        return {
            (item["pk"], item["sk"]): Stored(
                item["d"], item["h"], item["r"], tuple(sorted(key.value for key in item.get("f", {}).values()))
            )
            for item in self._items(self._names.records_table)
        }

    def _emptied(self, table: Table) -> Table:
        for pk, sk in table:
            self._delete(self._names.records_table, pk, sk)
        for key in self.stored_files():
            self._s3.delete_object(Bucket=self._names.files_bucket, Key=key)
        return {}

    def _drained_activity(self) -> tuple[str, ...]:
        """What the request wrote there, taken out so that the table stays small."""
        found = [(item["pk"], item["sk"]) for item in self._items(self._names.activity_table)]
        for pk, sk in found:
            self._delete(self._names.activity_table, pk, sk)
        return tuple(sk for _, sk in found)

    @staticmethod
    def _items(table: str) -> Iterator[dict[str, Any]]:
        """The items of a table as moto holds them: a scan through the API takes longer than the request it looks at."""
        for item in dynamodb_backends[DEFAULT_ACCOUNT_ID][REGION].tables[table].all_items():
            yield {name: value.value for name, value in item.attrs.items()}

    def _delete(self, table: str, pk: str, sk: str) -> None:
        self._client.delete_item(TableName=table, Key={"pk": {"S": pk}, "sk": {"S": sk}})


def check(request: HttpRequest, answer: Answer) -> None:
    """What holds for every request: no 5xx; a refusal is JSON with a sentence and a known code, and changed nothing."""
    assert answer.status < 500, answer.body
    assert answer.headers["content-type"] == "application/json"
    if answer.status < 400:
        return
    assert answer.after == answer.before
    assert not [sk for sk in answer.activity if not sk.startswith("refusal#")]
    assert answer.body["error_code"] in KNOWN_CODES
    sentence = answer.body["message"]
    assert len(sentence) > 10
    assert sentence[-1] in ".'" or ": " in sentence, sentence
    if request.path.startswith("/push/"):
        assert answer.body["error"] == sentence
        assert answer.body["status"] == "error"
        assert isinstance(answer.body["details"], list)


@contextmanager
def deployed_world() -> Iterator[World]:
    """A world over a fresh deployment."""
    from app import app  # noqa: PLC0415 - the application reads its environment only when it is called

    with pytest.MonkeyPatch.context() as patch:
        for name, value in CREDENTIALS.items():
            patch.setenv(name, value)
        with deployment() as (_, environment), wired(environment):
            yield World(app)
