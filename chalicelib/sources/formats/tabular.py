"""CSV files: decoded and split by the standard library, one record for each line."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from chalicelib.sources.formats.broken import BrokenFile

_MAX_CELL = 1024 * 1024
_SEPARATORS = ",;\t|"


@dataclass(frozen=True, kw_only=True)
class CsvDialect:
    """How a CSV file is written. `separator` None: the likeliest of , ; tab and | is taken from the first line."""

    encoding: str = "utf-8"
    separator: str | None = None
    headers_first_row: bool = True
    first_row_no: int = 1
    doublequote: bool = True


def read_csv(content: bytes, dialect: CsvDialect) -> Iterator[dict[str, Any]]:
    """The records of a CSV file: header → cell, both text; short lines lack the last fields."""
    csv.field_size_limit(_MAX_CELL)
    # StringIO ends lines where CSV does; splitlines would also cut cells at other Unicode separators.
    lines = list(io.StringIO(_decoded(content, dialect.encoding), newline=""))[dialect.first_row_no - 1 :]
    separator = dialect.separator or _likely_separator(lines[0] if lines else "")
    rows = csv.reader(iter(lines), delimiter=separator, doublequote=dialect.doublequote, strict=True)
    header: list[str] | None = None
    try:
        for row in rows:
            if not row:
                continue
            if header is None:
                header = _header(row) if dialect.headers_first_row else [f"column_{i + 1}" for i in range(len(row))]
                if dialect.headers_first_row:
                    continue
            if len(row) > len(header):
                line = rows.line_num + dialect.first_row_no - 1
                raise BrokenFile(f"line {line} has {len(row)} cells, the header has {len(header)}: mend that line")
            yield dict(zip(header, row, strict=False))
    except csv.Error as error:
        line = rows.line_num + dialect.first_row_no - 1
        raise BrokenFile(f"line {line} is not CSV: {error}. Mend that line, or the separator") from None


def _decoded(content: bytes, encoding: str) -> str:
    name = "utf-8-sig" if encoding.lower().replace("_", "-") in ("utf-8", "utf8") else encoding
    try:
        return content.decode(name)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BrokenFile(f"line {line} is not {encoding} (byte {error.start}): set the file's encoding") from None
    except LookupError:
        raise BrokenFile(f"unknown encoding '{encoding}': use utf-8, cp1252 or utf-16") from None


def _likely_separator(line: str) -> str:
    return max(_SEPARATORS, key=line.count)


def _header(row: list[str]) -> list[str]:
    names = [name.strip() or f"column_{i + 1}" for i, name in enumerate(row)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise BrokenFile(f"the header has {', '.join(twice[:5])} more than once: give each column its own name")
    return names
