"""Hostile files are refused by a process that is given little memory; long ones are read by it."""

import io
import json
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.sources.files import sheet_xml, workbook

ROOT = Path(__file__).parent.parent.parent
MOST = 160 * 1024 * 1024  # bytes of address space beyond those of the interpreter
MILLION = 1_000_000
_CHILD = f"""
import json, re, resource, sys
from chalicelib.sources.formats import detection, geojson, json_text, opening, tabular, xlsx  # noqa
from chalicelib.sources.formats.broken import BrokenFile
import xml.parsers.expat, zipfile
used = int(re.search(r"VmSize:\\s+(\\d+)", open("/proc/self/status").read())[1]) * 1024
resource.setrlimit(resource.RLIMIT_AS, (used + {MOST}, used + {MOST}))
count, problem = 0, None
try:
    with open(sys.argv[1], "rb") as file:
        for record in opening.open_records(file, sys.argv[2], {{}}):
            count += 1
except BrokenFile as broken:
    problem = [type(broken).__name__, str(broken)]
print(json.dumps([count, problem]))
"""


def outcome(path: Path, kind: str) -> tuple[int, list[str] | None]:
    command = [sys.executable, "-c", _CHILD, str(path), kind]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    count, problem = json.loads(done.stdout)
    return count, problem


def gz_bomb() -> bytes:
    squeeze = zlib.compressobj(1, zlib.DEFLATED, 31)
    return b"".join(squeeze.compress(bytes(MILLION)) for _ in range(300)) + squeeze.flush()


def zip_bomb(piece: bytes = bytes(MILLION)) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive, archive.open("a", "w") as inner:
        for _ in range(300):
            inner.write(piece)
    return file.getvalue()


def book_with(part: str, begin: str, piece: str, times: int) -> bytes:
    """Not compressed, so that it is not the ratio which gives it away."""
    text = begin + piece * times
    return workbook(sheet_xml(""), strings="<sst/>", changed={part: text}, method=zipfile.ZIP_STORED)


def book_of_long_texts(count: int, rows: str, text: str = "x" * MILLION) -> bytes:
    """With texts that the rows of its sheet refer to."""
    strings = "<sst>" + "".join(f"<si><t>{number:07}{text}</t></si>" for number in range(count)) + "</sst>"
    return workbook(sheet_xml(rows), strings=strings, method=zipfile.ZIP_STORED)


def numbered(piece: str, count: int) -> str:
    """That many of the piece, each with its number."""
    return "".join(piece % number for number in range(count))


def text_cells(*numbers: int) -> str:
    return "<row>" + "".join(f'<c t="s"><v>{number}</v></c>' for number in numbers) + "</row>"


LONG_NAME = "x" * 900_000
SHEET, STRINGS, STYLES = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/styles.xml"
RELATIONS = "xl/_rels/workbook.xml.rels"
HOSTILE: dict[str, tuple[str, Callable[[], bytes]]] = {
    "a gz of zeros": ("csvfile", gz_bomb),
    "a gz of zeros as JSON": ("jsonfile", gz_bomb),
    "a gz of zeros as xlsx": ("xlsx", gz_bomb),
    "a zip of zeros": ("csvfile", zip_bomb),
    "a zip of zeros as xlsx": ("xlsx", zip_bomb),
    "a zip of empty arrays": ("jsonl", lambda: zip_bomb(b"[]," * MILLION)),
    "a record of empty arrays": ("jsonfile", lambda: b'{"a": [' + b"[]," * (3 * MILLION)),
    "arrays within arrays": ("jsonfile", lambda: b"[" * (6 * MILLION)),
    "a name without end": ("geojson", lambda: b'{"' + b"a" * (30 * MILLION)),
    "a number without end": ("jsonfile", lambda: b'{"a": ' + b"1" * (30 * MILLION)),
    "space without end": ("jsonfile", lambda: b" " * (260 * MILLION)),
    "a line without end": ("csvfile", lambda: b"a;" * (30 * MILLION)),
    "a row without end": ("csvfile", lambda: b"a;b\n" + b'"\n";' * (5 * MILLION)),
    "a quote without end": ("csvfile", lambda: b'a;b\n"' + b"x\n" * (30 * MILLION)),
    "a sheet in one row": ("xlsx", lambda: book_with(SHEET, "<s><row>", "<c><v>1</v></c>", MILLION)),
    "a sheet in one cell": ("xlsx", lambda: book_with(SHEET, "<s><row><c><v>", "x\n", 30 * MILLION)),
    "a sheet in one tag": ("xlsx", lambda: book_with(SHEET, "<s><row a='", "x", 100 * MILLION)),
    "a sheet in one comment": ("xlsx", lambda: book_with(SHEET, "<!--", "x ", 50 * MILLION)),
    "tags within tags": ("xlsx", lambda: book_with(SHEET, "", "<a>", 10 * MILLION)),
    "pieces of an inline text": (
        "xlsx",
        lambda: book_with(SHEET, "<s><row><c t='inlineStr'>", "<t>x</t>", 3 * MILLION),
    ),
    "pieces of a text": ("xlsx", lambda: book_with(STRINGS, "<sst><si>", "<t>x</t>", 3 * MILLION)),
    "empty texts": ("xlsx", lambda: book_with(STRINGS, "<sst>", "<si/>", 5 * MILLION)),
    "styles": ("xlsx", lambda: book_with(STYLES, "<s><cellXfs>", '<xf numFmtId="1"/>', MILLION)),
    "long names of tags": ("xlsx", lambda: book_with(SHEET, "<s>" + numbered(f"<a%d{LONG_NAME}/>", 200), "", 1)),
    "long names of attributes": (
        "xlsx",
        lambda: book_with(SHEET, "<s>" + numbered(f"<a b%d{LONG_NAME}=''/>", 200), "", 1),
    ),
    "long ways to parts": (
        "xlsx",
        lambda: book_with(RELATIONS, "<r>" + numbered(f"<Relationship Id='%d' Target='{LONG_NAME}'/>", 200), "", 1),
    ),
}


OTHERWISE_BROKEN = ("a gz of zeros as JSON", "arrays within arrays", "styles")


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_in_little_memory(name: str, tmp_path: Path) -> None:
    kind, make = HOSTILE[name]
    path = tmp_path / "file"
    path.write_bytes(make())
    _, problem = outcome(path, kind)
    assert problem is not None
    assert problem[0] == "TooLarge" or name in OTHERWISE_BROKEN, problem


LARGE: dict[str, tuple[int, Callable[[], bytes]]] = {  # with how many records
    "long texts": (199, lambda: book_of_long_texts(200, "".join(text_cells(number) for number in range(200)))),
    "long texts in the same few bytes": (
        2000,
        lambda: book_of_long_texts(20, text_cells(0) + "".join(text_cells(i % 20) for i in range(2000))),
    ),
    "long formats": (
        2,
        lambda: workbook(
            sheet_xml("<row><c><v>1</v></c></row><row><c><v>2</v></c></row>"),
            changed={STYLES: "<s>" + numbered(f"<numFmt numFmtId='%d' formatCode='{LONG_NAME}'/>", 200) + "</s>"},
            method=zipfile.ZIP_STORED,
        ),
    ),
    "long names of sheets": (
        2,
        lambda: workbook(
            sheet_xml("<row><c><v>1</v></c></row><row><c><v>2</v></c></row>"),
            changed={
                "xl/workbook.xml": '<w xmlns:r="r">'
                + numbered(f"<sheet r:id='s1' name='%d{LONG_NAME}'/>", 200)
                + "</w>"
            },
            method=zipfile.ZIP_STORED,
        ),
    ),
    "long rows at the beginning": (
        45,
        lambda: workbook(
            sheet_xml(
                "<row>"
                + numbered('<c t="str"><v>%d</v></c>', 4)
                + "</row>"
                + ("<row>" + f'<c t="str"><v>{LONG_NAME}</v></c>' * 4 + "</row>") * 45
            ),
            method=zipfile.ZIP_STORED,
        ),
    ),
    "a long namespace of many names": (
        0,
        lambda: workbook(
            f"<s xmlns:a='{LONG_NAME}'><b " + numbered("a:b%d='' ", 4000) + "/>" + numbered("<a:c%d/>", 4000) + "</s>"
        ),
    ),
}


@pytest.mark.parametrize("name", LARGE)
def test_a_workbook_of_long_texts_is_read_in_little_memory(name: str, tmp_path: Path) -> None:
    count, make = LARGE[name]
    path = tmp_path / "file"
    path.write_bytes(make())
    assert outcome(path, "xlsx") == (count, None)


LONG: dict[str, tuple[bytes, bytes, bytes, bytes]] = {  # what the file begins with, its record, separator and end
    "csvfile": (b"a;b\n", b"%07d;" + b"x" * 600, b"\n", b"\n"),
    "jsonl": (b"", b'{"a":"%07d","b":"' + b"x" * 600 + b'"}', b"\n", b""),
    "jsonfile": (b"[", b'{"a":"%07d","b":"' + b"x" * 600 + b'"}', b",", b"]"),
    "geojson": (
        b'{"type":"FeatureCollection","features":[',
        b'{"type":"Feature","geometry":null,"properties":{"a":"%07d","b":"' + b"x" * 600 + b'"}}',
        b",",
        b"]}",
    ),
}


@pytest.mark.parametrize("kind", LONG)
def test_a_file_larger_than_the_memory_is_read(kind: str, tmp_path: Path) -> None:
    begin, record, separator, end = LONG[kind]
    count = 300_000
    path = tmp_path / "file"
    with path.open("wb") as file:
        file.write(begin + record % 0)
        for number in range(1, count):
            file.write(separator + record % number)
        file.write(end)
    assert path.stat().st_size > MOST
    assert outcome(path, kind) == (count, None)
