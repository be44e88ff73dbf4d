"""Re-keying: a stored record becomes what pushing it under the new schema would have made of it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.payload import Payload
from chalicelib.domain.prepared_record import PreparedRecord
from chalicelib.domain.record import Preparer
from chalicelib.domain.rekeying import Rekeyer, keeps_ids
from chalicelib.domain.schema import Schema
from tests.builders import a_schema
from tests.domain.test_record import READINGS, WEATHER

NAMES = sorted(WEATHER)
KEYS = st.lists(st.sampled_from(NAMES), unique=True)


def pushed(schema: Schema, value: Any) -> PreparedRecord | None:
    return next(iter(Preparer(schema).prepare(Payload(objects=[value])).records.values()), None)


@given(READINGS, KEYS, KEYS)
def test_a_record_becomes_what_pushing_it_under_the_new_key_makes(
    reading: dict[str, Any], before: list[str], after: list[str]
) -> None:
    old, new = a_schema(unique_key=before, **WEATHER), a_schema(unique_key=after, **WEATHER)
    stored = pushed(old, reading)
    if stored is not None:
        rekeyed, wanted = Rekeyer(old, new).rekey(stored.text), pushed(new, reading)
        assert (rekeyed and rekeyed[:3]) == (wanted and wanted[:3])


@given(READINGS, KEYS, KEYS, st.sets(st.sampled_from(NAMES)))
def test_a_schema_keeps_ids_exactly_when_no_record_gets_another(
    reading: dict[str, Any], before: list[str], after: list[str], removed: set[str]
) -> None:
    old = a_schema(unique_key=before, **WEATHER)
    kept = {name: kind for name, kind in WEATHER.items() if name not in removed - set(after)}
    new = a_schema(unique_key=after, **kept)
    stored = pushed(old, reading)
    if keeps_ids(old, new) and stored is not None:
        rekeyed = Rekeyer(old, new).rekey(stored.text)
        assert rekeyed is not None
        assert rekeyed.id == stored.id


def test_values_of_the_key_are_cast_to_their_new_type_and_others_stay() -> None:
    old, new = a_schema(isbn="int", pages="int"), a_schema(unique_key=["isbn"], isbn="text", pages="text")
    stored = pushed(old, {"isbn": 7, "pages": 300})
    assert stored is not None
    rekeyed = Rekeyer(old, new).rekey(stored.text)
    assert rekeyed is not None
    assert rekeyed.text == '{"isbn":"7","pages":300}'
    assert rekeyed.id == Preparer(new).prepare(Payload(objects=[{"isbn": "7"}])).ids[0]


@pytest.mark.parametrize("text", ['{"isbn":"seven"}', '{"title":"Emma"}'], ids=["misfit", "missing"])
def test_a_record_without_a_value_for_the_key_has_no_id(text: str) -> None:
    old, new = a_schema(isbn="text", title="text"), a_schema(unique_key=["isbn"], isbn="int", title="text")
    assert Rekeyer(old, new).rekey(text) is None
