"""Whatever is asked of the reading API, it answers or says why not: never a 5xx, and always in its own shape."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.api.conftest import Http, segment
from tests.builders import a_dataset, a_schema

API = "/explore/v2.1/catalog/datasets"
_ODD = ["", "0", "-1", "1e999", "NaN", "9" * 400, "true", "'", '"', "`", "(" * 500, "not " * 300, "%", "\x00", "\ud800",
        "\u202e", "🦉", "../..", "a=1", "*", "-pages", "pages", "title", "seen", "null", "limit", "\n"]  # fmt: skip
_WORDS = ["pages", "title", "seen", "at", "extra", "=", "<", "in", "(", ")", ",", "and", "or", "not", "is", "null", "1",
          "'x'", "date'2013'", "date'9999-12-31T23:59:59-23:59'", "like", "'%a%'", "as", "desc", "`pages`"]  # fmt: skip
_value = st.sampled_from(_ODD) | st.text(max_size=20) | st.lists(st.sampled_from(_WORDS), max_size=9).map(" ".join)
_NAMES = ["limit", "offset", "select", "where", "order_by", "include_app_metas", "delimiter", "with_bom", "use_labels",
          "refine", "apikey", "unknown", "é"]  # fmt: skip
_parameters = st.dictionaries(st.sampled_from(_NAMES), _value | st.lists(_value, min_size=2, max_size=2), max_size=4)
_segment = st.sampled_from(["library-books", "records", "exports", "files", "csv", "geojson", "0" * 40]) | _value
_KEYS = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60)


@pytest.fixture(scope="module")
def library(shared_http: Http) -> Iterator[Http]:
    """The application with one dataset of odd records."""
    shared_http.api_key("browse")
    schema = a_schema(title="text", pages="int", seen="datetime", at="geo_point_2d", extra="json_blob")
    target = a_dataset(schema=schema)
    records = [
        {"title": "É\u2028\x00", "pages": 2**63 - 1, "seen": "0001-01-01", "at": [90, -180], "extra": {"a": [None]}},
        {"title": "", "extra": True},
        {"pages": -1, "extra": 1e308},
    ]
    url = f"/push/1.0/library-books/realtime/push?pushkey={target.push_key}"
    assert shared_http.post(url, json=records).status == 200
    yield shared_http


@settings(max_examples=settings.default.max_examples * 2)
@given(
    rest=st.sampled_from(["/records", "/exports/csv", "/exports/json", "/exports/geojson", "/exports", ""]),
    query=_parameters,
    method=st.sampled_from(["GET", "GET", "GET", "HEAD", "PUT"]),
)
def test_any_parameters_are_answered_or_refused(library: Http, rest: str, query: dict[str, Any], method: str) -> None:
    check(library.request(method, f"{API}/library-books{rest}", query=query), method)


@given(segments=st.lists(_segment, max_size=4), key=st.none() | _KEYS)
def test_any_path_is_answered_or_refused(library: Http, segments: list[str], key: str | None) -> None:
    path = "".join(f"/{segment(part.encode('utf-8', 'surrogatepass'))}" for part in segments)
    check(library.get(API + path, key=key), "GET")


def check(answer: Any, method: str) -> None:
    assert answer.status < 500
    if answer.status >= 400 and method != "HEAD" and "error_code" in answer.text:
        assert answer.json["message"]
    if answer.status == 200 and method == "GET" and answer.headers["content-type"] == "application/json":
        assert answer.json is not None
