"""Runs processors as the product does: configured, checked, compiled, applied."""

from typing import Any

import pytest

from chalicelib.domain.errors import ValidationFailed
from chalicelib.domain.processors import Processor, ProcessorFailed, check_processor, compile_processor

# One good configuration of each processor, for the tests that hold for all of them.
CONFIGURATIONS: list[dict[str, Any]] = [
    {"type": "string_replace", "field": "a", "old": "l", "new": "L"},
    {"type": "regexp_replace", "field": "a", "pattern": r"(?i)([a-z])(\d)?|$", "replacement": r"\2\g<1>\\"},
    {"type": "concatenate", "fields": ["a", "b", "a"], "separator": "-", "output_field": "c"},
    {"type": "split", "field": "a", "separator": "l", "index": -2, "output_field": "c"},
    {"type": "split", "field": "a", "separator": " ", "output_fields": ["a", "b", "c"]},
    {"type": "copy", "field": "a", "output_field": "c"},
    {"type": "expression", "output_field": "c", "expression": "a * b + a ** 2"},
    {"type": "expression", "output_field": "c", "expression": "b if a in ['x', 1] else a", "output_type": "json_blob"},
    {"type": "expression", "output_field": "c", "expression": "upper(a) + replace(text(b), '1', a)"},
    {"type": "normalize_date", "field": "a", "format": "%d/%m/%Y"},
    {"type": "normalize_date", "field": "a", "format": ["%Y%m%d %H:%M", "%y-%j"], "timezone": "Europe/Paris"},
    {"type": "create_geopoint", "latitude": "a", "longitude": "b", "output_field": "c"},
    {"type": "extract_from_json", "field": "a", "path": "a || b[0] || [?a<b]", "output_field": "c"},
    {"type": "extract_from_json", "field": "a", "path": "[*].a", "output_field": "c", "output_type": "json_blob"},
    {"type": "skip_records", "condition": "a > b or not a"},
    {"type": "skip_records", "field": "a", "values": ["l", 1, True, None]},
]


def a_processor(**configuration: Any) -> Processor:
    """The processor of a configuration."""
    return compile_processor(check_processor(configuration))


def processed(record: dict[str, Any], **configuration: Any) -> dict[str, Any] | None:
    """The record after one processor."""
    return a_processor(**configuration).apply(record)


def failure(record: dict[str, Any], **configuration: Any) -> ProcessorFailed:
    """Why the processor fails on the record."""
    with pytest.raises(ProcessorFailed) as caught:
        processed(record, **configuration)
    assert caught.value.message == str(caught.value)
    return caught.value


def refusal(**configuration: Any) -> dict[str, list[str]]:
    """Why the configuration is refused, by key."""
    with pytest.raises(ValidationFailed) as caught:
        a_processor(**configuration)
    return caught.value.detail
