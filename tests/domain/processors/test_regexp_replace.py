"""regexp_replace: what it replaces, what it refuses, and why it ends."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.processors import regexp_replace
from chalicelib.domain.processors._values import MAX_TEXT
from chalicelib.domain.processors.regexp_replace import MAX_INSTRUCTIONS, MAX_STEPS
from tests.domain.processors.processing import failure, processed, refusal


def a_replacement(pattern: str, replacement: str) -> dict[str, Any]:
    return {"type": "regexp_replace", "field": "f", "pattern": pattern, "replacement": replacement}


@pytest.mark.parametrize(
    ("value", "pattern", "replacement", "result"),
    [
        ("1,5 and 2,25", r"(\d),(\d)", r"\1.\2", "1.5 and 2.25"),
        ("27/01/2014", r"(?P<d>\d+)/(?P<m>\d+)/(?P<y>\d+)", r"\g<y>-\g<m>-\g<d>", "2014-01-27"),
        ("ab", "[ab]", r"<\g<0>>", "<a><b>"),
        ("ab", "(a)|(b)", r"[\1\2]", "[a][b]"),
        ("ÉTÉ été", "(?i)été", "winter", "winter winter"),
        ("a b\t c", r"\s+", " ", "a b c"),
        ("x", "x", r"\\1\n\t", "\\1\n\t"),
        ("ab", "()", "-", "-a-b-"),
        ("é🦉é", "🦉", "o", "éoé"),
        ("a\nb", r"(?m)^", "> ", "> a\n> b"),
        ("aaaaaaaaab", "(?:a){10}", r"\g<0>", "aaaaaaaaab"),
        (12.5, r"\.\d+", "", "12"),
        ("", "a", "b", ""),
        (None, "a", "b", None),
    ],
)
def test_what_matches_is_replaced(value: Any, pattern: str, replacement: str, result: Any) -> None:
    assert processed({"f": value}, **a_replacement(pattern, replacement)) == {"f": result}


def test_a_field_that_is_missing_stays_missing() -> None:
    assert processed({}, **a_replacement("a", "b")) == {}


@given(
    st.text("ab,é", max_size=10),
    st.sampled_from(["a", "(a)(b)?", "[ab]{2,3}", ",|é$", "^(?:a|é)", "(?:ab)+,?", "a*", "(?m)$", "b?(?:,|$)"]),
)
def test_replacing_is_what_python_does(text: str, pattern: str) -> None:
    assert processed({"f": text}, **a_replacement(pattern, r"<\g<0>>")) == {"f": re.sub(pattern, r"<\g<0>>", text)}


@pytest.mark.parametrize(
    ("pattern", "sentence"),
    [
        ("(", r"missing \)"),
        ("[a", "missing"),
        ("*", "repetition"),
        (r"(a)\1", "back-references"),
        ("(?=a)", "look-around"),
        ("a{5000}", "repetition"),
        ("\ud800", "RE2"),
        (r"(\pL\pN){3}", "instructions"),
        ("(a+)+$", "repeats a repetition"),
        (r"x(?:\w*)*", "repeats a repetition"),
        (r"([a-z ]+)*!", "repeats a repetition"),
        ("(?P<word>.*)+", "repeats a repetition"),
    ],
)
def test_a_pattern_that_is_none_or_too_large_is_refused(pattern: str, sentence: str) -> None:
    detail = refusal(**a_replacement(pattern, ""))
    assert list(detail) == ["pattern"]
    assert re.search(sentence, detail["pattern"][0])


@pytest.mark.parametrize("pattern", [r"(\w+\s)+", "(a+)?", "(a)+", "(a+b)*", r"\(a+\)+", "([*+])+", r"\pL+"])
def test_a_pattern_that_repeats_more_than_a_repetition_is_taken(pattern: str) -> None:
    assert processed({"f": "-"}, **a_replacement(pattern, "")) == {"f": "-"}


@pytest.mark.parametrize(
    "replacement", [r"\2", r"\g<2>", r"\g<name>", r"\g<99999>", r"\q", "\\", r"\g<>", r"\0", r"\x41"]
)
def test_a_replacement_that_names_no_group_is_refused(replacement: str) -> None:
    assert list(refusal(**a_replacement("(a)", replacement))) == ["replacement"]


class CountingRegexp:
    """A compiled pattern that records the text that each search may read."""

    def __init__(self, matches: int, programsize: int) -> None:
        self.programsize, self.searches = programsize, 0
        self._matches = matches

    def finditer(self, text: str) -> Any:
        for match in list(re.finditer("a", text))[: self._matches]:
            self.searches += 1
            yield match


def test_searching_stops_when_the_steps_are_used_up() -> None:
    # Each search may read 100,000 bytes with 1,000 instructions: 10 of them are the budget.
    text = "a" * 100_000
    regexp = CountingRegexp(matches=100_000, programsize=1000)
    with pytest.raises(ValueError, match="matches too often in a text of 100000 bytes"):
        regexp_replace._replaced(regexp, [], text, "f")
    assert regexp.searches == MAX_STEPS // (100_000 * 1000)
    few = CountingRegexp(matches=regexp.searches - 1, programsize=1000)
    assert len(regexp_replace._replaced(few, [], text, "f")) == 100_000 - few.searches


def test_the_longest_text_may_be_searched_once_by_the_largest_pattern() -> None:
    assert MAX_TEXT * MAX_INSTRUCTIONS < MAX_STEPS


def test_a_match_that_reads_to_the_end_each_time_is_stopped() -> None:
    error = failure({"f": "a" * 100_000}, **a_replacement("a.*b|a", ""))
    assert (error.field, "too often" in error.message) == ("f", True)


def test_patterns_that_explode_elsewhere_are_harmless() -> None:
    text = "a" * 300_000 + "!"
    assert processed({"f": text}, **a_replacement("(?:a+a+)+$", "")) == {"f": text}
    assert processed({"f": text}, **a_replacement("(a|aa|a*b)*$", "-")) == {"f": text + "-"}


def test_a_text_or_a_result_that_is_too_long_fails() -> None:
    assert failure({"f": "x" * (MAX_TEXT + 1)}, **a_replacement("a", "b")).field == "f"
    assert failure({"f": "é" * (MAX_TEXT // 2 + 1)}, **a_replacement("a", "b")).field == "f"
    error = failure({"f": "x" * 100_000}, **a_replacement("(?s)(.*)", r"\1" * 400))
    assert "the text would take 400000 characters" in error.message  # at the fourth of 400 pieces


def test_an_object_fails() -> None:
    assert failure({"f": {}}, **a_replacement("a", "b")).field == "f"


def test_a_text_that_is_not_unicode_fails() -> None:
    assert "Unicode" in failure({"f": "\ud800"}, **a_replacement("a", "b")).message
