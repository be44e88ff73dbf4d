"""The grammar of the query language. Imported by `odsql` when the first query comes in, never at start."""

import math
import re
from collections.abc import Iterable
from functools import cache
from typing import Any

from lark import Lark, Token, Transformer, UnexpectedInput
from lark.exceptions import UnexpectedCharacters, UnexpectedToken

from chalicelib.domain.errors import InvalidQuery
from chalicelib.domain.odsql_tree import (
    Absence,
    Comparison,
    Condition,
    Junction,
    Literal,
    Membership,
    Moment,
    Negation,
    Ordering,
    Pattern,
    Prefix,
    Selected,
)

MAX_DEPTH = 30  # conditions within conditions; evaluation recurses that deep

# Keywords are regular expressions that end at a word's end: as plain words they would match the head of `origin`.
_GRAMMAR = r"""
where: disjunction
?disjunction: conjunction | conjunction (_OR conjunction)+ -> any_of
?conjunction: negation | negation (_AND negation)+ -> all_of
?negation: predicate | _NOT negation -> negated
?predicate: "(" disjunction ")"
    | field OPERATOR literal -> compared
    | literal OPERATOR field -> mirrored
    | field _IN literals -> member
    | field _NOT _IN literals -> no_member
    | field _LIKE text -> like
    | field _NOT _LIKE text -> unlike
    | field _IS _NULL -> absent
    | field _IS _NOT _NULL -> present
    | _STARTSWITH "(" field "," text ")" -> prefixed
literals: "(" literal ("," literal)* ")"
?literal: text | NUMBER -> number | _TRUE -> true | _FALSE -> false | DATE -> moment
text: STRING

select: selected ("," selected)*
?selected: "*" -> everything | field -> plain | field _AS field -> renamed

order_by: ordering ("," ordering)*
?ordering: field -> ascending | field _ASC -> ascending | field _DESC -> descending | "-" field -> descending

field: NAME | QUOTED
NAME: /[^\W\d]\w*/
QUOTED: /`(?:[^`]|``)+`/
STRING: /'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"/s
NUMBER: /[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?/
OPERATOR: /<=|>=|<>|!=|==|=|<|>/
DATE.3: /date\s*(?:'[^']*'|"[^"]*")/i
_STARTSWITH.3: /startswith(?=\s*\()/i
_OR.2: /or\b/i
_AND.2: /and\b/i
_NOT.2: /not\b/i
_IN.2: /in\b/i
_LIKE.2: /like\b/i
_IS.2: /is\b/i
_NULL.2: /null\b/i
_TRUE.2: /true\b/i
_FALSE.2: /false\b/i
_AS.2: /as\b/i
_ASC.2: /asc\b/i
_DESC.2: /desc\b/i
%ignore /\s+/
"""

_NAMES = {
    "NAME": "a field name",
    "QUOTED": "a field name",
    "STRING": "a text in quotes",
    "NUMBER": "a number",
    "OPERATOR": "a comparison such as = or <",
    "DATE": "date'2013-01-01'",
    "LPAR": "'('",
    "RPAR": "')'",
    "COMMA": "','",
    "STAR": "'*'",
    "MINUS": "'-'",
    "$END": "the end",
}
_MIRRORED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}
# A quote doubled or escaped, or a backslash escaped: the second character is meant.
_ESCAPED = {"'": re.compile(r"\\[\\']|''"), '"': re.compile(r'\\[\\"]|""')}
_SPELLINGS = {"==": "=", "<>": "!="}


def parse(parameter: str, text: str) -> Any:
    """What the text of that parameter (where, select, order_by) says, as `odsql` describes it."""
    try:
        return _parser().parse(text, start=parameter)
    except UnexpectedInput as error:
        raise InvalidQuery(_explained(parameter, text, error)) from None


@cache
def _parser() -> Lark:
    return Lark(
        _GRAMMAR, parser="lalr", start=["where", "select", "order_by"], transformer=_Meaning(), maybe_placeholders=False
    )


def _explained(parameter: str, text: str, error: UnexpectedInput) -> str:
    expected: Iterable[str] = ()
    if isinstance(error, UnexpectedToken):
        expected = error.accepts or error.expected
    elif isinstance(error, UnexpectedCharacters):
        expected = error.allowed or ()
    phrases = sorted({_NAMES.get(name) or f"'{name.lower().strip('_')}'" for name in expected}, key=_words_first)
    listed = " or ".join(filter(None, [", ".join(phrases[:-1]), *phrases[-1:]]))
    at = error.pos_in_stream
    ended = at is None or at < 0 or (isinstance(error, UnexpectedToken) and error.token.type == "$END")
    if ended or at is None:
        place, found = "at the end", "nothing"
    else:
        line_start = text.rfind("\n", 0, at) + 1
        place = f"at line {text.count(chr(10), 0, at) + 1}, column {at - line_start + 1}"
        found = repr(text[at : at + 20])
    hint = (
        " Names with other characters than letters, digits and _ stand in `backquotes`." if "NAME" in expected else ""
    )
    return f"{parameter} is not understood {place}: expected {listed}, got {found}.{hint}"


def _present(field: str) -> Condition:
    return Negation(condition=Absence(field=field))


def _none_of(field: str, condition: Condition) -> Condition:
    """The opposite of a comparison, which like every comparison is false on null."""
    return Junction(every=True, conditions=[_present(field), Negation(condition=condition)])


def _check_depth(condition: Condition) -> None:
    """Refuse conditions nested too deep. A loop, because recursion is what they would break."""
    layer, depth = [condition], 0
    while layer:
        depth += 1
        if depth > MAX_DEPTH:
            raise InvalidQuery(f"where is nested more than {MAX_DEPTH} levels deep: simplify it.")
        inner: list[Condition] = []
        for part in layer:
            if isinstance(part, Negation):
                inner.append(part.condition)
            elif isinstance(part, Junction):
                inner += part.conditions
        layer = inner


def _words_first(phrase: str) -> tuple[bool, str]:
    return phrase.startswith("'"), phrase


class _Meaning(Transformer[Token, Any]):
    """From the grammar's rules to the classes of `odsql`; called as the text is read, from the inside out."""

    def where(self, parts: list[Any]) -> Condition:
        condition: Condition = parts[0]
        _check_depth(condition)
        return condition

    def field(self, parts: list[Any]) -> str:
        name = str(parts[0])
        return name[1:-1].replace("``", "`") if name.startswith("`") else name

    def text(self, parts: list[Any]) -> str:
        quoted = str(parts[0])
        return _ESCAPED[quoted[0]].sub(lambda found: found[0][1:], quoted[1:-1])

    def any_of(self, parts: list[Any]) -> Condition:
        return Junction(every=False, conditions=parts)

    def all_of(self, parts: list[Any]) -> Condition:
        return Junction(every=True, conditions=parts)

    def negated(self, parts: list[Any]) -> Condition:
        return Negation(condition=parts[0])

    def compared(self, parts: list[Any]) -> Condition:
        operator = str(parts[1])
        return Comparison(field=parts[0], operator=_SPELLINGS.get(operator, operator), literal=parts[2])

    def mirrored(self, parts: list[Any]) -> Condition:
        literal, operator, field = parts
        return self.compared([field, _MIRRORED.get(operator, operator), literal])

    def member(self, parts: list[Any]) -> Condition:
        return Membership(field=parts[0], literals=parts[1])

    def no_member(self, parts: list[Any]) -> Condition:
        return _none_of(parts[0], self.member(parts))

    def literals(self, parts: list[Any]) -> list[Any]:
        return parts

    def like(self, parts: list[Any]) -> Condition:
        return Pattern(field=parts[0], pattern=parts[1])

    def unlike(self, parts: list[Any]) -> Condition:
        return _none_of(parts[0], self.like(parts))

    def absent(self, parts: list[Any]) -> Condition:
        return Absence(field=parts[0])

    def present(self, parts: list[Any]) -> Condition:
        return _present(parts[0])

    def prefixed(self, parts: list[Any]) -> Condition:
        return Prefix(field=parts[0], prefix=parts[1])

    def number(self, parts: list[Any]) -> Literal:
        text = str(parts[0])
        value = int(text) if text.lstrip("+-").isdigit() else float(text)
        if not math.isfinite(value):
            raise InvalidQuery(f"The number {text[:30]} is beyond a double.")
        return value

    def true(self, _: list[Any]) -> Literal:
        return True

    def false(self, _: list[Any]) -> Literal:
        return False

    def moment(self, parts: list[Any]) -> Literal:
        return Moment(text=str(parts[0])[len("date") :].strip()[1:-1])

    def select(self, parts: list[Any]) -> list[Any]:
        return parts

    def everything(self, _: list[Any]) -> Selected:
        return Selected(field=None)

    def plain(self, parts: list[Any]) -> Selected:
        return Selected(field=parts[0])

    def renamed(self, parts: list[Any]) -> Selected:
        return Selected(field=parts[0], alias=parts[1])

    def order_by(self, parts: list[Any]) -> list[Any]:
        return parts

    def ascending(self, parts: list[Any]) -> Ordering:
        return Ordering(field=parts[0])

    def descending(self, parts: list[Any]) -> Ordering:
        return Ordering(field=parts[0], descending=True)
