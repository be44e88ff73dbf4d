"""docs/processors.md says what the modules say, and its examples are true."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from chalicelib.domain.processors import describe, types
from tests.domain.processors.processing import processed

PAGE = (Path(__file__).parents[3] / "docs" / "processors.md").read_text()
SECTIONS = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE))


def table(parameters: dict[str, Any]) -> str:
    """The parameters of a processor as the page shows them."""
    lines = ["| parameter | | |", "|---|---|---|"]
    for name, schema in parameters["properties"].items():
        need = "required" if name in parameters.get("required", []) else "optional"
        choice = f" One of {', '.join(schema['enum'])}." if "enum" in schema else ""
        default = f" Default: `{json.dumps(schema['default'])}`." if "default" in schema else ""
        lines.append(f"| `{name}` | {need} | {schema['description']}{choice}{default} |")
    return "\n".join(lines)


def test_each_processor_has_its_section_in_order() -> None:
    assert list(SECTIONS) == types()


@pytest.mark.parametrize("entry", describe(), ids=types())
def test_a_section_holds_the_label_the_documentation_and_the_parameters(entry: dict[str, Any]) -> None:
    section = SECTIONS[entry["type"]]
    assert section.startswith(f"\n**{entry['label']}.** {entry['description']}\n")
    assert table(entry["parameters"]) in section


@pytest.mark.parametrize("kind", types())
def test_the_examples_are_true(kind: str) -> None:
    examples = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", SECTIONS[kind], re.DOTALL)]
    assert examples
    for example in examples:
        assert example["processor"]["type"] == kind
        assert processed(example["record"], **example["processor"]) == example["result"]
