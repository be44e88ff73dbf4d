"""CSV files: every form, every refusal with its line."""

import csv
import io
from encodings.aliases import aliases
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.sources.formats.broken import BrokenFile, TooLarge
from chalicelib.sources.formats.limits import MAX_CELL, MAX_COLUMNS
from chalicelib.sources.formats.opening import open_records
from chalicelib.sources.formats.tabular_guess import has_header, likely_separator
from chalicelib.sources.formats.text import decoded
from tests.sources.files import Dripping, read, values

WEATHER = Path(__file__).parent.parent.parent / "infra" / "demo" / "weather.csv"
EXPECTED = [{"isbn": "1", "título": "Émma"}, {"isbn": "2", "título": "Ça"}]
TEXT = "isbn;título\n1;Émma\n2;Ça\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
def test_the_encoding_need_not_be_told(encoding: str) -> None:
    assert values(TEXT.encode(encoding), "csvfile") == EXPECTED


@pytest.mark.parametrize("encoding", ["UTF-8", "utf_16_le", "latin-1", "iso-8859-15", "mac_roman", "windows-1252"])
def test_the_encoding_can_be_told(encoding: str) -> None:
    assert values(TEXT.encode(encoding), "csvfile", encoding=encoding) == EXPECTED


def test_a_mark_is_no_part_of_the_header_even_when_the_encoding_is_told() -> None:
    assert values(TEXT.encode("utf-8-sig"), "csvfile", encoding="utf-8") == EXPECTED
    assert values(b"\xff\xfe" + TEXT.encode("utf-16-le"), "csvfile", encoding="utf-16-le") == EXPECTED


@pytest.mark.parametrize("before", [0, 1, 65_533, 65_535, 65_536, 70_000, 200_000])
@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_the_encoding_is_settled_by_the_first_character_that_tells_wherever_it_comes(
    before: int, encoding: str
) -> None:
    content = f"a;b\n{'x' * before};é\n2;ü".encode(encoding)
    assert [record["b"] for record in values(content, "csvfile")] == ["é", "ü"]


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-16", "utf-8-sig"])
def test_it_does_not_matter_in_what_pieces_a_file_comes(encoding: str) -> None:
    content = ("a;b\n" + '1;"é\r\nü"\r\n' * 50).encode(encoding)
    whole = read(content, "csvfile")
    for size in (1, 2, 3, 5):
        assert list(open_records(Dripping(content, size), "csvfile", {})) == whole
    assert whole[1].place == "line 4"


def test_one_damaged_character_does_not_make_utf8_another_encoding() -> None:
    with pytest.raises(BrokenFile, match=r"line 3 is not utf-8 \(byte ff\)"):
        read("a;b\né;ü\n".encode() + b"\xff;x\n", "csvfile")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a,b\n1,2\n", {"a": "1", "b": "2"}),
        ("a;b\n1,5;2\n", {"a": "1,5", "b": "2"}),
        ("a\tb\n1\t2\n", {"a": "1", "b": "2"}),
        ("a|b\n1|2", {"a": "1", "b": "2"}),
        ("a;b\r\n1;2\r\n", {"a": "1", "b": "2"}),
        ("a;b\r1;2\r", {"a": "1", "b": "2"}),
        ("a;b\n\n\r\n1;2\n\n", {"a": "1", "b": "2"}),
        ('"name, first";age\nDoe;3\n', {"name, first": "Doe", "age": "3"}),
        ('a,b\n"x ""y""\nz",2\n', {"a": 'x "y"\nz', "b": "2"}),
        ("only\n1\n", {"only": "1"}),
        ("a;b;\n1;2;\n", {"a": "1", "b": "2", "column_3": ""}),
        ("a;b\n1;2;;\n", {"a": "1", "b": "2"}),
        ("a;b\n1\n", {"a": "1"}),
        ("date;temp, C\n2024-01-01;1,5\n", {"date": "2024-01-01", "temp, C": "1,5"}),
        ("lat, lon\ttitle\n48.8, 2.3\tParis\n", {"lat, lon": "48.8, 2.3", "title": "Paris"}),
        ("sep=;\na;b,c\n1;2\n", {"a": "1", "b,c": "2"}),
        ('"sep=\t"\r\na\tb\r\n1\t2\r\n', {"a": "1", "b": "2"}),
        ("a;b\n1;2\n  \t \n", {"a": "1", "b": "2"}),
        ("a;b\r\n1;2\r\n\x1a", {"a": "1", "b": "2"}),
        ("only\r\n1\r\n\x1a", {"only": "1"}),
        ("only\n  \n", {"only": "  "}),
        ("a;b\n1;x\x85y\u2028z\x0b\n", {"a": "1", "b": "x\x85y\u2028z\x0b"}),
    ],
)
def test_a_file_of_every_form_is_read(text: str, expected: dict[str, str]) -> None:
    assert values(text.encode(), "csvfile") == [expected]


def test_lines_are_counted_whatever_they_end_with() -> None:
    found = read(b'a;b\n1;2\r\n\n"3\r\n4";5\r6;7\n', "csvfile")
    assert [record.number for record in found] == [2, 4, 6]
    assert [record.number for record in read(b"sep=;\na;b\n1;2\n", "csvfile")] == [3]


@pytest.mark.parametrize(
    ("params", "text", "expected"),
    [
        ({"separator": ";"}, "sep=;\na;b\n1;2\n", {"a": "1", "b": "2"}),
        ({"separator": ","}, "sep=;\na;b,c\n1;2,3\n", {"a;b": "1;2", "c": "3"}),
        ({"first_row_no": 3}, "made today\n\na;b\n1;2\n", {"a": "1", "b": "2"}),
        ({"headers_first_row": False}, "a;b\n", {"column_1": "a", "column_2": "b"}),
        ({"headers_first_row": True}, "1;2\n3;4\n", {"1": "3", "2": "4"}),
        ({"separator": ":"}, "a:b\n1:2\n", {"a": "1", "b": "2"}),
        ({"separator": "é"}, "aéb\n1é2\n", {"a": "1", "b": "2"}),
        ({"doublequote": False}, 'a;b\n"x\\"y";2\n', {"a": 'x"y', "b": "2"}),
    ],
)
def test_what_is_set_is_not_guessed(params: dict[str, Any], text: str, expected: dict[str, str]) -> None:
    assert values(text.encode(), "csvfile", **params) == [expected]


def test_a_table_of_numbers_without_header_loses_no_record() -> None:
    assert values(b"EWR,1,39.02\nJFK,2,NA\nLGA,3,40.1\n", "csvfile")[0] == {
        "column_1": "EWR",
        "column_2": "1",
        "column_3": "39.02",
    }


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([["a", "b"], ["1", "2"]], True),
        ([["a", "b"], ["x", "y"]], True),
        ([["a", "b"]], True),
        ([["1", "2"]], True),
        ([["region", "2013", "2014"], ["x", "1", "2"]], True),
        ([["x", "1"], ["y", "2"], ["z", "NA"]], False),
        ([["2013-01-01", "x"], ["2013-01-02", "y"]], False),
        ([["id", "1"], ["7", "2"]], True),
        ([], True),
    ],
)
def test_a_first_row_is_a_header_unless_it_has_numbers_where_the_others_have(
    rows: list[list[str]], expected: bool
) -> None:
    assert has_header(rows) is expected


def test_the_separator_is_the_one_that_fits_most_lines() -> None:
    assert likely_separator(["a,x;b\n", "1,5;2\n", "1;2\n", "3;4\n"]) == ";"
    assert likely_separator(["a;b\n", '"x\n', 'y;z";2\n']) == ";"
    assert likely_separator([]) == ","


@pytest.mark.parametrize(
    ("content", "params", "says"),
    [
        (b"a;b\n1;2\n1;2;3\n", {}, "line 3 has 3 cells, the header has 2"),
        (b'a;b\n"1\n2";3\n4;5;6\n', {}, "line 4 has 3 cells"),
        (b"x\ny\na;b\n1;2;3\n", {"first_row_no": 3}, "line 4 has 3 cells"),
        (b"a;a;b;b\n1;2;3;4\n", {}, "the header has a, b more than once"),
        (b"a;column_1;\n1;2;3\n", {}, None),
        (b"column_2;\n1;2\n", {}, "column_2 more than once"),
        (b'a;b\n1;2\n"3;4\n5;6\n', {}, "line 3 is not CSV: a quote is opened and never closed"),
        (b'a;b\n1;2\n"3"4;5\n', {}, "line 3 is not CSV"),
        (b"a;b\n\xe9;2\n", {"encoding": "utf-8"}, "line 2 is not utf-8 (byte e9): set the file's encoding"),
        (b"a;b\n1;2\n\x81;2\n", {}, "line 3 is not cp1252"),
        ("a;b\n1;€\n".encode()[:-2], {"encoding": "utf-8"}, "line 2 is not utf-8, or cut off"),
        ("a;b\n1;2".encode("utf-16")[:-1], {}, "line 2 is not utf-16, or cut off"),
        (b"a;b\n", {"encoding": "klingon"}, "unknown encoding 'klingon'"),
        (b"a;b\n", {"encoding": "base64"}, "unknown encoding 'base64'"),
        (b"a;b\n", {"encoding": "rot13"}, "unknown encoding 'rot13'"),
        (b"a;b\n", {"encoding": "unicode_escape"}, "unknown encoding"),
        (b"a;b\n", {"encoding": "a\0b"}, "unknown encoding"),
        (b"a;b\n+2AA-;1\n", {"encoding": "utf-7"}, "unknown encoding 'utf-7': use utf-8"),
        (b"a;b\n+2AA-;1\n", {"encoding": "UTF_7"}, "unknown encoding"),
    ],
)
def test_a_broken_file_says_where_and_what_to_mend(content: bytes, params: dict[str, Any], says: str | None) -> None:
    if says is None:
        assert read(content, "csvfile", **params)
        return
    with pytest.raises(BrokenFile) as broken:
        read(content, "csvfile", **params)
    assert says in str(broken.value)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b";".join(b"c%d" % i for i in range(MAX_COLUMNS + 1)), "the header has 501 columns, the limit is 500"),
        (b"a;b\n1;" + b"x" * (MAX_CELL + 1), "line 2 has a cell of more than 1 MB"),
        (b"a;b\n1;2\n" + b"x" * (5 * 1024 * 1024), "line 3 has more than 4 MB"),
        (b"a;b\n" + b'"\n";' * 1_100_000, "the record at line 2 has more than 4 MB"),
    ],
)
def test_what_is_too_large_is_refused_by_name(content: bytes, says: str) -> None:
    with pytest.raises(TooLarge) as broken:
        read(content, "csvfile")
    assert says in str(broken.value)


def test_the_limits_themselves_are_allowed() -> None:
    wide = ";".join(f"c{i}" for i in range(MAX_COLUMNS)) + "\n" + ";".join("x" * MAX_COLUMNS)
    assert len(values(wide.encode(), "csvfile")[0]) == MAX_COLUMNS
    assert len(values(b"a;b\n1;" + b"x" * MAX_CELL, "csvfile")[0]["b"]) == MAX_CELL


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf", b"a;b\n", b"a;b", b"\xff\xfe"])
def test_a_file_that_is_empty_or_a_header_has_no_records(content: bytes) -> None:
    assert read(content, "csvfile") == []


def test_the_real_table_is_read_whole() -> None:
    with WEATHER.open("rb") as file:
        found = list(open_records(file, "csvfile", {}))
    with WEATHER.open(newline="") as file:
        assert [record.values for record in found] == list(csv.DictReader(file))
    assert (len(found), found[-1].place) == (26_115, "line 26116")


CELLS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(
    ['"', "\r\n", "\r", "é;,|\t", " "]
)


@given(
    rows=st.lists(st.lists(CELLS, min_size=2, max_size=5), min_size=1, max_size=6),
    separator=st.sampled_from(list(",;\t|:~é€ ")),
    style=st.sampled_from(  # Python 3.11 quotes only the line ends that it writes
        [(csv.QUOTE_MINIMAL, "\r\n"), *((csv.QUOTE_ALL, line_end) for line_end in ("\n", "\r\n", "\r"))]
    ),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
    size=st.integers(1, 50),
)
def test_what_the_csv_module_wrote_reads_back_equal(
    rows: list[list[str]], separator: str, style: tuple[Any, str], encoding: str, size: int
) -> None:
    width = max(map(len, rows))
    rows = [row + ["-"] * (width - len(row)) for row in rows]
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=separator, quoting=style[0], lineterminator=style[1]).writerows(rows)
    params = {"separator": separator, "headers_first_row": False, "encoding": encoding}
    found = list(open_records(Dripping(file.getvalue().encode(encoding), size), "csvfile", params))
    assert [list(record.values.values()) for record in found] == rows


@given(
    encoding=st.sampled_from(sorted({*aliases, *aliases.values()})),
    content=st.lists(
        st.binary(max_size=6) | st.sampled_from([b"+2AA-", b"\\ud800", b"\xed\xa0\x80", b"\x00\xd8", b"~{"])
    ),
)
def test_no_encoding_gives_half_a_character(encoding: str, content: list[bytes]) -> None:
    try:
        "".join(decoded(content, encoding)).encode()
    except BrokenFile as broken:
        assert str(broken)
