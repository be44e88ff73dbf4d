"""Secrets are taken out of a datasource, kept as text, and put back in."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.remote_source import remote_source_problem
from chalicelib.domain.source_secrets import SourceSecrets, put_in, take_out, with_any_secrets

_texts = st.text('abcXYZ019{}"\\ é€', min_size=1, max_size=20)
_auths = (
    st.none()
    | st.builds(lambda u, p: {"type": "basic_auth", "username": u, "password": p}, _texts, _texts)
    | st.builds(lambda t: {"type": "bearer", "token": t}, _texts)
)
_headers = st.lists(
    st.builds(lambda n, v: {"name": n, "value": v}, st.text("aBc-", min_size=1, max_size=8), _texts),
    max_size=4,
    unique_by=lambda header: header["name"].lower(),
)
_JSON = st.recursive(st.none() | st.integers() | st.text(max_size=3), lambda inner: st.lists(inner, max_size=3))
_sources = st.builds(
    lambda auth, headers: {
        "type": "http",
        "connection": {"type": "http", "url": "https://data.example.org", "auth": auth},
        "headers": headers,
        "relative_url": "/books.csv",
    },
    _auths,
    _headers,
)


@given(source=_sources)
def test_what_is_shown_and_the_text_of_the_secrets_make_the_source_again(source: dict[str, Any]) -> None:
    shown, secrets = take_out(source)
    text = secrets.as_text()
    assert text.isascii()
    assert "{" not in text and "}" not in text
    assert put_in(shown, SourceSecrets.from_text(text)) == source
    assert bool(secrets) == bool(source["headers"] or source["connection"]["auth"])


@given(source=_sources)
def test_what_is_shown_has_no_secret_and_lacks_nothing_else(source: dict[str, Any]) -> None:
    shown, _ = take_out(source)
    assert [h["value"] for h in shown["headers"]] == [None] * len(source["headers"])
    assert not (shown["connection"]["auth"] or {}).keys() & {"password", "token"}
    assert take_out(put_in(shown, SourceSecrets()))[0] == shown
    filled = with_any_secrets(shown)
    assert "missing" not in str(remote_source_problem(filled))


def test_what_is_sent_comes_before_what_is_stored() -> None:
    source = {
        "connection": {"auth": {"type": "bearer", "token": "new"}},
        "headers": [{"name": "A", "value": "new"}, {"name": "B", "value": None}, {"name": "C", "value": None}],
    }
    full = put_in(source, SourceSecrets(credential="old", headers={"a": "old", "b": "old"}))
    assert full["connection"]["auth"]["token"] == "new"
    assert [header["value"] for header in full["headers"]] == ["new", "old", None]


@pytest.mark.parametrize("name", ["connection", "headers", "type"])
@given(value=_JSON)
def test_anything_is_filled_without_failing(name: str, value: Any) -> None:
    for body in ({name: value}, {name: {"auth": value}}, {name: [value, {"name": value, "value": None}]}):
        json.dumps(with_any_secrets(body))


def test_secrets_do_not_show_themselves() -> None:
    assert "hunter2" not in repr(SourceSecrets(credential="hunter2", headers={"x": "hunter2"}))
