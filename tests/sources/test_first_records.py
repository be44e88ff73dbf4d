"""Of the first records of a file no more are read than memory and time take, whatever the file is made of."""

import gzip
import io
import json
from typing import Any

import pytest

from chalicelib.sources.formats.broken import TooSlow
from chalicelib.sources.formats.detection import read_head
from chalicelib.sources.formats.limits import CHUNK
from chalicelib.sources.formats.opening import first_records, open_records
from chalicelib.sources.formats.portion import PORTION_CHARACTERS
from tests.sources.files import sheet_xml, workbook

LONG = 400_000  # characters
FEW = PORTION_CHARACTERS // LONG
TEXT = "x" * LONG
EMPTY = [[]] * (LONG // 3)
HOLLOW: dict[str, tuple[str, dict[str, Any], bytes]] = {  # kind, params, and megabytes in which no record ends
    "blank lines": ("csvfile", {}, b"a;b\n" + b"\n" * 2_000_000),
    "blank lines in a gz": ("csvfile", {}, gzip.compress(b"a;b\n" + b"\n" * 2_000_000)),
    "blank lines for JSON": ("jsonl", {}, b"\n" * 2_000_000),
    "JSON beside the root": ("jsonfile", {"json_root": "b"}, b'{"a": [' + b"1," * 1_000_000 + b'1], "b": [{"c": 1}]}'),
    "empty parts of a gz": ("csvfile", {}, gzip.compress(b"", mtime=0) * 100_000 + gzip.compress(b"a;b\n1;2\n")),
    "empty rows": ("xlsx", {}, workbook(sheet_xml("<row/>" * 400_000))),
    "texts of a workbook": ("xlsx", {}, workbook(sheet_xml(""), strings="<sst>" + "<si/>" * 400_000 + "</sst>")),
}


def never() -> bool:
    return False


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("jsonl", "\n".join([json.dumps({"a": TEXT})] * 60)),
        ("jsonl", "\n".join([json.dumps({"a": EMPTY}, separators=(",", ":"))] * 60)),
        ("jsonfile", json.dumps([{"a": {"b": TEXT}}] * 60)),
        ("csvfile", "a\n" + f"{TEXT}\n" * 60),
    ],
    ids=["texts", "arrays", "nested texts", "cells"],
)
def test_of_large_records_no_more_are_kept_than_memory_takes_easily(kind: str, content: str) -> None:
    found, problem = read_head(gzip.compress(content.encode()), kind, {}, most=1000, is_whole=True, is_late=never)
    assert (problem, FEW - 1 <= len(found) <= FEW + 1) == (None, True)


@pytest.mark.parametrize("name", HOLLOW)
def test_time_is_looked_at_while_no_record_ends(name: str) -> None:
    kind, params, content = HOLLOW[name]
    asked = [0]

    def check() -> None:
        asked[0] += 1

    list(open_records(io.BytesIO(content), kind, params, check=check))
    assert asked[0] >= 2_000_000 // CHUNK


def test_what_was_read_in_the_time_is_given() -> None:
    moments = iter([False] * 12)
    found = list(
        first_records(
            io.BytesIO(b"a;b\n1;2\n" + b"\n" * 2_000_000),
            "csvfile",
            {},
            most=1000,
            is_late=lambda: next(moments, True),
        )
    )
    assert [record.values for record in found] == [{"a": "1", "b": "2"}]


@pytest.mark.parametrize("name", HOLLOW)
def test_a_file_that_gives_no_record_in_the_time_says_so(name: str) -> None:
    kind, params, content = HOLLOW[name]
    moments = iter([False] * 12)

    def is_late() -> bool:
        return next(moments, True)

    with pytest.raises(TooSlow, match="takes too long"):
        list(first_records(io.BytesIO(content), kind, params, most=1000, is_late=is_late))
