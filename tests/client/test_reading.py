"""Files are read as they are written: every record, its text and its line, whatever its form."""

import csv
import gzip
import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freshwire_client.csv_records import read_csv
from freshwire_client.errors import BrokenFile, Misused
from freshwire_client.json_records import read_json, read_json_lines
from freshwire_client.record import Record
from freshwire_client.source_file import Form, opened

CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
TEXT = st.text(CHARACTERS | st.sampled_from('";,\n\r\t\\'), max_size=12)
PLAIN = st.none() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
VALUE = PLAIN | st.lists(PLAIN, max_size=2) | st.dictionaries(TEXT, PLAIN, max_size=2)
OBJECTS = st.lists(st.dictionaries(TEXT, VALUE, max_size=3), max_size=5)
TABLES = st.lists(st.lists(TEXT, min_size=3, max_size=3), max_size=8)


class Trickle(io.StringIO):
    """A text that comes a few characters at a time."""

    def __init__(self, text: str, most: int) -> None:
        super().__init__(text, newline="\n")
        self._most = most

    def read(self, size: int | None = -1) -> str:
        return super().read(min(self._most, size) if size and size > 0 else self._most)


def read(content: bytes, tmp_path: Path, name: str, form: Form | None = None) -> list[Record]:
    path = tmp_path / name
    path.write_bytes(content)
    with opened(str(path), form or Form(), io.BytesIO()) as source:
        return list(source.records)


@given(OBJECTS, st.sampled_from([None, 0, 2, "\t"]), st.booleans(), st.integers(1, 9))
def test_an_array_gives_the_text_of_every_object_and_its_line(
    objects: list[Any], indent: int | str | None, ascii_only: bool, most: int
) -> None:
    text = f" \n{json.dumps(objects, indent=indent, ensure_ascii=ascii_only)}\r\n "
    records = list(read_json(Trickle(text, most)))
    assert [json.loads(record.text) for record in records] == objects
    assert [record.number for record in records] == list(range(1, len(objects) + 1))
    lines = text.split("\n")
    for record in records:
        assert record.text in text
        assert record.text.split("\n", maxsplit=1)[0] in lines[record.line - 1]


@given(OBJECTS, st.sampled_from(["\n", "\r\n", "\n\n"]))
def test_json_lines_give_the_text_of_every_line_and_its_number(objects: list[Any], end: str) -> None:
    texts = [json.dumps(value, ensure_ascii=False) for value in objects]
    records = list(read_json_lines(io.StringIO(end.join(texts), newline="\n")))
    assert [record.text for record in records] == texts
    assert [record.line for record in records] == [1 + i * end.count("\n") for i in range(len(texts))]


@given(TABLES, st.sampled_from(",;\t|"), st.sampled_from(["\n", "\r\n"]))
def test_csv_gives_every_cell_as_text_and_the_line_it_begins_at(
    rows: list[list[str]], delimiter: str, end: str
) -> None:
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerow(["a", "b", "c"])
    begins = []
    for row in rows:
        begins.append(1 + sum(1 for _ in io.StringIO(file.getvalue(), newline="")))
        writer.writerow(row)
    file.seek(0)
    records = list(read_csv(file, None))
    expected = [dict(zip("abc", (cell or None for cell in row), strict=True)) for row in rows]
    assert [json.loads(record.text) for record in records] == expected
    assert [record.line for record in records] == begins


def test_numbers_and_doubled_names_are_left_to_the_service() -> None:
    text = '{"a": 1.10, "a": 12345678901234567890.123, "b": 1e400}'
    assert [record.text for record in read_json(io.StringIO(f"[{text}]"))] == [text]
    assert [record.text for record in read_json_lines(io.StringIO(text))] == [text]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ('{"a": 1}\n[1]\n', 2, "'[' begins none"),
        ('{"a": 1}\n\n{"a"}', 3, "at character 5"),
        ('{"a": 1} {"a": 2}', 1, "there is more after the object, at character 9"),
        ('{"a": NaN}', 1, "NaN is no number in JSON: use null"),
        ('{"a": "\\uD800"}', 1, "half a surrogate pair"),
        (f'{{"a": {"[" * 100_000}', 1, "nested far too deep"),
    ],
)
def test_a_broken_line_is_named(text: str, line: int, said: str) -> None:
    with pytest.raises(BrokenFile, match="Mend it there") as broken:
        list(read_json_lines(io.StringIO(text, newline="\n")))
    assert str(broken.value).startswith(f"Line {line}: ")
    assert said in str(broken.value)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("", 1, "not JSON: Expecting value"),
        ("7", 1, "'7' begins none"),
        ('[\n{"a": 1},\n7]', 3, "'7' begins none"),
        ('[{"a": 1},\n]', 2, "']' begins none"),
        ('[{"a": 1}\n{"a": 2}]', 2, "'{' stands where ',' is expected"),
        ('[{"a": 1}', 1, "the end of the file stands where ',' is expected"),
        ('[{"a": 1},', 1, "is not JSON: Expecting value"),
        ('[\n\n{"a": "b', 3, "the record that begins there is not JSON: Unterminated string"),
        ('{"a": 1}\n{"a": 2}', 2, "is --format jsonl"),
        ('[{"a": -Infinity}]', 1, "-Infinity is no number"),
    ],
)
def test_a_broken_json_file_is_told_with_the_line(text: str, line: int, said: str) -> None:
    with pytest.raises(BrokenFile) as broken:
        list(read_json(Trickle(text, 2)))
    assert str(broken.value).startswith(f"Line {line}: ")
    assert said in str(broken.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no header"),
        (",,\n1,2,3\n", "has no header"),
        ("a,,c\n", "must name every field, each once: it has a, , c"),
        ("a,b,a\n", "must name every field"),
        ("a,b\n1,2\n1,2,3\n", "Line 3 has 3 cells, the header has 2"),
        ('a,b\n1,2\n"1,2\n3,4\n', "Line 3 is not CSV: a quote is opened and never closed"),
        ('a,b\n1,"2"3\n', "Line 2 is not CSV: "),
    ],
)
def test_broken_csv_is_told_with_the_line(text: str, said: str) -> None:
    with pytest.raises(BrokenFile) as broken:
        list(read_csv(io.StringIO(text, newline=""), None))
    assert said in str(broken.value)


def test_short_rows_and_empty_cells_beyond_the_header_are_fine() -> None:
    rows = read_csv(io.StringIO("a, b ,,\n\n1\n1,2,,\n", newline=""), None)
    assert [(record.text, record.line) for record in rows] == [('{"a":"1"}', 3), ('{"a":"1","b":"2"}', 4)]


def test_the_delimiter_is_the_one_of_the_header_unless_it_is_said() -> None:
    assert [r.text for r in read_csv(io.StringIO('"a,b";c\n1,5;2\n'), None)] == ['{"a,b":"1,5","c":"2"}']
    assert [r.text for r in read_csv(io.StringIO("a;b:c\n1;2:3\n"), ":")] == ['{"a;b":"1;2","c":"3"}']


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path) -> None:
    assert read("\ufeffa\n1\n".encode(), tmp_path, "a.csv")[0].text == '{"a":"1"}'
    assert read('\ufeff{"a": 1}'.encode(), tmp_path, "a.json")[0].text == '{"a": 1}'


def test_text_in_another_encoding_is_read_when_it_is_said(tmp_path: Path) -> None:
    content = "nom\nété\n".encode("cp1252")
    assert read(content, tmp_path, "a.csv", Form(encoding="cp1252"))[0].text == '{"nom":"été"}'
    with pytest.raises(BrokenFile, match=r"After record 0 the file is not utf-8 .*--encoding cp1252"):
        read(content, tmp_path, "a.csv")
    with pytest.raises(BrokenFile, match="is not utf-16"):
        read(content, tmp_path, "a.csv", Form(encoding="utf-16"))


def test_a_file_that_cannot_be_unpacked_is_told(tmp_path: Path) -> None:
    packed = gzip.compress(b'{"a": 1}\n' * 10_000)
    for broken in (packed[:-20], packed[:-8] + b"\0" * 8):
        with pytest.raises(BrokenFile, match="cannot be read"):
            read(broken, tmp_path, "a.jsonl.gz")
    for archive, said in (
        (a_zip({"a.csv": "a", "b.csv": "b"}), "holds 2 files"),
        (b"PK\x03\x04no", "cannot be unpacked"),
        (a_zip({"a": "a"}).replace(b"a", b"\0"), "cannot be unpacked"),
    ):
        with pytest.raises(BrokenFile, match=said):
            read(archive, tmp_path, "a.zip")
    with pytest.raises(Misused, match="standard input"), opened("-", Form(), a_stream(a_zip({"a.csv": "a"}))):
        pass


def test_what_lies_beside_the_file_of_an_archive_is_passed_over(tmp_path: Path) -> None:
    archive = a_zip({"folder/": "", "folder/a.JSONL": '{"a": 1}', "__MACOSX/folder/._a.JSONL": "x"})
    assert [record.text for record in read(archive, tmp_path, "any.zip")] == ['{"a": 1}']


def a_zip(files: Mapping[str, str]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return made.getvalue()


def a_stream(content: bytes) -> io.BufferedReader:
    return io.BufferedReader(io.BytesIO(content))
