"""Records: the laws of their ids, and which payloads are refused."""

import base64
import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.errors import ProcessingTooSlow
from chalicelib.domain.payload import Payload, parse_payload
from chalicelib.domain.prepared_record import PreparedPayload
from chalicelib.domain.processors import Processor, compile_processor
from chalicelib.domain.record import Preparer
from tests.builders import a_schema

WEATHER = {"origin": "text", "time_hour": "datetime", "temp": "double", "hour": "int", "tags": "json_blob"}
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=10,
)
READINGS = st.fixed_dictionaries(
    {},
    optional={
        "origin": TEXTS,
        "time_hour": st.datetimes().map(lambda moment: moment.isoformat()),
        "temp": st.floats(allow_nan=False, allow_infinity=False),
        "hour": st.integers(-(2**63), 2**63 - 1),
        "tags": JSON_VALUES,
    },
)


def prepare(preparer: Preparer, *objects: Any) -> PreparedPayload:
    return preparer.prepare(Payload(objects=list(objects)))


def id_of(preparer: Preparer, pushed: Any) -> str:
    return prepare(preparer, pushed).ids[0]


@given(READINGS, st.randoms(use_true_random=False))
def test_the_order_of_fields_never_changes_an_id(reading: dict[str, Any], random: Any) -> None:
    preparer = Preparer(a_schema(**WEATHER))
    shuffled = list(reading.items())
    random.shuffle(shuffled)
    assert prepare(preparer, dict(shuffled)).records == prepare(preparer, reading).records


@given(READINGS)
def test_a_json_round_trip_never_changes_a_record(reading: dict[str, Any]) -> None:
    preparer = Preparer(a_schema(**WEATHER))
    assert prepare(preparer, json.loads(json.dumps(reading))).records == prepare(preparer, reading).records


@given(READINGS)
def test_storing_and_pushing_a_record_again_keeps_its_id_and_its_text(reading: dict[str, Any]) -> None:
    preparer = Preparer(a_schema(**WEATHER))
    for record in prepare(preparer, reading).records.values():
        assert prepare(preparer, json.loads(record.text)).records == {record.id: record}


@given(READINGS)
def test_a_new_field_does_not_change_old_ids(reading: dict[str, Any]) -> None:
    before, after = Preparer(a_schema(**WEATHER)), Preparer(a_schema(**WEATHER, added="text"))
    assert prepare(before, reading).ids == prepare(after, reading).ids


@given(READINGS, READINGS)
def test_two_records_share_an_id_only_when_their_unique_keys_are_equal(one: Any, other: Any) -> None:
    preparer = Preparer(a_schema(unique_key=["hour"], **WEATHER))
    ids = [prepare(preparer, reading).ids for reading in (one, other)]
    if ids[0] and ids[1]:
        assert (ids[0] == ids[1]) == (one["hour"] == other["hour"])


def test_the_id_is_the_documented_hash_of_the_sorted_pairs() -> None:
    preparer = Preparer(a_schema(unique_key=["origin", "hour"], **WEATHER))
    pairs = '[["hour",6],["origin","EWR"]]'
    assert id_of(preparer, {"origin": "EWR", "hour": 6, "temp": 1}) == hashlib.sha256(pairs.encode()).hexdigest()[:40]


@pytest.mark.parametrize("hour", [1, 1.0, "1", "1.0"])
def test_one_number_in_any_spelling_is_one_key(hour: Any) -> None:
    preparer = Preparer(a_schema(unique_key=["hour"], **WEATHER))
    assert id_of(preparer, {"hour": hour}) == id_of(preparer, {"hour": 1})


def test_the_last_of_two_records_with_one_key_wins() -> None:
    preparer = Preparer(a_schema(unique_key=["hour"], **WEATHER))
    prepared = prepare(preparer, {"hour": 1, "temp": 1}, {"hour": 1, "temp": 2})
    assert [json.loads(record.text)["temp"] for record in prepared.records.values()] == [2.0]
    assert len(prepared.ids) == 2


def test_nulls_empty_strings_and_null_tokens_are_not_stored() -> None:
    preparer = Preparer(a_schema(**WEATHER), null_values=["NA"])
    prepared = prepare(preparer, {"origin": "", "temp": "", "hour": "NA", "time_hour": None})
    assert [json.loads(record.text) for record in prepared.records.values()] == [{"origin": ""}]


@pytest.mark.parametrize(
    ("pushed", "code", "field"),
    [
        ({"temp": 1}, "missing_unique_key", "hour"),
        ({"hour": None}, "missing_unique_key", "hour"),
        ({"hour": "x"}, "invalid_value", "hour"),
        ({"hour": 1, "temp": "warm"}, "invalid_value", "temp"),
        ({"hour": 1, "origin": "x" * 360_000}, "record_too_large", None),
        ("text", "not_an_object", None),
        (None, "not_an_object", None),
    ],
)
def test_a_record_that_cannot_be_stored_is_refused_with_its_index_and_field(
    pushed: Any, code: str, field: str | None
) -> None:
    preparer = Preparer(a_schema(unique_key=["hour"], **WEATHER))
    prepared = prepare(preparer, {"hour": 1}, pushed)
    assert [(r.index, r.code, r.field) for r in prepared.refusals] == [(1, code, field)]
    assert len(prepared.records) == 1


HALF = "\ud800"  # of a character: a lone surrogate


@pytest.mark.parametrize("unique_key", [[], ["hour"], ["origin"], ["origin", "hour"]])
@pytest.mark.parametrize("pushed", [{"origin": HALF}, {"tags": {"a": [HALF]}}, {"tags": {HALF: 1}}])
def test_half_a_character_is_refused_in_any_field(pushed: dict[str, Any], unique_key: list[str]) -> None:
    preparer = Preparer(a_schema(unique_key=unique_key, **WEATHER))
    whole = {"hour": 1, "origin": "EWR"}
    prepared = prepare(preparer, whole, {**whole, **pushed})
    (refusal,) = prepared.refusals
    assert (refusal.index, refusal.code, refusal.field) == (1, "invalid_value", next(iter(pushed)))
    assert "cannot be kept as JSON" in refusal.message
    assert len(prepared.records) == 1
    json.dumps(refusal.as_json(), ensure_ascii=False).encode()


def test_a_record_of_half_a_character_has_no_id_to_be_deleted_by() -> None:
    preparer = Preparer(a_schema(unique_key=["origin"], **WEATHER))
    identified = preparer.identify(Payload(objects=[{"origin": HALF}]))
    assert [(r.code, r.field) for r in identified.refusals] == [("invalid_value", "origin")]
    assert preparer.identify_unfit([{"origin": HALF}]) == []
    assert preparer.id_of({"origin": HALF}) is None


def test_a_record_without_any_known_value_is_refused() -> None:
    prepared = prepare(Preparer(a_schema(**WEATHER)), {}, {"unknown": 1})
    assert [r.code for r in prepared.refusals] == ["empty_record", "empty_record"]


def test_unknown_fields_are_reported_and_removed_ones_are_not() -> None:
    prepared = prepare(Preparer(a_schema(hour="int")), {"hour": 1, "firmware": 2})
    assert prepared.ignored_fields == {"firmware"}
    assert not prepared.refusals


def test_a_resource_may_refuse_unknown_fields() -> None:
    preparer = Preparer(a_schema(hour="int"), refuse_unknown=True)
    (refusal,) = prepare(preparer, {"hour": 1, "firmware": 2}).refusals
    assert (refusal.code, refusal.field) == ("unknown_field", "firmware")
    assert "hour" in refusal.message


def test_deleting_needs_only_the_unique_key_and_finds_the_pushed_id() -> None:
    preparer = Preparer(a_schema(unique_key=["hour"], **WEATHER))
    pushed = id_of(preparer, {"hour": 1, "temp": 2, "origin": "EWR"})
    assert preparer.identify(Payload(objects=[{"hour": "1"}, {"hour": 1, "temp": "broken"}])).ids == [pushed, pushed]


@pytest.mark.parametrize("content_type", ["application/json", "application/x-ndjson"])
@pytest.mark.parametrize(
    ("number", "is_taken"),
    [
        ("12345678901234567890123", False),
        ("-9223372036854775809", False),
        ("18446744073709551616", False),
        ("18446744073709551615", True),
        ("-9223372036854775808", True),
        ("100000000000000000000", True),
        ("1e20", True),
        ("9.969209968386869e36", True),
        ("12345678901234567890123.0", True),
        ('"12345678901234567890123"', True),
        ('"\\"12345678901234567890123"', True),
    ],
)
def test_a_whole_number_in_a_blob_is_kept_as_it_is_or_refused(number: str, is_taken: bool, content_type: str) -> None:
    preparer = Preparer(a_schema(unique_key=["hour"], **WEATHER))
    body = f'{{"hour": 1, "temp": 1, "tags": {{"a": [{number}]}}}}'
    prepared = preparer.prepare(parse_payload(body.encode(), content_type))
    if is_taken:
        (record,) = prepared.records.values()
        assert json.loads(record.text) == json.loads(body)
    else:
        (refusal,) = prepared.refusals
        assert (refusal.index, refusal.field, refusal.code) == (0, "tags", "invalid_value")
        assert refusal.message.endswith("is beyond 64 bits and has lost digits: send it as a string")


def test_a_double_beside_a_blob_takes_whole_numbers_of_any_length() -> None:
    preparer = Preparer(a_schema(unique_key=["hour"], **WEATHER))
    body = b'[{"hour": 1, "temp": 12345678901234567890123, "tags": [1e20]}]'
    (record,) = preparer.prepare(parse_payload(body)).records.values()
    assert json.loads(record.text)["temp"] == 12345678901234567890123.0


def test_a_file_counts_by_its_content() -> None:
    def photo(content: bytes, kind: str) -> dict[str, str]:
        return {"content": base64.b64encode(content).decode(), "content-type": kind}

    preparer = Preparer(a_schema(photo="file"))
    one, other = {"photo": photo(b"abc", "image/jpg")}, {"photo": photo(b"abc", "image/jpeg")}
    assert id_of(preparer, one) == id_of(preparer, other)
    (record,) = prepare(preparer, one).records.values()
    assert record.files["photo"].content == b"abc"
    assert json.loads(record.text)["photo"]["mimetype"] == "image/jpeg"


@pytest.mark.parametrize(
    "photo",
    [
        "abc",
        {},
        {"content": "abc", "content-type": "image/png"},
        {"content": "YWJj"},
        {"content": "YWJj", "content-type": "text/html"},
        {"content": 5, "content-type": "image/png"},
    ],
)
def test_a_file_that_is_none_is_refused(photo: Any) -> None:
    (refusal,) = prepare(Preparer(a_schema(photo="file")), {"photo": photo}).refusals
    assert (refusal.code, refusal.field) == ("invalid_value", "photo")


def processors(*configurations: dict[str, Any]) -> list[Processor]:
    return [compile_processor(configuration) for configuration in configurations]


SKIP_WITHOUT_TEMP = {"type": "skip_records", "condition": "temp == null"}


def test_a_skipped_record_is_counted_and_not_stored() -> None:
    preparer = Preparer(a_schema(unique_key=["hour"], **WEATHER), processors=processors(SKIP_WITHOUT_TEMP))
    prepared = prepare(preparer, {"hour": 1, "temp": 1}, {"hour": 2})
    assert (len(prepared.records), prepared.skipped, prepared.refusals) == (1, 1, [])


def test_a_delete_by_key_is_not_skipped() -> None:
    preparer = Preparer(a_schema(unique_key=["hour"], **WEATHER), processors=processors(SKIP_WITHOUT_TEMP))
    assert preparer.identify(Payload(objects=[{"hour": 1}])).ids == [id_of(preparer, {"hour": 1, "temp": 1})]


def test_processors_see_null_for_null_tokens_and_their_failure_refuses_the_record() -> None:
    double = {"type": "expression", "output_field": "temp", "expression": "temp * 2"}
    preparer = Preparer(a_schema(**WEATHER), processors=processors(double), null_values=["NA"])
    prepared = prepare(preparer, {"hour": 1, "temp": "NA"}, {"hour": 2, "temp": []}, {"hour": 3, "temp": 2})
    assert [json.loads(r.text) for r in prepared.records.values()] == [{"hour": 1}, {"hour": 3, "temp": 4.0}]
    assert [(r.index, r.code) for r in prepared.refusals] == [(1, "processor_failed")]


@pytest.mark.parametrize("method", ["prepare", "identify"])
def test_processors_are_stopped_in_the_midst_of_a_record_when_their_time_is_over(method: str) -> None:
    applied = 0

    def apply(record: dict[str, Any]) -> dict[str, Any]:
        nonlocal applied
        applied += 1
        return record

    slow = Processor(apply=apply, outputs=(), inputs=())
    preparer = Preparer(a_schema(unique_key=["hour"], **WEATHER), processors=[slow, slow])
    payload = Payload(objects=[{"hour": number} for number in range(5)])
    with pytest.raises(ProcessingTooSlow):
        getattr(preparer, method)(payload, lambda: applied == 3)
    assert applied == 3
    assert len(getattr(preparer, method)(payload, lambda: False).ids) == 5


def test_without_processors_no_time_is_too_short() -> None:
    preparer = Preparer(a_schema(**WEATHER))
    assert preparer.prepare(Payload(objects=[{"hour": 1}]), lambda: True).ids
