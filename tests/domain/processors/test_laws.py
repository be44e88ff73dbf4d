"""Laws of all processors: pure, deterministic, bounded, and silent where there is nothing."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.casting import CASTERS
from chalicelib.domain.errors import ValidationFailed
from chalicelib.domain.prepared_record import MAX_RECORD_BYTES
from chalicelib.domain.processors import ProcessorFailed
from chalicelib.domain.processors._values import MAX_TEXT
from tests.domain.processors.processing import CONFIGURATIONS, a_processor

PROCESSORS = [(configuration, a_processor(**configuration)) for configuration in CONFIGURATIONS]
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(
    [
        "hello",
        "a 1l",
        "27/01/2014",
        "20140127 10:15",
        "14-366",
        '{"a": {"b": 1}}',
        '[{"a": 1, "b": "x"}]',
        "48,85",
        "l l",
    ]
)
NUMBERS = (
    st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([2**63, 2**64, 1e300, -0.0])
)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=6,
)
RECORDS = st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), VALUES)


def outcome(processor: Any, record: dict[str, Any]) -> tuple[str, Any]:
    try:
        return "record", processor.apply(record)
    except ProcessorFailed as error:
        return "failed", (error.message, error.field)


@pytest.mark.parametrize(("configuration", "processor"), PROCESSORS)
@given(record=RECORDS)
def test_no_processor_changes_its_input_or_depends_on_anything_else(
    configuration: dict[str, Any], processor: Any, record: dict[str, Any]
) -> None:
    before = copy.deepcopy(record)
    first = outcome(processor, record)
    assert repr(record) == repr(before)
    assert repr(outcome(processor, record)) == repr(first)
    assert repr(outcome(a_processor(**configuration), before)) == repr(first)


@pytest.mark.parametrize(("configuration", "processor"), PROCESSORS)
@given(record=RECORDS)
def test_a_result_is_json_and_differs_in_the_outputs_alone(
    configuration: dict[str, Any], processor: Any, record: dict[str, Any]
) -> None:
    kind, result = outcome(processor, record)
    if kind == "failed":
        message, field = result
        assert len(message) < 1000
        assert message[0] != "'"
        assert field is None or field in {*processor.inputs, *(name for name, _ in processor.outputs)}
    elif result is not None:
        outputs = dict(processor.outputs)
        assert json.loads(json.dumps(result, allow_nan=False)) == result
        assert {k: v for k, v in result.items() if k not in outputs} == {
            k: v for k, v in record.items() if k not in outputs
        }
        for name, value in result.items():
            if name in outputs and value is not None and not processor.copies:
                assert CASTERS[outputs[name]](value) == value
    else:
        assert processor.skips


@pytest.mark.parametrize(("configuration", "processor"), PROCESSORS)
@pytest.mark.parametrize("record", [{}, {"d": 1}, {"a": None, "b": None}])
def test_where_there_is_nothing_there_comes_nothing(
    configuration: dict[str, Any], processor: Any, record: dict[str, Any]
) -> None:
    result = processor.apply(record)
    if result is None:
        assert processor.skips  # it was asked to skip such records
    else:
        assert {name: value for name, value in result.items() if value is not None} == {
            name: value for name, value in record.items() if value is not None
        }


@given(record=RECORDS, steps=st.lists(st.sampled_from(PROCESSORS), max_size=4))
def test_processors_follow_one_another_in_any_order(record: dict[str, Any], steps: list[Any]) -> None:
    for _, processor in steps:
        kind, result = outcome(processor, record)
        if kind == "failed" or result is None:
            return
        record = result


SYNTAX = st.text(
    st.sampled_from("ab1 .,()[]{}*+?|^$<>=!&%/\\-'\"`:@_#~gPpdYmjHIMSzZrecod") | st.characters(), max_size=30
)


@pytest.mark.parametrize(
    ("kind", "key", "others"),
    [
        ("regexp_replace", "pattern", {"field": "a", "replacement": ""}),
        ("regexp_replace", "replacement", {"field": "a", "pattern": "(a)(?P<b>c)"}),
        ("expression", "expression", {"output_field": "c"}),
        ("skip_records", "condition", {}),
        ("extract_from_json", "path", {"field": "a", "output_field": "c"}),
        ("normalize_date", "format", {"field": "a"}),
        ("normalize_date", "timezone", {"field": "a", "format": "%Y%m%d"}),
    ],
)
@given(text=SYNTAX, record=RECORDS)
def test_whatever_is_written_is_refused_under_its_key_or_can_be_applied(
    kind: str, key: str, others: dict[str, Any], text: str, record: dict[str, Any]
) -> None:
    try:
        processor = a_processor(type=kind, **{key: text}, **others)
    except ValidationFailed as refusal:
        assert list(refusal.detail) == [key]
        return
    outcome(processor, record)


def test_no_text_grows_beyond_what_a_record_may_hold() -> None:
    assert MAX_TEXT == MAX_RECORD_BYTES
