"""Workbooks made to do harm: they are read, or refused with what to do, whatever their parts hold."""

import gzip
import random
import resource
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.sources.formats.broken import BrokenFile, TooLarge
from chalicelib.sources.formats.xlsx_values import SharedStrings
from tests.sources.files import sheet_xml, values, workbook, zipped

HEAD = '<row><c t="str"><v>a</v></c></row>'
ONE = sheet_xml(HEAD + "<row><c><v>1</v></c></row>")


def declared(encoding: str, xml: str = ONE) -> bytes:
    return f'<?xml version="1.0" encoding="{encoding}"?>{xml}'.encode()


@pytest.mark.parametrize("encoding", ["shift_jis", "gb2312", "utf-7", "foo", "rot13", "idna", "punycode", "undefined"])
@pytest.mark.parametrize("part", ["xl/worksheets/sheet1.xml", "xl/styles.xml", "xl/workbook.xml", "_rels/.rels"])
def test_a_part_in_an_encoding_that_no_workbook_has_is_refused(encoding: str, part: str) -> None:
    with pytest.raises(BrokenFile, match=f"{part} of the workbook is in an encoding .* save it again as xlsx"):
        values(workbook(ONE, changed={part: declared(encoding)}), "xlsx")


def test_half_a_character_of_utf_16_is_refused() -> None:
    sheet = sheet_xml(HEAD + '<row><c t="str"><v>?</v></c></row>').encode("utf-16")
    half = sheet.replace("?".encode("utf-16-le"), b"\x00\xd8")
    with pytest.raises(BrokenFile, match="save it again as xlsx"):
        values(workbook(half), "xlsx")


@pytest.mark.parametrize("escaped", ["_xD800_", "_xdfff_", "_xD83D__xDE00_"])
def test_half_a_character_that_is_escaped_stays_as_it_is_written(escaped: str) -> None:
    inline = f'<row><c t="inlineStr"><is><t>{escaped}</t></is></c></row>'
    shared = '<row><c t="s"><v>0</v></c></row>'
    found = values(
        workbook(sheet_xml(inline + inline + shared), strings=f"<sst><si><t>{escaped}</t></si></sst>"), "xlsx"
    )
    assert found == [{escaped: escaped}] * 2


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        ('<row r="²"><c><v>1</v></c></row>', 1),
        ('<row r="٣"><c><v>1</v></c></row>', 1),
        ('<row><c s="²"><v>1</v></c></row>', 1),
        ('<row><c s="1"><v>1e306</v></c></row>', 1e306),
        ('<row><c s="1"><v>-1e306</v></c></row>', -1e306),
    ],
)
def test_numbers_of_rows_and_styles_and_days_that_are_none_do_no_harm(second: str, expected: Any) -> None:
    assert values(workbook(sheet_xml(HEAD + second), formats=["[h]:mm"]), "xlsx") == [{"a": expected}]


def test_more_texts_than_the_disk_of_a_function_takes_are_refused() -> None:
    million = b"<si><t>" + b"x" * 1024 * 1024 + b"</t></si>"
    with closing(SharedStrings()) as strings:
        strings.load("xl/sharedStrings.xml", [b"<sst>", *[million] * 3, b"</sst>"])
        with pytest.raises(TooLarge, match="more than 256 MB of texts: split it, or send it as CSV"):
            strings.load("xl/sharedStrings.xml", [b"<sst>", *[million] * 254, b"</sst>"])


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """No file of this process grows beyond so many bytes: as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def a_book_of_many_texts() -> bytes:
    text = random.Random(5).randbytes(10_000).hex() + "x" * 1_000_000
    return workbook(ONE, strings="<sst>" + f"<si><t>{text}</t></si>" * 20 + "</sst>")


def a_large_book() -> bytes:
    return workbook(ONE, changed={"xl/media/a.png": bytes(12_000_000)}, method=zipfile.ZIP_STORED)


@pytest.mark.parametrize(
    ("kind", "make"),
    [
        ("xlsx", a_book_of_many_texts),
        ("xlsx", a_large_book),
        ("xlsx", lambda: gzip.compress(a_large_book(), 1)),
        ("xlsx", lambda: zipped({"a.xlsx": a_large_book()})),
        ("csvfile", lambda: zipped({"a.csv": b"a\n" * 6_000_000}, zipfile.ZIP_STORED)),
    ],
)
def test_what_finds_no_room_on_the_disk_is_too_large(kind: str, make: Callable[[], bytes]) -> None:
    content = make()
    with room_for(10_000_000), pytest.raises(TooLarge, match="more room on the disk than there is: split it into"):
        values(content, kind)


WORDS = """0 1 -1 3 ² ٣ 14 46 1e400 1e306 nan inf 99999999999999999999 A1 ZZZZ9 ß1 _xD800_ _xFFFF_ _x0000_ true s b n d
    e str inlineStr [h]:mm dd/mm/yyyy &#233; &#55296; 1_0 -- r1 s1 s3 .. / worksheets/sheet1.xml xl/workbook.xml"""
TOKENS = st.sampled_from(WORDS.split()) | st.text(
    st.characters(exclude_characters='<>&"', exclude_categories=["Cs", "Cc"]), max_size=3
)
NAMES = st.sampled_from(["row", "c", "v", "is", "t", "si", "sst", "rPh", "xf", "cellXfs", "numFmt", "sheet", "sheets"])
ATTRIBUTES = st.sampled_from(["r", "s", "t", "numFmtId", "formatCode", "name", "state", "r:id", "Id", "Type", "Target"])
PARTS = st.sampled_from(
    [
        "xl/worksheets/sheet1.xml",
        "xl/styles.xml",
        "xl/sharedStrings.xml",
        "xl/workbook.xml",
        "xl/_rels/workbook.xml.rels",
    ]
)


@st.composite
def elements(draw: st.DrawFn, depth: int = 0) -> str:
    name = draw(NAMES)
    attributes = draw(st.dictionaries(ATTRIBUTES, TOKENS, max_size=3))
    inner = draw(TOKENS) if depth > 1 else "".join(draw(st.lists(elements(depth + 1), max_size=3)))
    written = "".join(f' {key}="{value}"' for key, value in attributes.items())
    return f"<{name}{written}>{inner}</{name}>"


@given(parts=st.dictionaries(PARTS, elements(), min_size=1, max_size=3), is_headed=st.booleans())
def test_whatever_the_parts_hold_they_are_read_or_refused(parts: dict[str, str], is_headed: bool) -> None:
    changed = {part: f'<x xmlns:r="r">{xml}</x>' for part, xml in parts.items()}
    try:
        for record in values(workbook(ONE, strings="<sst/>", changed=changed), "xlsx", headers_first_row=is_headed):
            str(record).encode()
    except BrokenFile as broken:
        assert str(broken)


@given(rows=st.lists(st.lists(st.tuples(TOKENS, TOKENS, TOKENS, TOKENS), max_size=3), max_size=4), text=TOKENS)
def test_whatever_the_cells_hold_they_are_read_or_refused(rows: list[list[tuple[str, ...]]], text: str) -> None:
    cells = (
        "".join(
            f'<c t="{kind}" s="{style}"><v>{value}</v><is><t>{inline}</t></is></c>'
            for kind, style, value, inline in row
        )
        for row in rows
    )
    xml = sheet_xml(HEAD + "".join(f"<row>{row}</row>" for row in cells))
    content = workbook(xml, strings=f"<sst><si><t>{text}</t></si></sst>", formats=["[h]:mm", "d/m/y h:mm"])
    try:
        for record in values(content, "xlsx", headers_first_row=False):
            "".join(str(value) for value in record.values()).encode()
    except BrokenFile as broken:
        assert str(broken)
