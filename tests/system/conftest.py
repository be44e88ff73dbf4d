"""The deployed product over HTTP: a local cloud of its own, or the deployment that FRESHWIRE_URL and
FRESHWIRE_API_KEY name. The tests of this folder import nothing of the product."""

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any

import boto3
import httpx
import pytest

_numbers = count()


@dataclass(frozen=True)
class Product:
    """A deployment, as scripts see it."""

    base_url: str
    api_key: str
    http: httpx.Client
    function_log: Callable[[], str]
    run_tick: Callable[[], None]
    environment: Mapping[str, str] | None = None
    """That of its functions, and how to reach their AWS; only for a local cloud."""

    def manage(self, method: str, path: str, body: Any = None) -> Any:
        """The parsed answer of the management API, which must be a success."""
        headers = {"Authorization": f"Apikey {self.api_key}"}
        answer = self.http.request(method, f"{self.base_url}/automation/v1.0{path}", json=body, headers=headers)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def explore(self, path: str, **parameters: Any) -> Any:
        """The parsed answer of the reading API, which must be a success."""
        answer = self.http.get(f"{self.base_url}/explore/v2.1/catalog/datasets{path}", params=parameters)
        assert answer.is_success, answer.text
        return answer.json()

    def count(self, dataset_id: str) -> int:
        """How many records the dataset has."""
        total: int = self.explore(f"/{dataset_id}/records", limit=0)["total_count"]
        return total

    def comes_to(self, dataset_id: str, records: int, *, seconds: float = 60) -> bool:
        """Whether the dataset has that many records soon: large pushes are applied after they are acknowledged."""
        end = time.monotonic() + seconds
        while self.count(dataset_id) != records:
            if time.monotonic() > end:
                return False
            time.sleep(0.2)
        return True

    def dataset(
        self, bootstrap: Any, unique_key: tuple[str, ...] = (), types: dict[str, str] | None = None, **params: Any
    ) -> tuple[str, str]:
        """A new published dataset with a realtime resource: its id and its push URL."""
        dataset_id = f"system-{os.getpid()}-{next(_numbers)}"
        dataset = self.manage("POST", "/datasets/", {"dataset_id": dataset_id, "metadata": {}})
        path = f"/datasets/{dataset['uid']}"
        body = {"type": "realtime", "params": {"bootstrap": bootstrap, **params}}
        resource = self.manage("POST", f"{path}/resources/", body)
        for name, kind in (types or {}).items():
            self.manage("POST", f"{path}/fields/", {"type": "type", "field": name, "type_param": kind})
        for name in unique_key:
            self.manage("POST", f"{path}/fields/", {"type": "annotate", "annotation": "id", "field": name})
        self.publish(path)
        return dataset_id, resource["params"]["push_url"]

    def path_of(self, dataset_id: str) -> str:
        """The path of a dataset in the management API."""
        (dataset,) = self.manage("GET", f"/datasets/?dataset_id={dataset_id}")["results"]
        return f"/datasets/{dataset['uid']}"

    def publish(self, path: str, *, seconds: float = 60) -> None:
        """Publish the dataset at that path, and wait until it is."""
        self.manage("POST", f"{path}/publish/")
        end = time.monotonic() + seconds
        while (status := self.manage("GET", f"{path}/status/"))["status"] != "idle":
            assert status["status"] != "error", status["message"]
            assert time.monotonic() < end, status
            time.sleep(0.1)


@pytest.fixture(scope="session")
def product() -> Iterator[Product]:
    """The deployment under test."""
    with httpx.Client(timeout=60) as http:
        if url := os.environ.get("FRESHWIRE_URL"):
            key = os.environ["FRESHWIRE_API_KEY"]
            yield Product(url.rstrip("/"), key, http, _log_elsewhere, _wait_for_the_tick)
            return
        from infra.local.cloud import throw_away_cloud  # noqa: PLC0415 - a deployment elsewhere needs no local cloud

        with throw_away_cloud() as cloud:
            where = cloud.endpoint_url, cloud.environment
            log, tick = partial(_log, *where), partial(_run_tick, *where)
            yield Product(cloud.base_url, cloud.api_key, http, log, tick, cloud.environment)


def _run_tick(endpoint_url: str, environment: Mapping[str, str]) -> None:
    """Run the tick now, not at the next minute."""
    functions = _client("lambda", endpoint_url, environment)
    names = [function["FunctionName"] for function in functions.list_functions()["Functions"]]
    (name,) = [name for name in names if "tick" in name.lower()]
    texts = ("version", "account", "region", "detail-type", "source", "time", "id")
    event = {**dict.fromkeys(texts, ""), "detail": {}, "resources": []}
    answer = functions.invoke(FunctionName=name, Payload=json.dumps(event))
    assert "FunctionError" not in answer, answer["Payload"].read()


def _wait_for_the_tick() -> None:
    time.sleep(61)


def _client(service: str, endpoint_url: str, environment: Mapping[str, str]) -> Any:
    names = ("aws_access_key_id", "aws_secret_access_key")
    credentials = {name: environment[name.upper()] for name in names}
    return boto3.client(service, endpoint_url=endpoint_url, region_name=environment["AWS_REGION"], **credentials)


def _log(endpoint_url: str, environment: Mapping[str, str]) -> str:
    """Everything in the log groups of the local cloud's functions."""
    logs = _client("logs", endpoint_url, environment)
    lines: list[str] = []
    for group in logs.describe_log_groups()["logGroups"]:
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"]):
            lines += [event["message"] for event in page["events"]]
    return "\n".join(lines)


def _log_elsewhere() -> str:
    pytest.skip("the logs of a deployment elsewhere are not ours to read")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here needs the deployed product."""
    for item in items:
        if "/tests/system/" in item.path.as_posix():
            item.add_marker(pytest.mark.local_cloud)
