"""The device program of the user guide does what the guide says."""

import re
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from tests.client.conftest import Serve
from tests.client.service import KEY, Reply, refusal

GUIDE = Path(__file__).parent.parent.parent / "docs" / "user-guide.md"


def the_snippet() -> ModuleType:
    """The program of the user guide, as it stands there."""
    guide = GUIDE.read_text()
    (code,) = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)
    module = ModuleType("snippet")
    exec(code, vars(module))
    return module


def test_the_program_of_the_user_guide_pushes_again_after_the_time_it_is_asked_for(serve: Serve) -> None:
    service = serve(refusal(429, retry_after="7"), refusal(503), Reply(drops=True))
    snippet, waits = the_snippet(), list[float]()
    vars(snippet)["time"] = SimpleNamespace(sleep=waits.append)
    assert snippet.push(f"{service.url}?pushkey={KEY}", [{"isbn": "1"}]) == {"status": "OK"}
    for wait, least, most in zip(waits, (7, 0, 0), (8, 2, 4), strict=True):
        assert least <= wait <= most
    assert service.stored == [{"isbn": "1"}]


def test_the_program_of_the_user_guide_gives_up_and_shows_a_refusal(serve: Serve) -> None:
    service = serve(refusal(400, "1 record is refused."), *[refusal(503)] * 9)
    snippet, waits = the_snippet(), list[float]()
    vars(snippet)["time"] = SimpleNamespace(sleep=waits.append)
    for said in ("1 record is refused.", "It is refused."):
        with pytest.raises(SystemExit, match=said):
            snippet.push(f"{service.url}?pushkey={KEY}", [{"isbn": "1"}])
    assert (len(service.asked), len(waits)) == (9, 7)
