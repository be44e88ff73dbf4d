"""The language of expressions: Python's syntax for one, cut down to what is safe and computed by simpleeval.

`compile_expression` lets through only the nodes listed here, so what is evaluated has no attributes, no subscripts, no
loops and no calls but those of the functions of `_expression_functions`. Every node is evaluated at most once, and
every operation is bounded there: that bounds time and memory.
"""

import ast
import math
import warnings
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, NoReturn

from simpleeval import InvalidExpression, SimpleEval  # type: ignore[import-untyped]

from chalicelib.domain.errors import ValidationFailed
from chalicelib.domain.processors import ProcessorFailed
from chalicelib.domain.processors._expression_functions import FUNCTIONS, OPERATORS
from chalicelib.domain.processors._values import MAX_TEXT

MAX_DEPTH = 50
_NODES = (
    ast.BoolOp, ast.And, ast.Or, ast.BinOp, ast.UnaryOp, ast.Compare, ast.IfExp, ast.Call, ast.Name, ast.Load,
    ast.Constant, *OPERATORS,
)  # fmt: skip
_CONSTANTS = {"null": None, "true": True, "false": False}
_RECORD: ContextVar[Mapping[str, Any]] = ContextVar("record")  # the one being processed in this thread


@dataclass(frozen=True, kw_only=True)
class Expression:
    """A compiled expression: `fields` are the names of the fields that it reads."""

    fields: tuple[str, ...]
    source: str
    tree: ast.expr
    evaluator: SimpleEval

    def evaluate(self, record: Mapping[str, Any], output: str | None) -> Any:
        """The result for the record, a JSON value; ProcessorFailed, naming the field `output`, when there is none."""
        token = _RECORD.set(record)
        try:
            result = self.evaluator.eval(self.source, self.tree)
        except (ArithmeticError, InvalidExpression, RecursionError, TypeError, ValueError) as error:
            raise ProcessorFailed(
                f"the expression {_short(self.source)} cannot be computed: {error}", field=output
            ) from None
        finally:
            _RECORD.reset(token)
        if isinstance(result, str) and len(result) > MAX_TEXT:
            raise ProcessorFailed(f"the expression gives a text of more than {MAX_TEXT} characters", field=output)
        return result


def compile_expression(source: str, key: str) -> Expression:
    """The compiled expression; ValidationFailed under `key` when it is none, or not of this language."""
    tree = _parsed(source.strip(), key)
    _check_depth(tree, key)
    tree = _Reader(source.strip(), key).visit(tree)
    fields = tuple(sorted({name.id for name in _names(tree)}))
    evaluator = SimpleEval(
        operators=dict(OPERATORS), functions={name: f.call for name, f in FUNCTIONS.items()}, names=_Fields()
    )
    evaluator.nodes = {node: handler for node, handler in evaluator.nodes.items() if node in _NODES}
    return Expression(fields=fields, source=source.strip(), tree=tree, evaluator=evaluator)


class _Fields:
    """The fields of the record being processed; one that it lacks is null."""

    def __getitem__(self, name: str) -> Any:
        return _RECORD.get().get(name)


def _parsed(source: str, key: str) -> ast.expr:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # "\d" is only a warning to Python, but a mistake
            return ast.parse(source, mode="eval").body
    except SyntaxError as error:
        place = f" at character {error.offset}" if error.offset else ""
        problem = f"it does not parse{place}: {error.msg}"
    except (ValueError, RecursionError, MemoryError):
        problem = "it does not parse: it is nested too deep, or holds a character that is none"
    raise ValidationFailed({key: [f'{problem}. Names that are no single word are written record["odd name"]']})


def _check_depth(tree: ast.AST, key: str) -> None:
    waiting = [(tree, 1)]
    while waiting:
        node, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise ValidationFailed({key: [f"it is nested more than {MAX_DEPTH} levels deep: split it into several"]})
        waiting += [(child, depth + 1) for child in ast.iter_child_nodes(node)]


def _names(tree: ast.AST) -> Iterator[ast.Name]:
    """The names that are fields."""
    if isinstance(tree, ast.Name):
        yield tree
    for child in tree.args if isinstance(tree, ast.Call) else ast.iter_child_nodes(tree):
        yield from _names(child)


class _Reader(ast.NodeTransformer):
    """Lets through what belongs to the language: record["x"] becomes a name, null a constant, a list one constant."""

    def __init__(self, source: str, key: str) -> None:
        self._source, self._key = source, key

    def refuse(self, problem: str) -> NoReturn:
        raise ValidationFailed({self._key: [problem]})

    def generic_visit(self, node: ast.AST) -> ast.AST:
        if not isinstance(node, _NODES):
            written = ast.get_source_segment(self._source, node) if isinstance(node, ast.expr) else None
            self.refuse(f"{_short(written or type(node).__name__)} is not part of the language of expressions")
        return super().generic_visit(node)

    def visit_Name(self, node: ast.Name) -> ast.expr:
        # Python's parser changes the form of some letters of names; the field is what is written.
        name = ast.get_source_segment(self._source, node) or node.id
        if name in _CONSTANTS:
            return ast.Constant(_CONSTANTS[name])
        if name == "record":
            self.refuse('record alone is no value: write record["name of a field"]')
        return ast.Name(name, ast.Load())

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        key = node.slice.value if isinstance(node.slice, ast.Constant) else None
        if not isinstance(node.value, ast.Name) or node.value.id != "record" or not isinstance(key, str):
            self.refuse('only record["name of a field"] takes brackets: use substr or the processor extract_from_json')
        return ast.Name(key, ast.Load())

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        value = node.value
        if not isinstance(value, str | int | float | bool | None):
            self.refuse(f"{_short(ast.unparse(node))} is not part of the language of expressions")
        if isinstance(value, str) and not _is_unicode(value):
            self.refuse("a text holds half of a character (a lone surrogate)")
        if (isinstance(value, int) and abs(value) >= 2**63) or value in (math.inf, -math.inf):
            self.refuse("a number is beyond 64 bits")
        return node

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        read = self.generic_visit(node)
        if isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant) and node.operand.value is not None:
            try:
                return ast.Constant(OPERATORS[ast.USub](node.operand.value))  # so that -1 may stand in a list
            except ValueError as error:
                self.refuse(str(error))
        return read

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        for symbol in node.ops:
            self.visit(symbol)
        node.left = self.visit(node.left)
        node.comparators = [
            self._constants(right)
            if isinstance(right, ast.List) and isinstance(symbol, ast.In | ast.NotIn)
            else self.visit(right)
            for symbol, right in zip(node.ops, node.comparators, strict=True)
        ]
        return node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        name = node.func.id if isinstance(node.func, ast.Name) else None
        function = FUNCTIONS.get(name or "")
        if name is None or function is None:
            written = ast.get_source_segment(self._source, node.func)
            self.refuse(f"there is no function {_short(written or '')}; the functions are {', '.join(FUNCTIONS)}")
        if node.keywords or not function.least <= len(node.args) <= function.most:
            self.refuse(f"{name} takes {function.counts}")
        node.args = [self.visit(argument) for argument in node.args]
        return node

    def _constants(self, node: ast.List) -> ast.Constant:
        """A list of constants as one constant, so that it is made once and not for each record."""
        values = [self.visit(element) for element in node.elts]
        if not all(isinstance(value, ast.Constant) for value in values):
            self.refuse("a list holds texts and numbers only")
        constants: Any = tuple(value.value for value in values)
        return ast.Constant(constants)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _short(text: str) -> str:
    return f"'{text}'" if len(text) <= 60 else f"'{text[:57]}...'"
