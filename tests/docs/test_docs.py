"""The documents keep up with the code: every error code, setting, route and make target is in them."""

import re
from pathlib import Path

import pytest

from app import app
from chalicelib.api.errors import STATUSES
from chalicelib.domain import errors
from chalicelib.domain.errors import Refused
from chalicelib.domain.schema import FIELD_TYPES

ROOT = Path(__file__).parent.parent.parent
GUIDE = (ROOT / "docs" / "user-guide.md").read_text()
README = (ROOT / "README.md").read_text()


def refusals() -> list[type[Refused]]:
    return [c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, Refused) and c is not Refused]


def test_every_refusal_has_a_status_and_a_sentence() -> None:
    assert set(STATUSES) == set(refusals())
    for refusal in refusals():
        assert refusal.__doc__
        assert refusal.code != Refused.code


def test_every_error_code_of_the_push_api_is_in_the_guide_with_its_status() -> None:
    push_only = [
        c for c, status in STATUSES.items() if status in (401, 403, 405, 413, 429, 503) or c.code.startswith("invalid_")
    ]
    named = re.findall(r"^\| (\d{3}) \| `(\w+)`", GUIDE, re.MULTILINE)
    assert len(named) == 17
    for status, code in named:
        assert int(status) in {s for c, s in STATUSES.items() if c.code == code}
    codes = {code for _, code in named}
    for refusal in push_only:
        if refusal.code not in {"unauthorized", "forbidden", "invalid_dataset_status"}:
            assert refusal.code in codes


def test_every_code_of_a_refused_record_is_in_the_guide() -> None:
    source = (ROOT / "chalicelib" / "domain" / "record.py").read_text()
    codes = set(re.findall(r'_Unfit\(\s*"(\w+)"', source))
    assert len(codes) >= 7
    assert {code for code in codes if f"`{code}`" not in GUIDE} == set()


def test_every_setting_is_in_the_guide() -> None:
    source = (ROOT / "chalicelib" / "config.py").read_text()
    settings = set(re.findall(r'"([A-Z]+_[A-Z_]+)"', source))
    assert len(settings) >= 10
    assert {name for name in settings if f"`{name}`" not in GUIDE} == set()


@pytest.mark.parametrize("kind", FIELD_TYPES)
def test_every_field_type_is_in_the_guide(kind: str) -> None:
    assert f"| `{kind}` |" in GUIDE


def test_every_route_is_in_the_guide() -> None:
    paths = {re.sub(r"\{\w+\}", "{}", path) for path in app.routes}
    documented = re.sub(r"\{[\w|]+\}", "{}", GUIDE)
    for path in paths - {"/health"}:
        last = path.rsplit("/{}", 1)[-1].strip("/").split("/")[-1]
        assert last == "" or last in documented, path


def test_no_command_has_an_address_that_curl_refuses() -> None:
    addresses = re.findall(r'"(\$\w+/[^"]*|https?:[^"]*)"', README + GUIDE)
    assert len(addresses) >= 10
    assert [address for address in addresses if " " in address] == []


def test_every_make_target_of_the_readme_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"`?make ([a-z-]+)`?", README + (ROOT / "CONTRIBUTING.md").read_text()))
    assert {"run", "test", "check", "stop", "reset"} <= named - {"a", "and"}
    assert named - {"a", "and", "on"} <= targets
