"""The registry of processors: what there is, and which configurations it takes."""

import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from chalicelib.domain.errors import ValidationFailed
from chalicelib.domain.processors import check_processor, compile_processor, describe, typed_fields, types
from tests.domain.processors.processing import CONFIGURATIONS, a_processor, refusal

TYPES = [
    "concatenate",
    "copy",
    "create_geopoint",
    "expression",
    "extract_from_json",
    "normalize_date",
    "regexp_replace",
    "skip_records",
    "split",
    "string_replace",
]
DESCRIPTIONS = {entry["type"]: entry for entry in describe()}
REPLACE = {"type": "string_replace", "field": "a", "old": "b", "new": "c"}


def test_every_module_of_the_package_is_a_processor_unless_its_name_begins_with_an_underscore() -> None:
    assert types() == TYPES
    assert {configuration["type"] for configuration in CONFIGURATIONS} == set(TYPES)


def test_importing_the_registry_imports_no_processor_and_no_library() -> None:
    code = (
        "import sys, chalicelib.domain.processors as p\n"
        "heavy = {'re2', 'simpleeval', 'jmespath', 'zoneinfo', 'ast', 'pkgutil', 'orjson'}\n"
        "print(sorted(n for n in sys.modules if n in heavy - before or n.startswith(p.__name__ + '.')))"
    )
    code = "import sys; before = set(sys.modules)\n" + code
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True)
    assert "re2" not in done.stdout
    assert "simpleeval" not in done.stdout
    assert "chalicelib.domain.processors." not in done.stdout
    assert "orjson" not in done.stdout


@pytest.mark.parametrize("kind", TYPES)
def test_a_processor_describes_itself_and_each_of_its_parameters(kind: str) -> None:
    entry = DESCRIPTIONS[kind]
    assert set(entry) == {"type", "label", "description", "parameters"}
    assert entry["label"]
    assert len(entry["description"]) > 100
    Draft202012Validator.check_schema(entry["parameters"])
    assert entry["parameters"]["additionalProperties"] is False
    assert not {"type", "label", "uid"} & set(entry["parameters"]["properties"])
    assert all(parameter["description"].endswith(".") for parameter in entry["parameters"]["properties"].values())


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_a_good_configuration_comes_back_as_it_is_and_compiles(configuration: dict[str, Any]) -> None:
    assert check_processor(configuration) == configuration
    labelled = {**configuration, "label": "Mine"}
    assert check_processor(labelled) == labelled
    assert compile_processor({**labelled, "uid": "pr_abc123"}).inputs == compile_processor(configuration).inputs


@pytest.mark.parametrize("body", [None, [], "string_replace", 1])
def test_what_is_no_object_is_refused(body: Any) -> None:
    with pytest.raises(ValidationFailed) as caught:
        check_processor(body)
    assert caught.value.detail == {"body": ["expected a JSON object"]}


@pytest.mark.parametrize("kind", [None, "", "lower", "_values", "__init__", 1, ["copy"]])
def test_a_type_that_is_none_is_refused_with_those_there_are(kind: Any) -> None:
    for refuse in (check_processor, compile_processor):
        with pytest.raises(ValidationFailed) as caught:
            refuse({"type": kind})
        assert list(caught.value.detail) == ["type"]
        assert "string_replace" in caught.value.detail["type"][0]


@pytest.mark.parametrize("kind", TYPES)
def test_a_missing_parameter_is_named(kind: str) -> None:
    good = next(configuration for configuration in CONFIGURATIONS if configuration["type"] == kind)
    for name in DESCRIPTIONS[kind]["parameters"].get("required", []):
        body = {key: value for key, value in good.items() if key != name}
        assert refusal(**body) == {name: ["This field is required"]}


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_a_value_of_the_wrong_kind_is_named(configuration: dict[str, Any]) -> None:
    for name in configuration.keys() - {"type"}:
        detail = refusal(**{**configuration, name: {"an": "object"}})
        assert set(detail) == {name}
        assert detail[name][0].startswith("expected ")


def test_every_problem_is_told_at_once_and_unknown_keys_are_named() -> None:
    detail = refusal(type="string_replace", field="", old=5, colour="red", label=1)
    assert set(detail) == {"field", "old", "new", "colour", "label"}
    assert detail["colour"] == ["unknown field; use type, label, field, old, new"]
    assert detail["field"] == ["expected text of 1 to 255 characters"]


@pytest.mark.parametrize(
    ("changes", "key", "sentence"),
    [
        ({"type": "split", "field": "a", "separator": ","}, "index", "either"),
        ({"type": "split", "field": "a", "separator": ",", "index": 1}, "output_field", "required with index"),
        ({"type": "split", "field": "a", "separator": ",", "output_field": "b"}, "index", "required with output_field"),
        ({"type": "split", "field": "a", "separator": ",", "output_fields": []}, "output_fields", "list of 1 to 100"),
        ({"type": "split", "field": "a", "separator": ",", "output_fields": ["b", "b"]}, "output_fields", "twice"),
        ({"type": "split", "field": "a", "separator": ",", "output_fields": ["b", 1]}, "output_fields", "number 2"),
        ({"type": "split", "field": "a", "separator": ",", "index": 1.5, "output_field": "b"}, "index", "whole number"),
        (
            {"type": "split", "field": "a", "separator": ",", "index": 1000, "output_field": "b"},
            "index",
            "-1000 to 999",
        ),
        (
            {"type": "split", "field": "a", "separator": ",", "index": True, "output_field": "b"},
            "index",
            "whole number",
        ),
        ({"type": "skip_records"}, "condition", "either condition, or field and values"),
        ({"type": "skip_records", "condition": "a", "field": "b", "values": [1]}, "values", "either"),
        ({"type": "skip_records", "field": "b"}, "values", "required with field"),
        ({"type": "copy", "field": "x" * 256, "output_field": "b"}, "field", "1 to 255"),
        ({**REPLACE, "label": "x" * 256}, "label", "255"),
        (
            {"type": "expression", "output_field": "b", "expression": "1", "output_type": "file"},
            "output_type",
            "one of",
        ),
    ],
)
def test_a_refusal_names_its_key(changes: dict[str, Any], key: str, sentence: str) -> None:
    assert sentence in refusal(**changes)[key][0]


KEYWORDS = {
    "type",
    "enum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "uniqueItems",
    "items",
    "minimum",
    "maximum",
}
DESCRIBING = {"description", "default", "examples"}
OF_OBJECTS = {"type", "properties", "required", "additionalProperties", "dependentRequired", "oneOf"}


def test_the_schemas_use_only_what_the_check_knows() -> None:
    for entry in DESCRIPTIONS.values():
        assert set(entry["parameters"]) <= OF_OBJECTS
        for parameter in entry["parameters"]["properties"].values():
            assert set(parameter) <= KEYWORDS | DESCRIBING
            assert set(parameter.get("items", {})) <= KEYWORDS


SOME_VALUES = st.one_of(
    st.sampled_from(["", "a", "text", "file", "x" * 300, "x" * 20_000, 0, 1, -1, 1.0, 1.5, 1000, None, True, [], {}]),
    st.lists(st.sampled_from(["", "a", "b", "x" * 300, 1, None, []]), max_size=3),
    st.just(["a"] * 101),
)


@given(st.data())
def test_the_check_agrees_with_a_whole_implementation_of_json_schema(data: st.DataObject) -> None:
    good = data.draw(st.sampled_from(CONFIGURATIONS))
    schema = DESCRIPTIONS[good["type"]]["parameters"]
    names = [*schema["properties"], "unknown"]
    changes = data.draw(st.dictionaries(st.sampled_from(names), SOME_VALUES, max_size=2))
    missing = data.draw(st.sets(st.sampled_from(names), max_size=1))
    parameters = {key: value for key, value in {**good, **changes}.items() if key not in missing and key != "type"}
    try:
        check_processor({"type": good["type"], **parameters})
        accepted = True
    except ValidationFailed:
        accepted = False
    assert accepted == Draft202012Validator(schema).is_valid(parameters)


def test_the_fields_after_the_processors_are_those_before_with_created_and_retyped_ones() -> None:
    processors = [
        a_processor(type="copy", field="price", output_field="old_price"),
        a_processor(type="string_replace", field="price", old="1", new="one"),
        a_processor(type="copy", field="price", output_field="new_price"),
        a_processor(type="copy", field="nowhere", output_field="unknown"),
        a_processor(type="create_geopoint", latitude="y", longitude="x", output_field="place"),
        a_processor(type="skip_records", condition="price == null"),
    ]
    assert typed_fields([("price", "int"), ("x", "double")], processors) == [
        ("price", "text"),
        ("x", "double"),
        ("old_price", "int"),
        ("new_price", "text"),
        ("unknown", "text"),
        ("place", "geo_point_2d"),
    ]


def test_only_processors_that_say_so_skip() -> None:
    assert [c["type"] for c in CONFIGURATIONS if a_processor(**c).skips] == ["skip_records", "skip_records"]
