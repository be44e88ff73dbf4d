"""Files for the tests of the formats, made without the code under test."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.sources.formats.opening import open_records
from chalicelib.sources.formats.source_record import SourceRecord

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"


class Dripping(io.RawIOBase):
    """A file that gives a few bytes at a time and cannot be rewound, like a slow download."""

    def __init__(self, content: bytes, size: int = 7) -> None:
        self._file, self._size = io.BytesIO(content), size

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._file.read(min(size, self._size) if size >= 0 else self._size)


class Unrewindable(io.BytesIO):
    """A file to write to from its beginning to its end, like a pipe."""

    def seekable(self) -> bool:
        return False

    def seek(self, *_: Any) -> int:
        raise io.UnsupportedOperation

    def tell(self) -> int:
        raise io.UnsupportedOperation


def read(content: bytes, kind: str, **params: Any) -> list[SourceRecord]:
    return list(open_records(io.BytesIO(content), kind, params))


def values(content: bytes, kind: str, **params: Any) -> list[dict[str, Any]]:
    return [record.values for record in read(content, kind, **params)]


def zipped(files: Mapping[str, bytes | str], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()


def sheet_xml(rows: str, *, before: str = "") -> str:
    return f'{before}<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData></worksheet>'


def cell(reference: str, value: Any, *, kind: str = "n", style: int = 0) -> str:
    return f'<c r="{reference}" t="{kind}" s="{style}"><v>{value}</v></c>'


def workbook(
    sheet: str | bytes,
    *,
    strings: str | bytes | None = None,
    formats: Sequence[str] = (),
    properties: str = "",
    changed: Mapping[str, str | bytes] | None = None,
    method: int = zipfile.ZIP_DEFLATED,
) -> bytes:
    """An xlsx with one sheet. Cell style n+1 has the nth of the formats."""
    codes = "".join(f'<numFmt numFmtId="{i}" formatCode="{code}"/>' for i, code in enumerate(formats, start=164))
    styles = '<xf numFmtId="0"/>' + "".join(f'<xf numFmtId="{i}"/>' for i in range(164, 164 + len(formats)))
    parts = {
        "[Content_Types].xml": "<Types/>",
        "_rels/.rels": _relations(("r1", "officeDocument", "xl/workbook.xml")),
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{_OFFICE}">{properties}'
        '<sheets><sheet name="Data" sheetId="1" r:id="s1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": _relations(
            ("s1", "worksheet", "worksheets/sheet1.xml"),
            ("s2", "styles", "styles.xml"),
            *([("s3", "sharedStrings", "/xl/sharedStrings.xml")] if strings is not None else []),
        ),
        "xl/styles.xml": f'<styleSheet xmlns="{MAIN}"><numFmts>{codes}</numFmts><cellStyleXfs><xf numFmtId="14"/>'
        f"</cellStyleXfs><cellXfs>{styles}</cellXfs></styleSheet>",
        "xl/worksheets/sheet1.xml": sheet,
        **({"xl/sharedStrings.xml": strings} if strings is not None else {}),
    }
    return zipped({**parts, **(changed or {})}, method)


def _relations(*targets: tuple[str, str, str]) -> str:
    inner = "".join(
        f'<Relationship Id="{uid}" Type="{_OFFICE}/{kind}" Target="{target}"/>' for uid, kind, target in targets
    )
    return f'<Relationships xmlns="{_PACKAGE}">{inner}</Relationships>'
