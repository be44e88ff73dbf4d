"""xlsx workbooks: real ones as a common library writes them, and parts made by hand."""

import io
from datetime import date, datetime, time, timedelta
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.sources.formats.broken import BrokenFile, TooLarge
from chalicelib.sources.formats.limits import MAX_CELL, MAX_COLUMNS
from chalicelib.sources.formats.xlsx import column_name
from chalicelib.sources.formats.xlsx_values import kind_of_format
from tests.sources.files import MAIN, cell, read, sheet_xml, values, workbook, zipped

HEAD = '<row r="1"><c r="A1" t="str"><v>a</v></c><c r="B1" t="str"><v>b</v></c></row>'


def saved(
    rows: list[list[Any]], *, more_sheets: dict[str, list[list[Any]]] | None = None, in_1904: bool = False
) -> bytes:
    book = openpyxl.Workbook()
    if in_1904:
        book.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904
    sheets = {"First": rows, **(more_sheets or {})}
    for name, its_rows in sheets.items():
        sheet = book.active if name == "First" else book.create_sheet(name)
        sheet.title = name
        for row in its_rows:
            sheet.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def row(number: int, *cells: str) -> str:
    return f'<row r="{number}">{"".join(cells)}</row>'


@pytest.mark.parametrize("in_1904", [False, True])
def test_a_workbook_as_libraries_write_it(in_1904: bool) -> None:
    content = saved(
        [
            ["name", "count", "price", "day", "moment", "at", "open", "nothing", 2013],
            [
                "Émma\nand <co>",
                3,
                1.5,
                date(2024, 2, 29),
                datetime(2024, 2, 29, 13, 5, 6),
                time(7, 30),
                True,
                None,
                "x",
            ],
            ["=", -2, 1e300, date(1999, 12, 31), datetime(1999, 12, 31), time(0, 0, 1), False, None, None],
        ],
        in_1904=in_1904,
    )
    names = ["name", "count", "price", "day", "moment", "at", "open", "nothing", "2013"]
    first = ["Émma\nand <co>", 3, 1.5, "2024-02-29", "2024-02-29T13:05:06", "07:30:00", True, None, "x"]
    second = ["=", -2, 1e300, "1999-12-31", "1999-12-31T00:00:00", "00:00:01", False, None, None]
    found = read(content, "xlsx")
    assert [record.values for record in found] == [dict(zip(names, r, strict=True)) for r in (first, second)]
    assert found[1].place == "row 3"
    assert type(found[0].values["count"]) is int


def test_the_sheet_is_the_first_or_the_one_of_the_name() -> None:
    content = saved([["a"], [1]], more_sheets={"Été": [["b"], [2]]})
    assert values(content, "xlsx") == [{"a": 1}]
    assert values(content, "xlsx", sheet="été") == [{"b": 2}]
    with pytest.raises(BrokenFile, match="no sheet 'Winter': set one of First, Été"):
        read(content, "xlsx", sheet="Winter")


def test_a_hidden_sheet_is_not_the_first() -> None:
    book = openpyxl.load_workbook(io.BytesIO(saved([["a"], [1]], more_sheets={"Shown": [["b"], [2]]})))
    book["First"].sheet_state = "hidden"
    file = io.BytesIO()
    book.save(file)
    assert values(file.getvalue(), "xlsx") == [{"b": 2}]
    assert values(file.getvalue(), "xlsx", sheet="First") == [{"a": 1}]


def test_the_table_may_begin_further_down_and_have_gaps() -> None:
    content = saved([["made today"], [], ["a", "b"], [], [1, None], [None, 2]])
    found = read(content, "xlsx", first_row_no=3)
    assert [(record.number, record.values) for record in found] == [(5, {"a": 1, "b": None}), (6, {"a": None, "b": 2})]


def test_a_table_without_header_keeps_its_first_row() -> None:
    rows = [["x", 1], ["y", 2], ["z", 3]]
    assert values(saved(rows), "xlsx")[0] == {"column_1": "x", "column_2": 1}
    assert values(saved(rows), "xlsx", headers_first_row=True)[0] == {"x": "y", "1": 2}
    assert values(saved([["a", "b"]]), "xlsx", headers_first_row=False) == [{"column_1": "a", "column_2": "b"}]


@pytest.mark.parametrize("rows", [[], [["a", "b"]], [[None, None]]])
def test_a_sheet_that_is_empty_or_a_header_has_no_records(rows: list[list[Any]]) -> None:
    assert read(saved(rows), "xlsx") == []


def test_texts_are_put_together_without_their_pronunciation() -> None:
    strings = (
        f'<sst xmlns="{MAIN}"><si><t>a</t></si><si><r><t>b</t></r><r><rPr><b/></rPr><t>old</t></r>'
        "<rPh><t>bee</t></rPh></si><si/><si><t>x_x0041_</t></si></sst>"
    )
    rows = row(1, cell("A1", 0, kind="s"), cell("B1", 1, kind="s")) + row(
        2, cell("A2", 2, kind="s"), cell("B2", 3, kind="s")
    )
    assert values(workbook(sheet_xml(rows), strings=strings), "xlsx") == [{"a": None, "bold": "xA"}]


def test_cells_of_every_kind() -> None:
    cells = row(
        2,
        '<c r="A2" t="inlineStr"><is><r><t>in</t></r><r><t>line</t></r></is></c>',
        '<c r="B2" t="str"><f>1+1</f><v>of a formula</v></c>',
        '<c r="C2" t="e"><v>#N/A</v></c>',
        '<c r="D2" t="d"><v>2024-01-02T03:04:05</v></c>',
        '<c r="E2"><f>1/3</f><v>0.3333333333333333</v></c>',
        '<c r="F2"><f>NOTHING()</f></c>',
        "<c><v>7</v></c>",
    )
    header = row(1, *(cell(f"{letter}1", f"f{letter}", kind="str") for letter in "ABCDEFG"))
    expected = ["inline", "of a formula", "#N/A", "2024-01-02T03:04:05", 1 / 3, None, 7]
    found = values(workbook(sheet_xml(header + cells)), "xlsx")
    assert found == [dict(zip([f"f{letter}" for letter in "ABCDEFG"], expected, strict=True))]


def test_rows_and_cells_without_references_follow_each_other() -> None:
    rows = '<x:row><x:c t="str"><x:v>a</x:v></x:c></x:row><x:row><x:c><x:v>1</x:v></x:c></x:row>'
    sheet = f'<x:worksheet xmlns:x="{MAIN}"><x:sheetData>{rows}</x:sheetData></x:worksheet>'
    (record,) = read(workbook(sheet), "xlsx")
    assert (record.values, record.number) == ({"a": 1}, 2)


@pytest.mark.parametrize(
    ("code", "serial", "expected"),
    [
        ("yyyy-mm-dd", 1, "1900-01-01"),
        ("yyyy-mm-dd", 59, "1900-02-28"),
        ("yyyy-mm-dd", 61, "1900-03-01"),
        ("yyyy-mm-dd", 45351, "2024-02-29"),
        ("yyyy-mm-dd", 45351.5, "2024-02-29T12:00:00"),
        ("[$-40C]d mmmm yyyy;@", 45351, "2024-02-29"),
        ("dd/mm/yyyy hh:mm", 45351, "2024-02-29T00:00:00"),
        ("dd/mm/yyyy hh:mm:ss.000", 45351.000005787, "2024-02-29T00:00:00.500"),
        ("hh:mm", 0.999999, "23:59:59"),
        ("hh:mm", 0.5, "12:00:00"),
        ("[h]:mm", 1.25, "30:00:00"),
        ("[h]:mm", -0.5, "-12:00:00"),
        ("yyyy", -1, -1),
        ("yyyy", 99999999999, 99999999999),
        ("0.00", 1.5, 1.5),
        ("0&quot; days&quot;", 3, 3),
        ("[Red]0", 3, 3),
    ],
)
def test_a_number_is_a_date_when_its_format_says_so(code: str, serial: float, expected: Any) -> None:
    rows = row(1, cell("A1", "when", kind="str")) + row(2, cell("A2", serial, style=1))
    assert values(workbook(sheet_xml(rows), formats=[code]), "xlsx") == [{"when": expected}]


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("General", None), ("@", None), ("# ##0.00 €", None), ("0.0E+00", None), ('"due day" 0', None), (r"\d0", None),
        ("mmm-yy", "date"), ("d/m", "date"), ("m/d/yy h:mm", "moment"), ("mm:ss", "time"), ("h:mm AM/PM", "time"),
        ("[mm]:ss", "duration"), ("[Blue]dd", "date"), ("0;yyyy", None),
    ],
)  # fmt: skip
def test_a_format_tells_what_its_numbers_are(code: str, kind: str | None) -> None:
    assert kind_of_format(code) == kind


@given(moment=st.datetimes(datetime(1900, 3, 1), datetime(2200, 1, 1)))
@settings(max_examples=50)
def test_moments_come_back_to_the_millisecond(moment: datetime) -> None:
    moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    (found,) = values(saved([["t"], [moment]]), "xlsx")
    assert abs(datetime.fromisoformat(found["t"]) - moment) <= timedelta(milliseconds=1)


PRINTABLE = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="_\ufffe\uffff"), min_size=1, max_size=6
)
SINGLE = PRINTABLE.filter(lambda text: not text.startswith("=")) | st.integers(-(10**14), 10**14) | st.booleans()


@given(rows=st.lists(st.lists(SINGLE | st.none(), min_size=3, max_size=3), min_size=1, max_size=5))
@settings(max_examples=50)
def test_what_a_library_wrote_reads_back_equal(rows: list[list[Any]]) -> None:
    found = values(saved([["a", "b", "c"], *rows]), "xlsx", headers_first_row=True)
    assert [list(record.values()) for record in found] == [r for r in rows if any(value is not None for value in r)]


def test_columns_are_called_by_their_letters() -> None:
    assert [column_name(index) for index in (0, 25, 26, 701, 702, 16_383)] == ["A", "Z", "AA", "ZZ", "AAA", "XFD"]


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">' + "".join(
    f'<!ENTITY {chr(98 + i)} "{f"&{chr(97 + i)};" * 10}">' for i in range(9)
) + "]>"  # fmt: skip
OUTSIDE = '<!DOCTYPE x [<!ENTITY j SYSTEM "file:///etc/hostname">]>'
REFERRING = row(1, '<c r="A1" t="str"><v>&j;</v></c>')


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"a;b\n1;2\n", "the file is no xlsx workbook"),
        (b"", "the file is no xlsx workbook"),
        (b"\xd0\xcf\x11\xe0" + b"\0" * 600, "old .xls, or has a password: save it as xlsx"),
        (zipped({"a.csv": "a;b"}), "the zip is cut off or damaged"),
        (zipped({"a.zip": zipped({"a.xlsx": workbook(sheet_xml(HEAD))})}), "the file is no xlsx workbook"),
        (zipped({"a.csv": "a;b", "b.csv": "c"}), "the zip holds 2 files"),
        (workbook(sheet_xml(HEAD))[:-40], "cut off or damaged"),
        (workbook(sheet_xml(HEAD)[:-30]), "sheet1.xml of the workbook is damaged at line 1"),
        (workbook(sheet_xml(HEAD, before=BOMB)), "declares a document type"),
        (workbook(sheet_xml(REFERRING, before=OUTSIDE)), "declares a document type"),
        (workbook(sheet_xml(REFERRING)), "damaged"),
        (workbook(sheet_xml(HEAD, before=BOMB).encode("utf-16")), "declares a document type"),
        (workbook(sheet_xml(HEAD), strings=BOMB + "<sst/>"), "sharedStrings.xml of the workbook declares"),
        (workbook(sheet_xml(HEAD), changed={"xl/workbook.xml": BOMB + "<workbook/>"}), "xl/workbook.xml of the"),
        (workbook(sheet_xml(HEAD), changed={"xl/styles.xml": BOMB + "<styleSheet/>"}), "xl/styles.xml of the"),
        (workbook(sheet_xml(HEAD), changed={"_rels/.rels": BOMB + "<Relationships/>"}), "_rels/.rels of the"),
        (workbook(sheet_xml(HEAD), changed={"_rels/.rels": "<Relationships/>"}), "no xlsx workbook"),
        (workbook(sheet_xml(HEAD), changed={"xl/workbook.xml": "<workbook/>"}), "no sheet with cells"),
        (workbook(sheet_xml(HEAD + row(2, cell("A2", 1), cell("D2", 1)))), "row 2 has a value in column D, the"),
        (workbook(sheet_xml(HEAD + row(3, cell("B3", "nan")))), "row 3, column B has 'nan' for a number"),
        (workbook(sheet_xml(HEAD + row(3, cell("B3", "1,5")))), "row 3, column B has '1,5'"),
        (workbook(sheet_xml(HEAD + row(3, cell("B3", 5, kind="s")))), "refers to text 5"),
        (workbook(sheet_xml(HEAD + row(3, cell("B3", -1, kind="s")))), "row 3 refers to a text by '-1'"),
        (workbook(sheet_xml(HEAD + row(3, cell("ABCD3", 1)))), "row 3 has a cell at 'ABCD3'"),
        (workbook(sheet_xml(HEAD + row(3, cell("é", 1)))), "row 3 has a cell at 'é'"),
        (saved([["a", "a"], [1, 2]]), "the header has a more than once"),
    ],
)  # fmt: skip
def test_a_broken_workbook_says_why(content: bytes, says: str) -> None:
    with pytest.raises(BrokenFile) as broken:
        read(content, "xlsx")
    assert says in str(broken.value)


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (row(4, cell("XFD4", 1)), "row 4 has 16384 columns"),
        (row(1, *(cell(f"{column_name(i)}1", i) for i in range(MAX_COLUMNS + 1))), "row 1 has 501 columns"),
        (row(2, cell("A2", "x" * (MAX_CELL + 1), kind="str")), "row 2 has a cell of more than 1 MB"),
        (row(2, *(cell(f"{x}2", "x" * 900_000, kind="str") for x in "ABCDE")), "row 2 has more than 4 MB: shorten"),
        (row(2, cell("A2", "x" * (3 * MAX_CELL), kind="str")), "has a cell of more than 1 MB"),
        (row(2, f'<c r="{"A" * 3 * MAX_CELL}2"/>'), "a tag of more than 1 MB"),
        ("<a>" * 200_000, "no spreadsheet"),
        ("".join(f"<e{i}/>" for i in range(20_000)), "no spreadsheet"),
    ],
)  # fmt: skip
def test_what_is_too_large_in_a_workbook_is_refused(rows: str, says: str) -> None:
    with pytest.raises(TooLarge) as broken:
        read(workbook(sheet_xml(rows)), "xlsx")
    assert says in str(broken.value)


def test_a_far_away_empty_cell_does_no_harm() -> None:
    rows = HEAD + row(2, cell("A2", 1)) + '<row r="1048576"><c r="XFD1048576" s="1"/></row>'
    assert values(workbook(sheet_xml(rows)), "xlsx") == [{"a": 1, "b": None}]


def test_parts_outside_the_file_are_never_opened() -> None:
    outside = (
        '<Relationships><Relationship Id="s1" TargetMode="External" '
        'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" '
        'Target="file:///etc/hostname"/></Relationships>'
    )
    for target in (outside, outside.replace('TargetMode="External" ', ""), outside.replace("file://", "../../../..")):
        with pytest.raises(BrokenFile):
            read(workbook(sheet_xml(HEAD), changed={"xl/_rels/workbook.xml.rels": target}), "xlsx")
