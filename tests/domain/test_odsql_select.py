"""`select`: which fields results show, and how stored values are shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.errors import InvalidQuery
from chalicelib.domain.odsql import parse_select
from chalicelib.domain.odsql_select import Projection, compile_select, everything
from tests.builders import a_schema
from tests.domain.odsql_questions import SCHEMA, Record, records

FILES = a_schema(title="text", cover="file")


def select(text: str) -> Projection:
    return compile_select(parse_select(text), SCHEMA)


def url(file_id: str) -> str:
    return f"https://data.example.org/files/{file_id}"


@given(record=records)
def test_a_result_shows_every_field_in_order_and_null_for_what_is_absent(record: Record) -> None:
    shown = everything(SCHEMA).show("0" * 40, record, url)
    assert list(shown) == [field.name for field in SCHEMA.fields]
    assert shown == {**dict.fromkeys(shown), **record}


def test_fields_are_chosen_renamed_and_joined_with_all_others() -> None:
    record = {"title": "Emma", "pages": 3}
    assert select("pages, title as `the title`").show("", record, url) == {"pages": 3, "the title": "Emma"}
    assert list(select("pages as n, *, title").show("", record, url)) == ["n", *(f.name for f in SCHEMA.fields)]


def test_a_file_is_shown_with_its_url_and_without_its_hash() -> None:
    stored = {"filename": "a.jpg", "mimetype": "image/jpeg", "size": 3, "sha256": "f" * 64}
    shown = everything(FILES).show("0" * 40, {"cover": stored}, url)
    link = f"https://data.example.org/files/{'0' * 40}.{'f' * 16}"
    assert shown["cover"] == {"filename": "a.jpg", "mimetype": "image/jpeg", "size": 3, "url": link}


@given(value=st.none() | st.text() | st.integers() | st.dictionaries(st.text(), st.integers()) | st.lists(st.text()))
def test_a_value_from_when_the_field_was_no_file_is_shown_as_it_is(value: object) -> None:
    assert everything(FILES).show("0" * 40, {"cover": value}, url)["cover"] == value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("isbn", "There is no field 'isbn'"),
        ("title as pages, pages", "gives the name 'pages' to two fields"),
        ("count(*) as n", "at line 1, column 6"),
        ("title pages", "column 7: expected the end, ',' or 'as'"),
    ],
)
def test_a_selection_that_cannot_be_is_refused_with_the_reason(text: str, said: str) -> None:
    with pytest.raises(InvalidQuery) as refused:
        select(text)
    assert said in refused.value.message
