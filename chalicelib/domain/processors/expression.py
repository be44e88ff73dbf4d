"""Computes a field by an expression: `price * quantity`, `upper(trim(name))`, `"high" if temp > 30 else "normal"`.

Fields go by their names; names that are no single word are written `record["odd name"]`. A field that is missing is
null. There are texts in single or double quotes, numbers, `true`, `false` and `null`.

- Arithmetic: `+ - * / // % **` on numbers, `+` also joins two texts. With null the result is null.
- Comparison: `== != < <= > >=`, and `in`, `not in` a text, a list such as `["a", "b"]` or a field that holds one.
  Ordering anything against null is false; `x == null` asks for null. A text never equals a number.
- Logic: `and`, `or`, `not`, `a if condition else b`. False, null, 0 and empty texts count as false, and `and` and `or`
  give the operand that decided, so `name or "unknown"` works.
- Numbers: `abs(x)`, `ceil(x)`, `floor(x)`, `round(x, digits)` (a half goes to the even neighbour), `int(x)` (cuts off
  the decimals), `float(x)`, `min(a, b, ...)`, `max(a, b, ...)`.
- Texts: `text(x)`, `len(x)`, `lower(x)`, `upper(x)`, `trim(x)`, `replace(x, old, new)`, `contains(x, part)`,
  `startswith(x, part)`, `endswith(x, part)`, and `substr(x, start, length)`, where the first character is 0 and a
  negative start counts from the end.
- `coalesce(a, b, ...)` is the first that is not null. Any other function of null is null.

Nothing else exists: no attributes, no loops, no names from outside. Each part of the expression is computed at most
once, numbers are of 64 bits and texts take 350 KB at most, so no expression can run long. Dividing by zero, adding a
text and a number and results beyond those bounds fail.
"""

from collections.abc import Mapping
from typing import Any

from chalicelib.domain.processors import Processor
from chalicelib.domain.processors._parameters import field_name, output_type, parameters, text
from chalicelib.domain.processors._values import cast_value

LABEL = "Compute an expression"
PARAMETERS = parameters(
    {
        "output_field": field_name("The field for the result; it may be one the expression reads."),
        "expression": text("The expression.", least=1, most=2000, examples=["price * quantity"]),
        "output_type": output_type("The type of the result."),
    },
    required=["output_field", "expression"],
)


def compile(parameters: Mapping[str, Any]) -> Processor:
    """The processor that computes `expression` into `output_field`."""
    from chalicelib.domain.processors._expressions import compile_expression  # noqa: PLC0415 - brings a library

    output, kind = parameters["output_field"], parameters.get("output_type", "text")
    expression = compile_expression(parameters["expression"], "expression")

    def apply(record: dict[str, Any]) -> dict[str, Any]:
        return {**record, output: cast_value(expression.evaluate(record, output), kind, output)}

    return Processor(apply=apply, outputs=((output, kind),), inputs=expression.fields)
