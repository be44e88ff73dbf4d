"""The reasons for refusals that a receipt keeps: however long they are, and however many, they fit and say what is
missing."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.details import MAX_KEPT, MAX_KEPT_MESSAGE, MAX_MESSAGE, cut, kept
from chalicelib.domain.payload import Payload
from chalicelib.domain.record import Preparer
from tests.builders import a_schema

TEXTS = st.builds(
    lambda text, times: text * times, st.text(st.characters(exclude_categories=["Cs"])), st.integers(0, 500)
)


def size(value: Any) -> int:
    return len(orjson.dumps(value))


@given(TEXTS, st.integers(10, 1000))
def test_a_text_is_cut_to_so_many_bytes_and_no_further(text: str, most: int) -> None:
    shown = cut(text, most)
    assert size(shown) - 2 <= most
    if shown != text:
        beginning = shown.removesuffix("...")
        assert text.startswith(beginning)
        assert size(text[: len(beginning) + 1]) - 2 > most - 3


@given(st.lists(TEXTS, max_size=120), st.integers(0, 5000))
def test_kept_details_fit_and_say_how_many_are_left_out(messages: list[str], beyond: int) -> None:
    details = [{"index": n, "field": None, "message": message} for n, message in enumerate(messages)]
    shown = kept(details, of=len(details) + beyond)
    assert size(shown) <= MAX_KEPT + len(shown) + 1
    assert all(size(detail["message"]) - 2 <= MAX_KEPT_MESSAGE for detail in shown)
    assert [detail["index"] for detail in shown] == list(range(len(shown)))
    left_out = len(details) + beyond - len(shown)
    if shown and left_out:
        assert shown[-1]["message"].endswith(f" ({left_out:,} more are not listed: mend these first)")
    assert kept(shown) == shown, "a receipt is stored again when it is applied"


@pytest.mark.parametrize("unknown_fields", ["report", "refuse"])
def test_reasons_that_list_names_have_a_bound_in_bytes(unknown_fields: str) -> None:
    schema = a_schema(**{f"フィールド名称その{n:03}": "text" for n in range(160)})
    preparer = Preparer(schema, refuse_unknown=unknown_fields == "refuse")
    pushed = {f"{n}" + "\u0001" * 5000: 1 for n in range(12)}
    refusals = preparer.prepare(Payload(objects=[pushed] * 150)).refusals
    assert all(size(refusal.message) - 2 <= MAX_MESSAGE for refusal in refusals)
    assert all(size(refusal.field) <= 302 for refusal in refusals)
    assert "フィールド名称その001" in refusals[0].message
    assert [bool(refusal.message) for refusal in refusals] == [True] * 100 + [False] * 50, "nobody is told more"
    assert {refusal.code for refusal in refusals} == {"unknown_field" if unknown_fields == "refuse" else "empty_record"}
