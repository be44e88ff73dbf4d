"""A large file of real records through the local cloud with the command line: pushed, counted, pushed again, which must
write nothing, and unpublished, which must take no longer than of a dataset with three records.

    FLIGHTS_CSV=flights.csv.zip python -m tests.bench flights

The file (336,776 departures from New York in 2013, csv, perhaps zipped) is not part of the project.
"""

import csv
import io
import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from infra.local.cloud import LocalCloud, throw_away_cloud
from tests.bench.latency import Caller
from tests.bench.report import Row

FILE = "FLIGHTS_CSV"
UNIQUE_KEY = ("year", "month", "day", "carrier", "flight", "origin", "sched_dep_time")
_DATASETS = "/automation/v1.0/datasets"
_ROUNDS, _MOST_OF_FEW = 5, 2.0
_CLIENT = Path(__file__).parent.parent.parent / "client"


def measure() -> list[Row]:
    """Nothing, and the reason printed, without the file."""
    file = flights_file("The flights are not pushed")
    if file is None:
        return []
    first, keys, records = _looked_through(file)
    with throw_away_cloud() as cloud, tempfile.TemporaryDirectory() as folder:
        dataset_id, push_url = _dataset(cloud, "flights", first)
        before, seconds = _push(file, push_url, Path(folder))
        count = _count(cloud, dataset_id)
        again, seconds_again = _push(file, push_url, Path(folder))
        few = [_unpublished(cloud, _few(cloud, number, first)) for number in range(_ROUNDS)]
        many = _unpublished(cloud, dataset_id)
    return [
        Row(what="flights that are missing", figure=abs(keys - count), bound=0, remark=f"{count:,} of {keys:,} keys"),
        Row(
            what="records pushed, of those in the file",
            figure=sum(before.values()) / records,
            remark=f"{_shown(before)} in {seconds:.0f} s, {records / seconds:,.0f} records a second",
        ),
        Row(
            what="records written when pushed again",
            figure=again["created"] + again["updated"],
            bound=0,
            remark=f"{_shown(again)} in {seconds_again:.0f} s",
        ),
        Row(
            what="unpublished, time / of three records",
            figure=many / median(few),
            bound=_MOST_OF_FEW,
            remark=f"{many * 1000:.0f} ms; {', '.join(f'{seconds * 1000:.0f}' for seconds in few)} ms",
        ),
    ]


def flights_file(unless: str) -> Path | None:
    """The file; None, and what is printed then, when nobody says where it is."""
    if FILE not in os.environ:
        print(f"\n{unless}: say where they are, {FILE}=flights.csv.zip.")
        return None
    return Path(os.environ[FILE]).absolute()


def _looked_through(file: Path) -> tuple[Mapping[str, str], int, int]:
    """The first record, how many different keys there are, and how many records."""
    with opened(file) as lines:
        reader = csv.DictReader(lines)
        first = next(reader)
        keys = [tuple(record[name] for name in UNIQUE_KEY) for record in (first, *reader)]
    return first, len(set(keys)), len(keys)


def opened(file: Path) -> Any:
    """The file as text, out of its archive if it is in one."""
    if file.suffix != ".zip":
        return file.open(newline="")
    archive = zipfile.ZipFile(file)
    return io.TextIOWrapper(archive.open(archive.namelist()[0]), newline="")


def _few(cloud: LocalCloud, number: int, first: Mapping[str, str]) -> str:
    """A dataset with three records."""
    dataset_id, push_url = _dataset(cloud, f"flights-{number}", first)
    records = [{**first, "day": str(day)} for day in (1, 2, 3)]
    Caller(cloud.base_url).call("POST", push_url.partition("/api")[2], records)
    return dataset_id


def _unpublished(cloud: LocalCloud, dataset_id: str) -> float:
    """Seconds until unpublishing was answered."""
    manager = _manager(cloud)
    (found,) = manager.call("GET", f"{_DATASETS}?dataset_id={dataset_id}")["results"]
    started = time.perf_counter()
    manager.call("POST", f"{_DATASETS}/{found['uid']}/unpublish")
    return time.perf_counter() - started


def _manager(cloud: LocalCloud) -> Caller:
    return Caller(cloud.base_url, {"Authorization": f"Apikey {cloud.api_key}"})


def _dataset(cloud: LocalCloud, dataset_id: str, first: Mapping[str, str]) -> tuple[str, str]:
    manager, datasets = _manager(cloud), _DATASETS
    made = manager.call("POST", datasets, {"dataset_id": dataset_id, "metadata": {}})
    params = {"bootstrap": [first], "null_values": ["NA"]}
    realtime = manager.call("POST", f"{datasets}/{made['uid']}/resources", {"type": "realtime", "params": params})
    for name in UNIQUE_KEY:
        field = {"type": "annotate", "annotation": "id", "field": name}
        manager.call("POST", f"{datasets}/{made['uid']}/fields", field)
    manager.call("POST", f"{datasets}/{made['uid']}/publish")
    return dataset_id, realtime["params"]["push_url"]


def _push(file: Path, push_url: str, folder: Path) -> tuple[Mapping[str, int], float]:
    """What the receipts of all batches come to, and the seconds until the last one was there."""
    environment = {**os.environ, "PYTHONPATH": str(_CLIENT), "FRESHWIRE_PUSH_URL": push_url}
    freshwire = [sys.executable, "-m", "freshwire_client"]
    started = time.perf_counter()
    pushed = _output([*freshwire, "push", str(file), "--receipts"], environment, folder)
    seconds = time.perf_counter() - started
    receipts = _output([*freshwire, "batches"], environment, folder, pushed)
    return _sums(json.loads(line) for line in receipts.splitlines()), seconds


def _output(command: Sequence[str], environment: Mapping[str, str], folder: Path, given: str = "") -> str:
    return subprocess.run(
        command, env=environment, cwd=folder, input=given, stdout=subprocess.PIPE, text=True, check=True
    ).stdout


def _sums(receipts: Iterable[Mapping[str, Any]]) -> Mapping[str, int]:
    sums = dict.fromkeys(("created", "updated", "unchanged"), 0)
    for receipt in receipts:
        sums = {name: total + receipt[name] for name, total in sums.items()}
    return sums


def _count(cloud: LocalCloud, dataset_id: str) -> int:
    """How many there are. Of so many, a count may be a minute old: nobody has asked before."""
    listed = Caller(cloud.base_url).call("GET", f"/explore/v2.1/catalog/datasets/{dataset_id}/records?limit=0")
    count: int = listed["total_count"]
    return count


def _shown(sums: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in sums.items())
