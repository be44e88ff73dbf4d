"""How long a dataset that is pushed to all the time keeps its pushes in the lane after a large one, on the local cloud.

One push of 110,000 records, then 50 pushes of one record a second: they queue behind it, until one is written within
its request again.
"""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from infra.local.cloud import LocalCloud, throw_away_cloud
from tests.bench.latency import Caller
from tests.bench.report import Row

RECORDS, A_SECOND, DEVICES = 110_000, 50, 10
PATIENCE = 300.0  # seconds
READING = {"station": "s000000", "temp": 21.5, "hum": 4}


@dataclass(kw_only=True)
class _Devices:
    """Devices that take turns, and what their pushes were answered."""

    base_url: str
    path: str
    started: float
    over: threading.Event = field(default_factory=threading.Event)
    queued: int = 0
    unanswered: int = 0
    """Pushes that the cloud, busy with the large one, did not answer in time, or asked to send again."""
    left: float | None = None
    """Seconds until a push was written at once."""

    def run(self, device: int) -> None:
        """Push one record after the other, at this device's share of the pace."""
        caller = Caller(self.base_url, {"Prefer": "return=representation"})
        due = self.started + device / A_SECOND
        while not self.over.is_set() and due < self.started + PATIENCE:
            time.sleep(max(0.0, due - time.perf_counter()))
            due += DEVICES / A_SECOND
            try:
                state = caller.call("POST", self.path, {**READING, "station": f"device-{device}"})["state"]
            except RuntimeError:
                self.unanswered += 1
                continue
            if state == "queued":
                self.queued += 1
            elif not self.over.is_set():
                self.left = time.perf_counter() - self.started
                self.over.set()


def measure() -> list[Row]:
    """One large push."""
    with throw_away_cloud() as cloud:
        path = _push_path(cloud)
        records = [{**READING, "station": f"s{number:06d}"} for number in range(RECORDS)]
        Caller(cloud.base_url).call("POST", path, records)
        devices = _Devices(base_url=cloud.base_url, path=path, started=time.perf_counter())
        with ThreadPoolExecutor(DEVICES) as pool:
            list(pool.map(devices.run, range(DEVICES)))
    return _rows(devices)


def _rows(devices: _Devices) -> list[Row]:
    if devices.left is None:
        return [Row(what="seconds until it is out of the lane", figure=PATIENCE, bound=0, remark="it is still in it")]
    pace = devices.queued / devices.left
    remark = f"{devices.queued} pushes were queued meanwhile, {pace:.0f} a second; {devices.unanswered} not answered"
    return [Row(what="seconds until it is out of the lane", figure=devices.left, remark=remark)]


def _push_path(cloud: LocalCloud) -> str:
    manager = Caller(cloud.base_url, {"Authorization": f"Apikey {cloud.api_key}"})
    datasets = "/automation/v1.0/datasets"
    dataset = f"{datasets}/{manager.call('POST', datasets, {'metadata': {}})['uid']}"
    realtime = manager.call("POST", f"{dataset}/resources", {"type": "realtime", "params": {"bootstrap": READING}})
    manager.call("POST", f"{dataset}/fields", {"type": "annotate", "annotation": "id", "field": "station"})
    manager.call("POST", f"{dataset}/publish")
    path: str = realtime["params"]["push_url"].partition("/api")[2]
    return path
