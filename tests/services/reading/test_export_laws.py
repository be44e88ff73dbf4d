"""Laws of exports: whatever the values, the csv module and a JSON parser read back what was pushed."""

import csv
import io
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.services.reading.export_formats import CsvOptions
from chalicelib.store.stores import Stores
from tests.services.devices import a_device
from tests.services.reading.readers import Reader

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ["=1+1", '"', "a;b", "\r", "\n", "\r\n", "\t", ",", "|", "\x00", "\ufeff", " a ", "''", "null", "1.0"]
)
_RECORDS = st.lists(
    st.fixed_dictionaries(
        {"n": st.integers(-(2**63), 2**63 - 1)},
        optional={
            "text": _TEXT,
            "number": st.floats(allow_nan=False, allow_infinity=False),
            "blob": st.recursive(
                st.booleans() | st.integers(-(2**53), 2**53) | _TEXT,
                lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
                max_leaves=5,
            ),
        },
    ),
    max_size=6,
    unique_by=lambda record: record["n"],
)


@settings(max_examples=max(15, settings.default.max_examples // 10))
@given(records=_RECORDS, delimiter=st.sampled_from(",;\t|"), with_bom=st.booleans())
def test_every_export_reads_back_as_what_was_pushed(
    shared_stores: Stores, records: list[dict[str, Any]], delimiter: str, with_bom: bool
) -> None:
    sample = [{"n": 1, "text": "t", "number": 1.5, "blob": "b"}]
    device = a_device(shared_stores, bootstrap=sample, unique_key=["n"], types={"blob": "json_blob"})
    device.push(records)
    reader = Reader(shared_stores, device.target.dataset_id)
    expected = [{**dict.fromkeys(sample[0]), **record} for record in sorted(records, key=lambda r: r["n"])]
    assert json.loads(str(reader.export("json", order_by="n").text)) == expected
    assert [json.loads(line) for line in str(reader.export("jsonl", order_by="n").text).split("\n")[:-1]] == expected
    text = str(reader.export("csv", order_by="n", options=CsvOptions(delimiter=delimiter, with_bom=with_bom)).text)
    assert text.startswith("\ufeff") is with_bom
    rows = list(
        csv.DictReader(io.StringIO(text.removeprefix("\ufeff") if with_bom else text, newline=""), delimiter=delimiter)
    )
    assert [_read(row) for row in rows] == [{**r, "text": r["text"] or ""} for r in expected]


def _read(row: dict[str, str]) -> dict[str, Any]:
    return {
        "n": int(row["n"]),
        "text": row["text"],
        "number": float(row["number"]) if row["number"] else None,
        "blob": json.loads(row["blob"]) if row["blob"] else None,
    }
