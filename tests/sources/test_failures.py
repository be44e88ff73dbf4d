"""Every failure has a code of its own, and a sentence that says what to do."""

import re
import traceback
from pathlib import Path
from typing import Any

import pytest

from chalicelib.sources import failures
from chalicelib.sources.failures import FetchFailed, FileNotThere, TimedOut
from chalicelib.sources.ftp import FtpRequest
from chalicelib.sources.http import HttpRequest
from chalicelib.sources.remote_url import parsed_url
from chalicelib.sources.transfer import at_place
from tests.sources.ftp_servers import Script, a_scripted_server
from tests.sources.web import Answer, Site, a_source, fetched, raw, redirect, reply

KINDS = [kind for kind in vars(failures).values() if isinstance(kind, type) and issubclass(kind, FetchFailed)]


def test_every_failure_has_a_code_of_its_own() -> None:
    assert len({kind.code for kind in KINDS}) == len(KINDS) > 15
    assert all(re.fullmatch(r"[a-z_]+", kind.code) for kind in KINDS)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind is not FetchFailed])
def test_every_failure_says_what_to_do_and_whether_it_may_pass_by_itself(kind: type[FetchFailed]) -> None:
    sentence = str(kind())
    assert re.search(r": (check|mend|publish|make|renew|enable|use|fetch|split)\b|; if it lasts, ask", sentence)
    assert ("A later attempt may succeed" in sentence) == kind.is_retriable


def test_a_message_names_the_place_and_the_detail() -> None:
    with pytest.raises(FileNotThere) as failed, at_place("https://h.example/b"), at_place("https://h.example/a"):
        raise FileNotThere("HTTP 404")
    assert str(failed.value).endswith("check the address of the source (https://h.example/a; HTTP 404).")
    assert str(TimedOut()).endswith("A later attempt may succeed.")


def test_every_code_is_in_the_guide() -> None:
    guide = (Path(__file__).parent.parent.parent / "docs" / "remote-sources.md").read_text()
    retriable = dict(re.findall(r"^\| `(\w+)` \| [^|]+ \| (yes|no) \|$", guide, re.MULTILINE))
    assert retriable == {kind.code: "yes" if kind.is_retriable else "no" for kind in KINDS if kind is not FetchFailed}


SECRET = "hunter2"
BASIC = {"type": "basic_auth", "username": f"reader-{SECRET}", "password": SECRET}


def http_source(site: Site, path: str) -> dict[str, Any]:
    headers = [{"name": "X-Api-Key", "value": SECRET}]
    return a_source(site.base, auth=BASIC, headers=headers, relative_url=f"{path}?token={SECRET}")


ANSWERS: dict[str, Answer] = {
    "no file": reply(SECRET.encode(), status=f"404 {SECRET}", headers={"X-Echo": SECRET}),
    "half a file": reply(b"half", length=10),
    "no HTTP": raw(f"{SECRET}\r\n".encode()),
    "a circle": redirect(f"/a?token={SECRET}"),
    "out of the web": redirect(f"file:///{SECRET}"),
    "nobody there": redirect(f"http://reader:{SECRET}@127.0.0.1:1/?token={SECRET}"),
    "hung up": raw(),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_neither_message_nor_traceback_of_a_failed_fetch_holds_a_secret(site: Site, name: str) -> None:
    site.routes["/a"] = ANSWERS[name]
    with pytest.raises(FetchFailed) as failed:
        fetched(http_source(site, "/a"))
    assert SECRET not in all_of(failed.value)


@pytest.mark.parametrize("command", ["USER", "PASS", "RETR", "SIZE", "TYPE", "EPSV"])
@pytest.mark.parametrize("code", ["500", "430", "250", "nonsense"])
def test_nor_those_of_an_ftp_server_that_repeats_what_it_was_told(command: str, code: str) -> None:
    with a_scripted_server(Script(replies={command: f"{code} {SECRET}"})) as port:
        source = a_source(f"ftp://127.0.0.1:{port}", "ftp", BASIC, relative_url=f"/a?{SECRET}")
        try:
            fetched(source)
        except FetchFailed as failed:
            assert SECRET not in all_of(failed)


def test_nor_the_representation_of_what_is_asked() -> None:
    request = HttpRequest(url=f"https://h.example/?{SECRET}", auth=BASIC, headers=[{"name": "X", "value": SECRET}])
    url = parsed_url(f"https://reader:{SECRET}@h.example/a?{SECRET}", ("https",))
    assert SECRET not in repr([request, FtpRequest(url=f"ftp://h.example/{SECRET}", auth=BASIC), url, url.shown])


def all_of(error: BaseException) -> str:
    """All that a logger may write of it."""
    return "".join(traceback.format_exception(error)) + repr(error)
