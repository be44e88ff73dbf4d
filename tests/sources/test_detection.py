"""What a file is taken for, from its first bytes and its name."""

import gzip
import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.sources.formats.broken import BrokenFile
from chalicelib.sources.formats.detection import detect
from tests.sources.files import Unrewindable, cell, sheet_xml, values, workbook, zipped

HEADED = {"headers_first_row": True}
BOOK = workbook(sheet_xml(f'<row r="1">{cell("A1", "a", kind="str")}</row><row r="2">{cell("A2", 1)}</row>'))
FEATURES = b'{"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": null, "properties": {"a": 1}}]}'


TABLE, STORED = b"a;b\n1;2\n", zipfile.ZIP_STORED


def streamed(content: bytes) -> bytes:
    """A zip written to a pipe, in which the size of its file stands after the file."""
    with zipfile.ZipFile(file := Unrewindable(), "w", STORED) as archive:
        archive.writestr("inner.csv", content)
    return file.getvalue()


def of_any_size(content: bytes) -> bytes:
    """A zip that leaves room for a size over 4 GB, which stands elsewhere."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive, archive.open("inner.csv", "w", force_zip64=True) as member:
        member.write(content)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "name", "kind", "params", "first"),
    [
        (b"a;b\n1;2\n", "x.csv", "csvfile", {"separator": ";", **HEADED}, {"a": "1", "b": "2"}),
        ("é\tb\n1\t2\n".encode("cp1252"), "x", "csvfile",
         {"encoding": "cp1252", "separator": "\t", **HEADED}, {"é": "1", "b": "2"}),
        ("a,é\n1,2\n".encode("utf-16"), "x", "csvfile",
         {"encoding": "utf-16", "separator": ",", **HEADED}, {"a": "1", "é": "2"}),
        (b"x|1\ny|2\n", "x.txt", "csvfile",
         {"separator": "|", "headers_first_row": False}, {"column_1": "x", "column_2": "1"}),
        (b"sep=|\nx|1\ny|2\n", "x.csv", "csvfile",
         {"separator": "|", "headers_first_row": False}, {"column_1": "x", "column_2": "1"}),
        (b"[id],b\n1,2\n", "x.csv", "csvfile", {"separator": ",", **HEADED}, {"[id]": "1", "b": "2"}),
        (b'[{"a": 1}]', "x", "jsonfile", {}, {"a": 1}),
        (b'\xef\xbb\xbf\n{"a": 1}', "x.json", "jsonfile", {"encoding": "utf-8"}, {"a": 1}),
        (b'{"status": {"n": 1}, "tags": [], "data": {"items": [{"a": 1}]}}', "x", "jsonfile",
         {"json_root": "data.items"}, {"a": 1}),
        (b'{"a": 1}\n{"a": 2}\n', "x", "jsonl", {}, {"a": 1}),
        (b'{"a": 1}\n', "x.ndjson", "jsonl", {}, {"a": 1}),
        (FEATURES, "x.json", "geojson", {}, {"a": 1, "geo_shape": None}),
        (BOOK, "x.bin", "xlsx", {}, {"a": 1}),
        (gzip.compress(b'{"a": 1}\n{"a": 2}', mtime=0), "x.gz", "jsonl", {}, {"a": 1}),
        (gzip.compress(b'{"a": 1}', mtime=0), "x.jsonl.gz", "jsonl", {}, {"a": 1}),
        (gzip.compress(BOOK, mtime=0), "x.xlsx.gz", "xlsx", {}, {"a": 1}),
        (zipped({"inner.jsonl": b'{"a": 1}'}), "x.zip", "jsonl", {}, {"a": 1}),
        (zipped({"inner.csv": b"a;b\n1;2\n"}), "x", "csvfile",
         {"separator": ";", **HEADED}, {"a": "1", "b": "2"}),
        *((content, "x.zip", "csvfile", {"separator": ";", **HEADED}, {"a": "1", "b": "2"}) for content in (
            zipped({"inner.csv": TABLE}, STORED), streamed(TABLE), of_any_size(TABLE),
            zipped({"data/": b"", "data/inner.csv": TABLE}, STORED),
            zipped({"__MACOSX/._inner.csv": b"PK\x03\x04\0", "inner.csv": TABLE}, STORED),
        )),
        (zipped({"inner.xlsx": BOOK}, STORED), "x.zip", "xlsx", {}, {"a": 1}),
        (workbook(sheet_xml(f'<row r="1">{cell("A1", "a", kind="str")}</row><row r="2">{cell("A2", 1)}</row>'),
                  method=STORED), "x", "xlsx", {}, {"a": 1}),
    ],
)  # fmt: skip
def test_a_whole_file_is_recognised_and_shown(
    content: bytes, name: str, kind: str, params: dict[str, Any], first: dict[str, Any]
) -> None:
    guess = detect(content, name, is_whole=True)
    assert (guess.kind, guess.params, guess.problem) == (kind, params, None)
    assert guess.records[0].values == first
    assert guess.records[0].values == values(content, kind, **guess.params)[0]


LONG: dict[str, bytes] = {
    "csvfile": b"a;b\n" + b"".join(b"%d;%d\n" % (i, i * 7919) for i in range(50_000)),
    "jsonfile": json.dumps([{"a": i, "b": i * 7919} for i in range(50_000)]).encode(),
    "jsonl": b"".join(b'{"a":%d,"b":%d}\n' % (i, i * 7919) for i in range(50_000)),
    "geojson": json.dumps(
        {
            "type": "FeatureCollection",
            "features": [{"type": "Feature", "geometry": None, "properties": {"a": i}} for i in range(9999)],
        }
    ).encode(),
}  # fmt: skip


@pytest.mark.parametrize("kind", LONG)
def test_the_first_twenty_records_are_shown_of_the_beginning_of_a_file(kind: str) -> None:
    expected = values(LONG[kind], kind)[:20]
    whole = LONG[kind]
    for content in (whole, gzip.compress(whole, mtime=0), zipped({"x": whole}), zipped({"x": whole}, STORED)):
        guess = detect(content[: 64 * 1024], "x")
        assert (guess.kind, guess.problem) == (kind, None)
        assert [record.values for record in guess.records] == expected


@pytest.mark.parametrize("zip_of", [lambda table: zipped({"a.csv": table, ".DS_Store": bytes(999)}, STORED), streamed])
def test_what_follows_a_file_in_the_beginning_of_a_zip_is_not_taken_for_its_records(
    zip_of: Callable[[bytes], bytes],
) -> None:
    table = b"a;b\n" + b"1;2\n" * 5
    guess = detect(zip_of(table)[:-4], "x.zip")
    assert (guess.kind, guess.params["separator"], guess.problem) == ("csvfile", ";", None)
    assert [record.values for record in guess.records] == [{"a": "1", "b": "2"}] * 4  # the last may be cut off


@pytest.mark.parametrize("kind", LONG)
@pytest.mark.parametrize("length", [200, 201, 202, 203, 204, 205, 206, 207, 208])
def test_a_record_that_the_beginning_cuts_off_is_not_shown(kind: str, length: int) -> None:
    guess = detect(LONG[kind][:length], "x")
    expected = [record for record in values(LONG[kind], kind)[:20]]
    shown = [record.values for record in guess.records]
    assert shown
    assert shown == expected[: len(shown)]


def test_the_beginning_of_a_workbook_is_recognised_without_preview() -> None:
    guess = detect(BOOK[:300], "x")
    assert (guess.kind, guess.records, guess.problem) == ("xlsx", [], None)


def test_what_settles_nothing_is_left_open() -> None:
    assert "encoding" not in detect(b"a;b\n" * 20_000, "x.csv").params


def test_the_preview_says_what_the_reading_came_to() -> None:
    guess = detect(b"a;b\n1;2\n1;2;3\n", "x.csv", is_whole=True)
    assert [record.place for record in guess.records] == ["line 2"]
    assert "line 3 has 3 cells" in str(guess.problem)
    guess = detect(zipped({"a.csv": b"a;b\n", "b.csv": b""}), "x.zip", is_whole=True)
    assert "the zip holds 2 files" in str(guess.problem)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "the file is empty"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old Office file"),
        (b"\n<!DOCTYPE html><html>", "a web page"),
        (b"\xef\xbb\xbf<?xml version='1.0'?><a/>", "XML: save it as CSV, JSON or xlsx"),
        (b"%PDF-1.7", "a PDF"),
        (b"PAR1\x15\x04", "a Parquet file"),
        (b"\x7fELF\x02\x01\x01\0\0\0", "no text"),
        (gzip.compress(b"<html>", mtime=0), "a web page"),
    ],
)
def test_what_cannot_be_a_source_is_refused(content: bytes, says: str) -> None:
    with pytest.raises(BrokenFile, match=says):
        detect(content, "x.csv")


@given(content=st.binary(max_size=80), name=st.text(max_size=8), is_whole=st.booleans())
def test_any_bytes_are_guessed_or_refused(content: bytes, name: str, is_whole: bool) -> None:
    for head in (b"", b"PK\x03\x04", b"\x1f\x8b\x08\x00", b"{", b"["):
        try:
            detect(head + content, name, is_whole=is_whole)
        except BrokenFile as broken:
            assert str(broken)
