"""A file of any size takes the memory of a batch."""

import gzip
import io
import tracemalloc
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from freshwire_client.batches import Limits
from freshwire_client.console import Console
from freshwire_client.file_transfer import Plan, transfer_file
from freshwire_client.retries import Clock
from freshwire_client.source_file import Form

RECORDS = 5_000
CELL = "x" * 2000
LINES = {
    "big.csv": ("isbn,title\n", f"%d,{CELL}\n", ""),
    "big.jsonl": ("", f'{{"isbn": %d, "title": "{CELL}"}}\n', ""),
    "big.json": ('[{"isbn": -1}', f',{{"isbn": %d, "title": "{CELL}"}}', "]"),
}


def pieces(name: str) -> Iterator[bytes]:
    head, line, end = LINES[name]
    yield head.encode()
    for number in range(RECORDS):
        yield (line % number).encode()
    yield end.encode()


@pytest.mark.parametrize("name", [*LINES, "big.jsonl.gz"])
def test_a_big_file_takes_no_more_memory_than_a_few_batches(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with gzip.open(path, "wb", compresslevel=1) if name.endswith(".gz") else path.open("wb") as file:
        file.writelines(pieces(name.removesuffix(".gz")))
    sent = 0

    def send(body: bytes) -> Mapping[str, Any]:
        nonlocal sent
        sent += body.count(b'"isbn"')
        return {"status": "OK"}

    plan = Plan(name=str(path), form=Form(), limits=Limits(records=100), target="anywhere")
    tracemalloc.start()
    try:
        transfer_file(plan, send, stdin=io.BytesIO(), console=Console(io.StringIO(), io.StringIO()), clock=Clock())
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sent in (RECORDS, RECORDS + 1)
    assert most < 2_000_000  # of more than 10,000,000 in the file
