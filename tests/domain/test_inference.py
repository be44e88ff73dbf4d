"""Schema inference and the field stack: from sample records to the published schema."""

from typing import Any

import pytest

from chalicelib.domain.errors import ValidationFailed
from chalicelib.domain.field_stack import check_configuration, compile_schema
from chalicelib.domain.inference import infer_fields, join_types, merge_fields
from chalicelib.domain.schema import FIELD_TYPES, Schema


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2], "int"),
        ([1, 2.5], "double"),
        ([1, None, ""], "int"),
        ([2**70], "double"),
        (["x"], "text"),
        (["12"], "text"),
        ([True], "text"),
        ([1, "x"], "text"),
        (["2014-01-27"], "date"),
        (["2014-01-27", "2014-01-27T10:00:00Z"], "datetime"),
        (["2014-01-27 10:00"], "datetime"),
        (["2014-99-99"], "text"),
        ([{"lat": 1, "lon": 2}], "geo_point_2d"),
        ([{"type": "Polygon", "coordinates": []}], "geo_shape"),
        ([{"type": "Feature", "geometry": None}], "geo_shape"),
        ([{"content": "YQ==", "content_type": "image/png"}], "file"),
        ([{"a": 1}], "json_blob"),
        ([[1, 2]], "json_blob"),
        ([{"a": 1}, "x"], "json_blob"),
        ([None], "text"),
    ],
)
def test_a_field_gets_the_narrowest_type_that_fits_its_values(values: list[Any], kind: str) -> None:
    assert infer_fields([{"f": value} for value in values]) == [("f", kind)]


def test_two_numbers_are_a_point_where_the_name_says_so() -> None:
    assert infer_fields([{"geo_point": [48.85, 2.35], "pair": [48.85, 2.35]}]) == [
        ("geo_point", "geo_point_2d"),
        ("pair", "json_blob"),
    ]


@pytest.mark.parametrize(
    ("cells", "kind"), [(["1", "2"], "int"), (["1", "2.5"], "double"), (["01", "02"], "text"), (["NA", "3"], "int")]
)
def test_numbers_are_read_out_of_the_cells_of_a_file(cells: list[str], kind: str) -> None:
    rows = [{"f": cell} for cell in cells]
    assert infer_fields(rows, null_values=["NA"], from_text=True) == [("f", kind)]


def test_joining_types_does_not_depend_on_the_order() -> None:
    for one in FIELD_TYPES:
        for other in FIELD_TYPES:
            assert join_types(one, other) == join_types(other, one)


def test_resources_that_share_a_field_share_its_wider_type() -> None:
    assert merge_fields([[("a", "int"), ("b", "text")], [("a", "double")]]) == [("a", "double"), ("b", "text")]


def stack(*configurations: dict[str, Any]) -> Schema:
    return compile_schema([("isbn", "text"), ("pages", "int")], [check_configuration(c) for c in configurations])


def test_the_stack_is_applied_in_order() -> None:
    schema = stack(
        {"type": "rename", "from_name": "pages", "to_name": "length", "field_label": "Length"},
        {"type": "type", "field": "length", "type_param": "double"},
        {"type": "annotate", "annotation": "id", "field": "isbn", "label": "id"},
        {"type": "description", "field": "isbn", "description": "Ten or thirteen digits"},
        {"type": "order", "args": ["length"]},
    )
    assert [(f.name, f.source, f.label, f.type) for f in schema.fields] == [
        ("length", "pages", "Length", "double"),
        ("isbn", "isbn", "isbn", "text"),
    ]
    assert schema.unique_key == ("isbn",)
    assert Schema.from_json(schema.as_json()) == schema


def test_annotations_of_which_nothing_follows_are_kept_for_readers() -> None:
    args: dict[str, list[Any]] = {"unit": ["cm"], "decimals": [2], "timeserie_precision": ["day"], "facet": []}
    schema = stack(
        *({"type": "annotate", "annotation": name, "field": "pages", "args": args[name]} for name in args),
        {"type": "annotate", "annotation": "sortable", "field": "isbn"},
    )
    assert [field.annotations for field in schema.fields] == [{"sortable": []}, args]
    assert schema.unique_key == ()


def test_a_type_declares_a_field_that_no_source_has_yet() -> None:
    schema = stack({"type": "type", "field": "added", "type_param": "int"})
    assert [f.name for f in schema.fields] == ["isbn", "pages", "added"]


def test_a_deleted_field_is_gone_and_its_values_are_not_unknown() -> None:
    schema = stack({"type": "delete", "field": "pages"})
    assert [f.name for f in schema.fields] == ["isbn"]
    assert schema.removed == {"pages"}


@pytest.mark.parametrize(
    ("configuration", "key"),
    [
        ({}, "type"),
        ({"type": "sort"}, "type"),
        ({"type": ["type"]}, "type"),
        ({"type": "type", "field": "pages", "type_param": "number"}, "type_param"),
        ({"type": "type", "field": "pages"}, "type_param"),
        ({"type": "type", "field": 1, "type_param": "int"}, "field"),
        ({"type": "annotate", "annotation": "id", "field": "nope"}, "field"),
        ({"type": "annotate", "annotation": "id", "field": "isbn", "args": "x"}, "args"),
        ({"type": "annotate", "annotation": "ID", "field": "isbn"}, "annotation"),
        ({"type": "annotate", "annotation": "foo", "field": "isbn"}, "annotation"),
        ({"type": "annotate", "field": "isbn"}, "annotation"),
        ({"type": "rename", "from_name": "nope", "to_name": "x"}, "from_name"),
        ({"type": "rename", "from_name": "pages", "to_name": "isbn"}, "to_name"),
        ({"type": "rename", "from_name": "pages", "to_name": ""}, "to_name"),
        ({"type": "order", "args": ["nope"]}, "args"),
        ({"type": "order", "args": [{}]}, "args"),
        ({"type": "delete", "field": "isbn", "colour": "red"}, "colour"),
    ],
)
def test_a_configuration_that_cannot_be_names_what_to_mend(configuration: dict[str, Any], key: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        stack(configuration)
    assert list(refused.value.detail) == [key]
