"""Many devices push the same keys while workers die: what was acknowledged is there at the end, or what came later."""

import json
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from tests.system.conftest import Product
from tests.system.workers import Workers

CLIENTS, KEYS = 8, 3000
SIZES = (1, 1, 1, 10, 300, 3000)  # of a push, in records; more than a thousand go through the lane
COMES_BACK_AFTER, USUALLY = 5, 330  # seconds until the message of a dead worker is given to another one
AMID_WORK = 0.5  # seconds from when there is something to apply until its worker is killed
PATIENCE = 60.0
READING = {"key": 0, "turn": 0}


@dataclass(frozen=True, kw_only=True)
class Push:
    """One push of `turn` to a run of keys; `acknowledged` is infinite when it was not."""

    turn: int
    keys: range
    sent: float
    acknowledged: float


@dataclass(kw_only=True)
class Load:
    """Clients that push until it is over, and what they pushed."""

    url: str
    over: threading.Event = field(default_factory=threading.Event)
    pushes: list[Push] = field(default_factory=list)
    _turn: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def client(self, number: int) -> None:
        """Push again and again."""
        chance = random.Random(number)
        with httpx.Client(timeout=60) as http:
            while not self.over.is_set():
                size = chance.choice(SIZES)
                first = chance.randrange(KEYS - size + 1)
                self._push(http, range(first, first + size))

    def _push(self, http: httpx.Client, keys: range) -> None:
        with self._lock:
            self._turn += 1
            turn = self._turn
        sent = time.monotonic()
        answer = http.post(self.url, json=[{"key": key, "turn": turn} for key in keys])
        assert answer.status_code in (200, 429, 503), answer.text
        acknowledged = time.monotonic() if answer.status_code == 200 else float("inf")
        self.pushes.append(Push(turn=turn, keys=keys, sent=sent, acknowledged=acknowledged))

    def lost(self, stored: dict[int, int]) -> int:
        """Acknowledged writes of a key that neither stand nor gave way to a push that ended after they were sent."""
        by_turn = {push.turn: push for push in self.pushes}
        lost = 0
        for push in self.pushes:
            if push.acknowledged == float("inf"):
                continue
            for key in push.keys:
                standing = by_turn.get(stored.get(key, 0))
                lost += standing is None or standing.acknowledged < push.sent
        return lost


@pytest.fixture
def workers(product: Product) -> Iterator[Workers]:
    """The workers of the local cloud; afterwards the queue is as it was."""
    if product.environment is None:
        pytest.skip("the workers of a deployment elsewhere are not ours to kill")
    workers = Workers(product.environment)
    yield workers
    workers.come_back_after(USUALLY)


@pytest.mark.parametrize("seconds", [10, pytest.param(60, marks=pytest.mark.long)])
def test_nothing_acknowledged_is_lost_when_workers_are_killed(
    product: Product, workers: Workers, seconds: int, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset_id, url = product.dataset(READING, ("key",))
    lane = lane_of(product, dataset_id)
    load = Load(url=url)
    started = time.monotonic()
    with ThreadPoolExecutor(CLIENTS) as pool:
        clients = [pool.submit(load.client, number) for number in range(CLIENTS)]
        try:
            killed = kill_twice(workers, lane)
            time.sleep(max(0.0, started + seconds - time.monotonic()))
        finally:
            load.over.set()
        for client in clients:
            client.result()
    wait_until(lambda: lane() == 0, "the lane is empty")
    export = product.http.get(f"{product.base_url}/explore/v2.1/catalog/datasets/{dataset_id}/exports/jsonl").text
    records: Sequence[dict[str, Any]] = [json.loads(line) for line in export.splitlines()]
    acknowledged = sum(push.acknowledged < float("inf") for push in load.pushes)
    lost = load.lost({record["key"]: record["turn"] for record in records})
    with capsys.disabled():
        print(
            f"\n{CLIENTS} clients, {time.monotonic() - started:.0f} s until all is applied, {len(load.pushes)} pushes, "
            f"{acknowledged} acknowledged; {killed} workers killed; acknowledged writes lost: {lost}"
        )
    assert killed >= 2, "two at work; one that was idle is killed too, and harms nobody"
    assert (lost, acknowledged > 0) == (0, True)


def kill_twice(workers: Workers, lane: Callable[[], int]) -> int:
    """Kill the worker amid its work, and the one that takes over; how many were killed. The third one may live. One
    that ended before it could be killed does not count: the next one is waited for."""
    killed = times = 0
    while times < 2:
        workers.come_back_after(COMES_BACK_AFTER)
        wait_until(lambda: lane() > 0 and workers.pids(), "a worker has something to apply")
        if times:
            workers.come_back_after(USUALLY)
        time.sleep(AMID_WORK)
        dead = workers.kill()
        killed, times = killed + dead, times + (dead > 0)
    return killed


def lane_of(product: Product, dataset_id: str) -> Callable[[], int]:
    """How many jobs are pending in a dataset's lane."""
    path = product.path_of(dataset_id)

    def pending() -> int:
        jobs: int = product.manage("GET", f"{path}/lane/")["jobs"]
        return jobs

    return pending


def wait_until(holds: Callable[[], object], what: str) -> None:
    give_up = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < give_up, f"waited in vain until {what}"
        time.sleep(0.05)
