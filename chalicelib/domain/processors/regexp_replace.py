r"""Replaces what matches a regular expression in a field.

The expression is of RE2's syntax (https://github.com/google/re2/wiki/Syntax): Python's and PCRE's without
back-references and look-around. `(?i)` at its beginning ignores case, `\pL` is any letter, `\w`, `\d` and `\b` know
ASCII only, `\z` is the end of the text. In the replacement `\1` or `\g<1>` is what the first group matched, `\g<name>`
a named group `(?P<name>...)`, `\g<0>` the whole match, `\\` a backslash, `\n` and `\t` a line end and a tab.

No expression can run for ever. RE2 reads a text once for each match, whatever the expression, and the steps it may
take are counted: for each match the rest of the text in bytes times the instructions of the expression, 1,073,741,824
at most for one text. A text under 1,000 bytes never gets there, nor one of 14 KB with an expression of ten
instructions; a record that would is refused, as is an expression of more than 1,500 instructions. A repetition of
nothing but a repetition, such as `(a+)+`, is refused as a mistake. Text and result may take 350 KB.

The field becomes a text field: numbers and booleans are taken as JSON writes them. A missing or null field stays so.
"""

from collections.abc import Mapping
from typing import Any

from chalicelib.domain.errors import ValidationFailed
from chalicelib.domain.processors import Processor, ProcessorFailed
from chalicelib.domain.processors._parameters import field_name, parameters, text
from chalicelib.domain.processors._values import check_length, text_of

LABEL = "Replace by regular expression"
PARAMETERS = parameters(
    {
        "field": field_name("The field to change."),
        "pattern": text("The regular expression, in RE2's syntax.", least=1, examples=[r"(\d+),(\d+)"]),
        "replacement": text("What to put in place of each match; empty to remove it.", examples=[r"\1.\2"]),
    },
    required=["field", "pattern", "replacement"],
)

MAX_INSTRUCTIONS = 1500
"""Instructions of a compiled expression: a letter is one, `\\pL` is 1,200."""
MAX_STEPS = 2**30
"""One step is one byte read by one instruction; an expression takes at most so many for one text. The worst ones take
7 ns a step, so 7 s: the longest time between two looks at the clock, see `services/push/processing.py`."""
# A group of nothing but one repeated thing, itself repeated, such as (a+)+: never what was meant, and in other engines
# the way to run for ever.
_REPEATED_REPETITION = (
    r"(?:^|[^\\])\((?:\?:|\?P?<\w+>)?(?:\\?[^\\()\[\]|*+?{}]|\[[^\]]*\])[*+]\)[*+]"  # an escaped bracket is none
)
_Template = list[str | int]


def compile(parameters: Mapping[str, Any]) -> Processor:
    """The processor that replaces `pattern` by `replacement` in `field`."""
    field = parameters["field"]
    regexp = _compiled(parameters["pattern"])
    template = _template(parameters["replacement"], regexp)

    def apply(record: dict[str, Any]) -> dict[str, Any]:
        value = text_of(record, field)
        return record if value is None else {**record, field: _replaced(regexp, template, value, field)}

    return Processor(apply=apply, outputs=((field, "text"),), inputs=(field,))


def _compiled(pattern: str) -> Any:
    import re2  # type: ignore[import-untyped]  # noqa: PLC0415 - imported when the first expression is compiled

    options = re2.Options()
    options.log_errors = False  # it would write them to standard error
    try:
        regexp = re2.compile(pattern, options)
    except (re2.error, UnicodeEncodeError) as error:
        problem = error.args[0]
        sentence = problem.decode(errors="replace") if isinstance(problem, bytes) else str(error)
        raise ValidationFailed(
            {"pattern": [f"not a regular expression of RE2: {sentence}; back-references and look-around are not known"]}
        ) from None
    if re2.search(_REPEATED_REPETITION, pattern):
        raise ValidationFailed({"pattern": ["it repeats a repetition, as in (a+)+: repeat it once, as in (a+)"]})
    if regexp.programsize > MAX_INSTRUCTIONS:
        raise ValidationFailed(
            {
                "pattern": [
                    f"it takes {regexp.programsize} instructions, the limit is {MAX_INSTRUCTIONS}: use smaller counts "
                    r"in {...}, and \w instead of \pL where ASCII will do"
                ]
            }
        )
    return regexp


def _template(replacement: str, regexp: Any) -> _Template:
    """The replacement as texts and numbers of groups."""
    import re2  # noqa: PLC0415 - see _compiled

    template: _Template = []
    end = 0
    for escape in re2.finditer(r"(?s)\\(?:g<([^<>]+)>|([1-9][0-9]?)|(.?))", replacement):
        template.append(replacement[end : escape.start()])
        name, number, letter = escape.groups()
        plain = {"\\": "\\", "n": "\n", "t": "\t"}
        if letter is None:
            template.append(_group(name or number, regexp))
        elif letter in plain:
            template.append(plain[letter])
        else:
            raise ValidationFailed({"replacement": [rf"'\{letter}' means nothing here: write a backslash as \\"]})
        end = escape.end()
    return [part for part in (*template, replacement[end:]) if part != ""]


def _group(name: str, regexp: Any) -> int:
    is_number = name.isascii() and name.isdigit() and len(name) <= 4
    group = int(name) if is_number else regexp.groupindex.get(name, -1)
    if not 0 <= group <= regexp.groups:
        raise ValidationFailed({"replacement": [f"the pattern has no group '{name}': it has {regexp.groups}"]})
    return int(group)


def _replaced(regexp: Any, template: _Template, value: str, field: str) -> str:
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        raise ProcessorFailed(f"field '{field}' is not Unicode text: mend its encoding", field=field) from None
    check_length(size, field)
    # Each search may read the rest of the text, with each instruction at each byte.
    steps_left = MAX_STEPS - size * regexp.programsize
    result = _Result(field)
    end = 0
    last = None
    for match in regexp.finditer(value):
        if match.span() == last:
            continue  # google-re2 finds an empty match twice when it lies ahead of where it searched
        last = match.span()
        result.add(value[end : match.start()])
        for part in template:
            result.add(part if isinstance(part, str) else match.group(part) or "")
        end = match.end()
        steps_left -= (size - end) * regexp.programsize
        if steps_left < 0:
            raise ProcessorFailed(
                f"field '{field}': the pattern matches too often in a text of {size} bytes: shorten the text, or the "
                "pattern",
                field=field,
            )
    result.add(value[end:])
    return "".join(result.pieces)


class _Result:
    """The text being made, measured piece by piece: one replacement can name a long group many times."""

    def __init__(self, field: str) -> None:
        self.pieces: list[str] = []
        self._field, self._length = field, 0

    def add(self, piece: str) -> None:
        """Append the piece, unless the text grows too long: ProcessorFailed."""
        self._length += len(piece)
        check_length(self._length, self._field)
        self.pieces.append(piece)
