"""JSON files: arrays, objects, root paths, lines; every refusal with its entry and line."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.nesting import MAX_DEPTH
from chalicelib.sources.formats.broken import BrokenFile, TooLarge
from chalicelib.sources.formats.json_runs import elements, members
from chalicelib.sources.formats.opening import open_records
from tests.sources.files import Dripping, read, values

ONE = {"isbn": 1, "loans": [2.5, None, True]}


def nested(levels: int) -> str:
    return '{"a":' * levels + "1" + "}" * levels


@pytest.mark.parametrize(
    ("text", "params"),
    [
        (json.dumps([ONE]), {}),
        (json.dumps(ONE), {}),
        (json.dumps({"a": {"b": [ONE]}}), {"json_root": "a.b"}),
        (
            json.dumps({"before": [[{"x": "]"}], {"y": "}"}, 1e5, '\\"'], "a": {"c": 0, "b": ONE}, "after": {}}),
            {"json_root": "a.b"},
        ),
        ('\ufeff  [\r\n{"isbn"\t: 1 ,"loans":[2.5,null,true]}\n ]\n', {}),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_the_records_of_every_form(text: str, params: dict[str, Any], encoding: str, size: int) -> None:
    found = list(open_records(Dripping(text.encode(encoding), size), "jsonfile", params))
    assert [(record.values, record.place) for record in found] == [(ONE, "entry 1")]


def test_an_empty_array_has_no_records() -> None:
    assert read(b"[]", "jsonfile") == []
    assert read(b'{"data": [ ]}', "jsonfile", json_root="data") == []


@pytest.mark.parametrize(
    ("text", "params", "says"),
    [
        ("", {}, "the file is empty"),
        ("  \n", {}, "the file is empty"),
        ("{", {}, "it ends within line 1. It is cut off"),
        ("[", {}, "cut off"),
        ('[{"a": 1},\n{"a": 2}', {}, "it ends within line 2. It is cut off"),
        ('[{"a": 1},\n{"a": "x', {}, "line 2"),
        ('[{"a": 1}\n{"a": 2}]', {}, "'{' stands where , or ] is expected at line 2"),
        ('[{"a": 1},\n\n{a: 2}]', {}, "at line 3"),
        ('[{"a": 1},]', {}, "at line 1"),
        ('[{"a": NaN}]', {}, "entry 1 is not JSON"),
        ('[{"a": 1},\n{"a": "\\ud800"}]', {}, "entry 2 is not JSON"),
        ('[{"a": 1},\n{"b":\n Infinity}]', {}, "at line 3"),
        ('[{"a": 1}] []', {}, "there is more after its end at line 1"),
        ("[{}, 1]", {}, "entry 2 is no object"),
        ("1", {}, "entry 1 is no object"),
        ('[[{"a": 1}]]', {}, "entry 1 is no object"),
        ('{"a": []}', {"json_root": "b"}, "the file has nothing at 'b'"),
        (
            '{"a": {"b": 1}}',
            {"json_root": "a.c"},
            "the file has nothing at 'a.c': 'c' is not there; mend the root path",
        ),
        ('{"a": [{"b": 1}]}', {"json_root": "a.b"}, "nothing at 'a.b'"),
        ('{"a": [{"b": 1}', {"json_root": "a"}, "cut off"),
        ('{"a": [{"b": 1}], "c": [1,', {"json_root": "a"}, "cut off"),
        ('{"a": [{"b": 1}], "a": []}', {"json_root": "a"}, "the file has 'a' twice"),
        ('{"a": [{"b": 1}], c: 1}', {"json_root": "a"}, "a name in double quotes is expected at line 1"),
        (f"[{nested(MAX_DEPTH)},\n{nested(MAX_DEPTH + 1)}]", {}, "entry 2 is nested more than 32 levels deep (line 2)"),
        (nested(5000), {}, "nested far too deep"),
        ('{"x": ' + "[" * 100 + "]" * 100 + ', "a": []}', {"json_root": "a"}, "nested more than 32 levels"),
    ],
)
def test_broken_json_says_where(text: str, params: dict[str, Any], says: str) -> None:
    with pytest.raises(BrokenFile) as broken:
        read(text.encode(), "jsonfile", **params)
    assert says in str(broken.value)


def test_what_comes_before_the_break_has_been_given() -> None:
    stream = open_records(Dripping(b'[{"a": 1},\n{"a": 2},\n{"a"'), "jsonfile", {})
    assert [next(stream).values, next(stream).values] == [{"a": 1}, {"a": 2}]
    with pytest.raises(BrokenFile, match="line 3"):
        next(stream)


def test_lines_are_counted_through_long_files() -> None:
    text = "[" + ",\n".join('{"a": "%s"}' % ("x" * 90) for _ in range(5000)) + ",\n{a}]"
    with pytest.raises(BrokenFile, match="line 5001"):
        read(text.encode(), "jsonfile")


@pytest.mark.parametrize("kind", ["jsonfile", "jsonl"])
def test_a_record_that_is_too_large_is_refused(kind: str) -> None:
    with pytest.raises(TooLarge, match="more than 4 MB"):
        read(b'{"a": "' + b"x" * 5_000_000 + b'"}', kind)


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ('{"a": "x",}', "Expecting property name enclosed in double quotes"),
        ("{'a': 1}", "Expecting property name enclosed in double quotes"),
        ('{"a": "b\tc"}', "Invalid control character"),
        ('{"a": "b\\c"}', "Invalid \\\\escape"),
        ('{"a": 01}', "Expecting ',' delimiter"),
        ('{"a": [1 2]}', "Expecting ',' delimiter"),
        ('{"a": nil}', "Expecting value"),
    ],
)
def test_what_is_broken_in_a_large_file_is_named_as_in_a_small_one(entry: str, says: str) -> None:
    for more in (3, 300_000):
        text = "[" + '{"name": "abc"},\n' * 10 + entry + ',\n{"name": "abc"}' * more + "]"
        with pytest.raises(BrokenFile, match=f"the file is not JSON: {says}.* at line 11. Mend it there"):
            read(text.encode(), "jsonfile")


def test_numbers_are_those_of_a_push() -> None:
    text = '[{"a": 12345678901234567890, "b": 1e40, "c": 123456789012345678901234567890, "d": 1.0}]'
    assert values(text.encode(), "jsonfile") == orjson.loads(text)
    for number in ("9" * 100_000, "1e400"):
        with pytest.raises(BrokenFile, match="entry 1 is not JSON"):
            read(b'[{"a": ' + number.encode() + b"}]", "jsonfile")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"a": 1}\n{', "line 2 is not JSON"),
        ('{"a": 1}\n\n[1]', "line 3 is no object"),
        ('{"a": 1}\n{"a": NaN}', "line 2 is not JSON"),
        ('{"a": 1} {"a": 2}', "line 1 is not JSON"),
        (f"{nested(MAX_DEPTH)}\n{nested(MAX_DEPTH + 1)}", "line 2 is nested more than 32 levels"),
    ],
)
def test_a_broken_line_is_named(text: str, says: str) -> None:
    with pytest.raises(BrokenFile) as broken:
        read(text.encode(), "jsonl")
    assert says in str(broken.value)


def test_a_line_that_is_not_utf8_is_named() -> None:
    with pytest.raises(BrokenFile, match="line 2 is not utf-8"):
        read(b'{"a": 1}\n{"a": "\xe9"}', "jsonl", encoding="utf-8")
    with pytest.raises(BrokenFile, match="line 2 is not utf-8"):
        read(b'[{"a": "\xc3\xa9"},\n{"a": "\xe9"}]', "jsonfile")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)  # fmt: skip
RECORDS = st.lists(
    st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=4), JSON, max_size=4), max_size=6
)


@given(records=RECORDS, ascii_only=st.booleans(), indent=st.sampled_from([None, 1]), size=st.integers(1, 40))
def test_what_the_json_module_wrote_reads_back_equal(
    records: list[Any], ascii_only: bool, indent: int | None, size: int
) -> None:
    text = json.dumps({"a": {"records": records}}, ensure_ascii=ascii_only, indent=indent)
    try:
        content = text.encode()
    except UnicodeEncodeError:
        content = json.dumps({"a": {"records": records}}).encode()
    expected = reading(content)
    if expected is None:
        with pytest.raises(BrokenFile):
            list(open_records(Dripping(content, size), "jsonfile", {"json_root": "a.records"}))
    else:
        found = list(open_records(Dripping(content, size), "jsonfile", {"json_root": "a.records"}))
        assert [record.values for record in found] == expected["a"]["records"]


def reading(content: bytes) -> Any:
    """What a push makes of the text; None when it refuses it (half of a surrogate pair)."""
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        return None


@given(records=RECORDS, line_end=st.sampled_from(["\n", "\r\n", "\n\n"]), size=st.integers(1, 40))
def test_lines_of_json_read_back_equal(records: list[Any], line_end: str, size: int) -> None:
    lines = [json.dumps(record) for record in records]
    if any(reading(line.encode()) is None for line in lines):
        return
    content = line_end.join(lines).encode()
    found = list(open_records(Dripping(content, size), "jsonl", {}))
    assert [record.values for record in found] == records
    assert [content.split(b"\n")[record.number - 1].strip() for record in found] == [line.encode() for line in lines]


@given(content=st.text(st.sampled_from('{}[]",:1ae \n\\'), max_size=30))
def test_any_text_is_read_as_a_push_would_or_refused(content: str) -> None:
    expected = reading(content.encode())
    is_records = isinstance(expected, dict) or (
        isinstance(expected, list) and all(isinstance(v, dict) for v in expected)
    )
    try:
        found = values(content.encode(), "jsonfile")
    except BrokenFile:
        assert not is_records
    else:
        assert found == (expected if isinstance(expected, list) else [expected])


@given(
    beside=st.text(st.sampled_from('{}[]",:1ae \n\\'), max_size=30)
    | st.builds(json.dumps, JSON, ensure_ascii=st.booleans(), indent=st.sampled_from([None, 1]))
    | st.builds(lambda value, at, more: f"{value[:at]}{more}{value[at:]}",
                st.builds(json.dumps, JSON), st.integers(0, 40), st.sampled_from(list('{}[]",:1e.-\\\t')))
    | st.builds(lambda levels: "[" * levels + "1, 2" + "]" * levels, st.integers(1, MAX_DEPTH - 2)),
    size=st.integers(1, 60),
)  # fmt: skip
def test_what_is_skipped_is_json_and_nothing_else(beside: str, size: int) -> None:
    content = f'{{"before": [0, {beside}, 1], "a": [{{"b": 1}}], "after": {{"c": {beside}, "d": 1}}}}'.encode()
    try:
        found = list(open_records(Dripping(content, size), "jsonfile", {"json_root": "a"}))
    except BrokenFile:
        found = None
    assert (found is None) == (reading(content) is None)


@pytest.mark.parametrize("number", ["1.5", "1e9", "-1.5e-7", "12E+3"])
def test_a_number_that_comes_in_pieces_is_whole(number: str) -> None:
    content = f'{{"x": [{number}, {number}], "y": {number}, "a": {{}}}}'.encode()
    for size in range(1, len(content)):
        assert len(list(open_records(Dripping(content, size), "jsonfile", {"json_root": "a"}))) == 1


@pytest.mark.parametrize(
    "plain", ["1,", '{"a":1},', "[],", '{"a":[{"b":1.5,"":null}],"c":"d\\n"},', '"' + "x" * 99 + '",']
)
def test_plain_values_are_skipped_many_at_once(plain: str) -> None:
    for run, text in ((elements(), plain * 200), (members(), f'{plain} "a": ' * 200)):
        found = run.match(text)
        assert found is not None
        assert found.end() == len(text)


@pytest.mark.parametrize("size", [1, 1000])
def test_what_is_skipped_is_nested_no_deeper_than_records(size: int) -> None:
    def skip(levels: int) -> None:
        content = b'{"x": [1, ' + b"[" * levels + b"1, 2" + b"]" * levels + b', 1], "a": {}}'
        assert len(list(open_records(Dripping(content, size), "jsonfile", {"json_root": "a"}))) == 1

    skip(MAX_DEPTH - 2)
    with pytest.raises(BrokenFile, match="nested more than 32 levels"):
        skip(MAX_DEPTH - 1)
