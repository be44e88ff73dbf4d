"""p50 and p99 of a one-record push through the local cloud, against a bare Chalice route on a cloud of its own.

Both clouds are the same emulator under the same front; the requests take turns, so that noise meets both.
"""

import http.client
import json
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import quantiles
from typing import Any
from urllib.parse import urlsplit

from infra.deploy import DeployFailed
from infra.local.cloud import LocalCloud, throw_away_cloud
from infra.local.process import CloudProblem
from infra.package import CannotPackage
from tests.bench.report import Row
from tests.bench.weather import TYPES, UNIQUE_KEY, weather_records
from tests.infra.emulator import echo_cloud

ROUNDS, WARM_UP = 400, 50


class Caller:
    """One keep-alive connection, as a device holds it."""

    def __init__(self, base_url: str, headers: Mapping[str, str] | None = None) -> None:
        where = urlsplit(base_url)
        self._base, self._headers = where.path, dict(headers or {})
        self._connection = http.client.HTTPConnection(where.netloc, timeout=60)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON of the answer; any other status than 200 or 201 stops the bench."""
        content = None if body is None else json.dumps(body, separators=(",", ":"))
        self._connection.request(method, self._base + path, content, self._headers)
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status not in (200, 201):
            raise RuntimeError(f"{method} {path.partition('?')[0]}: {answer.status} {text[:300]!r}")
        return json.loads(text)


def measure() -> list[Row]:
    """Alternating requests, and the ratios of their quantiles; nothing, and the reason printed, without a cloud."""
    try:
        with (
            tempfile.TemporaryDirectory() as folder,
            throw_away_cloud() as cloud,
            echo_cloud(Path(folder)) as echo,
        ):
            return _rows(_pushes(cloud), _echoes(f"{echo.url}/api"))
    except (CloudProblem, CannotPackage, DeployFailed) as problem:
        print(f"\nLatency is not measured, the local cloud cannot start: {problem}")
        return []


def _rows(push: Callable[[int], None], echo: Callable[[int], None]) -> list[Row]:
    pushes, echoes = [], []
    for turn in range(WARM_UP + ROUNDS):
        pushed, echoed = _seconds(push, turn), _seconds(echo, turn)
        if turn >= WARM_UP:
            pushes.append(pushed)
            echoes.append(echoed)
    rows = []
    for name, percent in (("p50", 50), ("p99", 99)):
        ours, bare = _quantile(pushes, percent), _quantile(echoes, percent)
        rows.append(Row(what=name, figure=ours / bare, remark=f"{ours * 1000:.1f} ms / {bare * 1000:.1f} ms"))
    return rows


def _pushes(cloud: LocalCloud) -> Callable[[int], None]:
    """A published dataset on that cloud, and the push of its n-th record."""
    manager = Caller(cloud.base_url, {"Authorization": f"Apikey {cloud.api_key}"})
    datasets = "/automation/v1.0/datasets"
    made = manager.call("POST", datasets, {"metadata": {"default": {"title": {"value": "NYC weather"}}}})
    dataset = f"{datasets}/{made['uid']}"
    records = weather_records(WARM_UP + ROUNDS)
    realtime = manager.call("POST", f"{dataset}/resources", {"type": "realtime", "params": {"bootstrap": records[:20]}})
    for name, kind in TYPES.items():
        manager.call("POST", f"{dataset}/fields", {"type": "type", "field": name, "type_param": kind})
    for name in UNIQUE_KEY:
        manager.call("POST", f"{dataset}/fields", {"type": "annotate", "annotation": "id", "field": name})
    manager.call("POST", f"{dataset}/publish")
    device = Caller(cloud.base_url)
    push_path = realtime["params"]["push_url"].partition("/api")[2]

    def push(turn: int) -> None:
        if device.call("POST", push_path, records[turn]) != {"status": "OK"}:
            raise RuntimeError("the push was not accepted")

    return push


def _echoes(base_url: str) -> Callable[[int], None]:
    """The same records sent to the bare route."""
    caller = Caller(base_url)
    records = weather_records(WARM_UP + ROUNDS)

    def echo(turn: int) -> None:
        caller.call("POST", "/echo/nyc-weather/realtime", records[turn])

    return echo


def _seconds(call: Callable[[int], None], turn: int) -> float:
    started = time.perf_counter()
    call(turn)
    return time.perf_counter() - started


def _quantile(seconds: list[float], percent: int) -> float:
    return quantiles(seconds, n=100, method="inclusive")[percent - 1]
