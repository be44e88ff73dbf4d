"""What expressions refuse to be, and why none of them can run long."""

import ast
import contextlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.processors import ProcessorFailed
from chalicelib.domain.processors._expression_functions import FUNCTIONS, OPERATORS
from chalicelib.domain.processors._expressions import compile_expression
from chalicelib.domain.processors._values import MAX_TEXT
from tests.domain.processors.processing import failure, processed, refusal

REFUSED = [
    "price.real", "name.upper()", "name.__class__", "().__class__", "record", "record.price", "record[0]", "tags[0]",
    "record[price]", "name[::-1]", "[1, 2]", "[1] + [2]", "(1, 2)", "{'a': 1}", "{1}", "price in [price]", "1 in [[1]]",
    "price == [1]", "lambda: 1", "(x := 1)", "[x for x in tags]", "f'{price}'", "f'{price:>999999999}'", "b'a'", "1j",
    "...", "price is null", "price is not null", "1 << 9", "1 | 2", "~1", "1 @ 2", "*tags", "max(*tags)", "text(x=1)",
    "text(**place)", "open('f')", "__import__('os')", "eval('1')", "getattr(1, 'a')", "upper()", "abs(1, 2)",
    "(upper)(1)(2)", "await x", "yield", "1; 2", "x = 1", "import os", "", " ", "1 +", "'a", "a b", "(", "1\n2",
    "class", "-'a'", "-true", "\x00", "'\ud800'",
    "'\\d'", "'\\ud800'", "9223372036854775808", "1e999", "a" * 2001, "-" * 1999 + "1", "(" * 900 + ")" * 900,
    "not " * 60 + "1", "+".join(["a"] * 60), "min(" + ", ".join(["1"] * 21) + ")", "a" + ".b" * 900, "9" * 1999,
]  # fmt: skip


@pytest.mark.parametrize("expression", REFUSED)
def test_what_is_not_of_the_language_is_refused_when_it_is_configured(expression: str) -> None:
    for configuration, key in (
        ({"type": "expression", "output_field": "b", "expression": expression}, "expression"),
        ({"type": "skip_records", "condition": expression}, "condition"),
    ):
        detail = refusal(**configuration)
        assert list(detail) == [key]
        assert len(detail[key][0]) < 300


def test_texts_cannot_grow_beyond_what_a_record_may_hold() -> None:
    half = {"x": "a" * (MAX_TEXT // 2 + 1), "s": "ß" * (MAX_TEXT // 2 + 1)}
    for expression in ("x + x", "replace(x, 'a', 'bb')", "upper(s)", "replace(x, 'a', x)"):
        assert "limit is" in failure(half, type="expression", output_field="b", expression=expression).message
    long = {"x": "a" * (MAX_TEXT + 1)}
    assert failure(long, type="expression", output_field="b", expression="x").field == "b"
    assert processed(long, type="expression", output_field="n", expression="len(x)") == {**long, "n": str(MAX_TEXT + 1)}


@given(st.data())
def test_no_part_of_an_expression_is_computed_more_than_once(data: st.DataObject) -> None:
    """The number of operations is at most the number of parts, which the length of an expression bounds."""
    leaves = st.sampled_from(["a", "1", "2.5", "null", "'x'", 'record["b c"]'])
    source = data.draw(
        st.recursive(
            leaves,
            lambda inner: (
                st.builds("({} {} {})".format, inner, st.sampled_from(["+", "*", "**", "and", "or", "<"]), inner)
                | st.builds("({} if {} else {})".format, inner, inner, inner)
                | st.builds("max({}, {})".format, inner, inner)
            ),
            max_leaves=20,
        )
    )
    expression = compile_expression(source, "expression")
    counted = 0

    def counting(handler: Callable[[ast.AST], Any]) -> Callable[[ast.AST], Any]:
        def handle(node: ast.AST) -> Any:
            nonlocal counted
            counted += 1
            return handler(node)

        return handle

    expression.evaluator.nodes = {kind: counting(handler) for kind, handler in expression.evaluator.nodes.items()}
    with contextlib.suppress(ProcessorFailed):
        expression.evaluate({"a": 2, "b c": 3}, "b")
    assert 1 <= counted <= sum(1 for node in ast.walk(expression.tree) if isinstance(node, ast.expr))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=5,
)


@pytest.mark.parametrize("name", [*FUNCTIONS, *(f"{kind.__name__}" for kind in OPERATORS)])
@given(data=st.data())
def test_no_function_raises_anything_but_a_sentence(name: str, data: st.DataObject) -> None:
    if name in FUNCTIONS:
        function = FUNCTIONS[name]
        arguments = data.draw(st.lists(JSON, min_size=function.least, max_size=min(function.most, 4)))
        call = function.call
    else:
        call = next(call for kind, call in OPERATORS.items() if kind.__name__ == name)
        count = 1 if name in ("USub", "UAdd", "Not") else 2
        arguments = data.draw(st.lists(JSON, min_size=count, max_size=count))
    try:
        result = call(*arguments)
    except (ValueError, OverflowError) as error:
        assert str(error)
        return
    assert not isinstance(result, complex)
    if name != "coalesce" and isinstance(result, int):
        assert abs(result) <= 2**63
