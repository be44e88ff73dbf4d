"""The command line against the deployed product."""

import json
import os
import subprocess
import sys
import zipfile
from itertools import islice
from pathlib import Path

from tests.system.conftest import Product

ROOT = Path(__file__).parent.parent.parent
FEED = ROOT / "infra" / "demo" / "weather.csv"
READINGS = 2000
TYPES = {"temp": "double", "time_hour": "datetime"}


def freshwire(url: str, *arguments: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "client"), "FRESHWIRE_PUSH_URL": url}
    command = [sys.executable, "-m", "freshwire_client", *arguments]
    return subprocess.run(command, env=environment, input=stdin, capture_output=True, text=True, check=False)


def test_a_file_is_pushed_followed_and_deleted_again(product: Product, tmp_path: Path) -> None:
    with FEED.open() as feed:
        lines = list(islice(feed, READINGS + 1))
    packed = tmp_path / "weather.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("weather.csv", "".join(lines))
    names = lines[0].strip().split(",")
    bootstrap = dict(zip(names, lines[1].strip().split(","), strict=True))
    dataset_id, url = product.dataset(bootstrap, ("origin", "time_hour"), TYPES, null_values=["NA"])

    pushed = freshwire(url, "push", str(packed), "--receipts", "--gzip")
    assert pushed.returncode == 0, pushed.stderr
    assert f"{READINGS:,} created" in pushed.stderr
    assert f"{READINGS:,} unchanged" in freshwire(url, "push", str(packed), "--receipts").stderr
    receipts = [json.loads(line) for line in freshwire(url, "batches", stdin=pushed.stdout).stdout.splitlines()]
    assert [receipt["created"] for receipt in receipts] == [1000, 1000]

    one = {"origin": "JFK", "time_hour": "2030-01-01T00:00:00+00:00", "temp": 41.5}
    assert freshwire(url, "push", "-", "--format", "json", stdin=json.dumps(one)).returncode == 0
    (shown,) = freshwire(url, "tail", "--once", "-n", "1").stdout.splitlines()
    record = json.loads(shown)
    assert {name: record[name] for name in one} == one

    assert freshwire(url, "delete", "--id", record["_id"]).returncode == 0
    assert product.count(dataset_id) == READINGS
    deleted = freshwire(url, "delete", str(packed), "--receipts")
    assert (deleted.returncode, product.count(dataset_id)) == (0, 0), deleted.stderr


def test_what_is_refused_is_told_by_the_line_of_the_file(product: Product, tmp_path: Path) -> None:
    books = tmp_path / "books.csv"
    books.write_text("isbn;loans\n" + "".join(f"{n};{'many' if n in (5, 8) else n}\n" for n in range(10)))
    dataset_id, url = product.dataset({"isbn": "1", "loans": 1}, ("isbn",))
    refused = freshwire(url, "push", str(books), "--batch-size", "4")
    assert (refused.returncode, product.count(dataset_id)) == (1, 4)
    assert "  line 7 (record 6), loans: " in refused.stderr
    lenient = freshwire(url, "push", str(books), "--resume", "--lenient")
    assert (lenient.returncode, product.count(dataset_id)) == (0, 8)
    assert "Going on after 4 records." in lenient.stderr
    assert "Rejected: line 10 (record 9), loans: " in lenient.stderr
    assert "4 created, 2 rejected." in lenient.stderr
    shown = freshwire(url, "tail", "--once", "-n", "4").stdout.splitlines()
    assert {json.loads(line)["isbn"] for line in shown} == {"4", "6", "7", "9"}


def test_records_of_the_largest_batches_fit_through_the_gateway(product: Product, tmp_path: Path) -> None:
    """Quotes and line ends count double on the way: bodies of such records are cut smaller."""
    file = tmp_path / "quotes.jsonl"
    quoted = json.dumps('"\n' * 45_000)
    file.write_text("".join(f'{{"n": {n}, "text": {quoted}}}\n' for n in range(40)))
    dataset_id, url = product.dataset({"n": 0, "text": "t"}, ("n",))
    pushed = freshwire(url, "push", str(file))
    assert pushed.returncode == 0, pushed.stderr
    assert "halving" not in pushed.stderr
    assert product.comes_to(dataset_id, 40)
