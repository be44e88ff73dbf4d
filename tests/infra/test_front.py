"""What the front of the local cloud makes of a request before and after the gateway."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import httpx
import pytest

from infra.local import front, limits


class Recording:
    """A gateway that answers what it is told to and remembers what it was asked."""

    def __init__(self, answer: Any = (200, {}, b"{}"), api: str | None = "abc") -> None:
        self.asked: list[front.Request] = []
        self._answer, self._api = answer, api

    def deployed_api(self) -> str | None:
        return self._api

    async def execute(self, api_id: str, request: front.Request) -> Any:
        assert api_id == self._api
        self.asked.append(request)
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


async def _saved() -> bool:
    return True


def ask(
    gateway: Recording, method: str, path: str, mails: Sequence[Mapping[str, Any]] = (), **how: Any
) -> httpx.Response:
    application = front.Front(gateway=gateway, sent_mails=lambda: mails, save=_saved, on_request=lambda: None)

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app=application, raise_app_exceptions=False)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as http:
            return await http.request(method, path, **how)

    return asyncio.run(send())


@pytest.mark.parametrize(
    ("sent", "seen"),
    [
        ("/api/push/1.0/d/r/push/?pushkey=k", "/push/1.0/d/r/push/"),
        ("/api/push/1.0/d/r/push", "/push/1.0/d/r/push"),
        ("/api", "/"),
        ("/api/", "/"),
        ("/api//push", "//push"),
        ("/api/a%2Fb/%00%ff", "/a%2Fb/%00%ff"),
    ],
)
def test_what_is_below_api_reaches_the_gateway_as_it_was_sent(sent: str, seen: str):
    gateway = Recording()
    answer = ask(gateway, "POST", sent, content=b"body")
    assert (answer.status_code, gateway.asked[0].path, gateway.asked[0].body) == (200, seen, b"body")


@pytest.mark.parametrize("path", ["/apix", "/push/1.0/d/r/push/", "/_local/other", "/_local/save", "/favicon.ico"])
def test_anything_else_is_not_found_and_says_where_everything_is(path: str):
    gateway = Recording()
    answer = ask(gateway, "GET", path)
    assert answer.status_code == 404
    assert answer.json()["error"] == answer.json()["message"]
    assert "/api/" in answer.json()["error"]
    assert gateway.asked == []


@pytest.mark.parametrize("path", ["/_local/health", "/_local/health/", "/_local/mails", "/_local/mails/", "/"])
def test_its_own_pages_answer_with_and_without_a_slash(path: str):
    assert ask(Recording(), "GET", path).status_code == 200


def test_the_host_and_repeated_headers_reach_the_gateway():
    gateway = Recording()
    ask(
        gateway, "GET", "/api/x", headers=[("Host", "my.host"), ("Accept", "a/b"), ("Accept", "c/d"), ("Cookie", "a=1")]
    )
    seen = gateway.asked[0].headers
    assert (seen["host"], seen["cookie"]) == ("my.host", "a=1")
    assert seen["accept"].endswith("a/b, c/d")


def test_a_client_cannot_say_where_it_comes_from():
    gateway = Recording()
    ask(gateway, "GET", "/api/x", headers={"X-Forwarded-For": "1.2.3.4"})
    assert gateway.asked[0].headers["x-forwarded-for"] == "127.0.0.1"


def test_every_value_of_a_repeated_parameter_is_kept():
    gateway = Recording()
    ask(gateway, "GET", "/api/x?a=1&a=&b=%C3%A9&%ff=%fe")
    assert gateway.asked[0].query["a"] == ["1", ""]
    assert gateway.asked[0].query["b"] == ["é"]


def test_one_byte_past_the_limit_is_kept_of_a_body_that_is_too_large():
    gateway = Recording()
    ask(gateway, "POST", "/api/x", content=b"x" * (limits.REQUEST_BYTES + 1_000_000))
    assert len(gateway.asked[0].body) == limits.REQUEST_BYTES + 1


def test_without_an_application_it_asks_to_try_again():
    answer = ask(Recording(api=None), "GET", "/api/health")
    assert (answer.status_code, answer.json()["error_code"]) == (503, "temporarily_unavailable")
    assert ask(Recording(api=None), "GET", "/_local/health").json() == {"status": "ok", "deployed": False}


def test_a_failure_of_the_local_cloud_is_answered_in_json():
    answer = ask(Recording(answer=RuntimeError("inside")), "GET", "/api/x")
    assert (answer.status_code, answer.json()["status"]) == (500, "error")
    assert "inside" not in answer.text


def test_headers_no_protocol_can_carry_are_made_harmless():
    answer = ask(Recording(answer=(200, {"X-Odd": "a\r\nb\x00é€", "Set-Cookie": ["a=1", "b=2"]}, b"")), "GET", "/api/x")
    assert answer.headers["x-odd"] == "abé?"
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]


def test_mails_are_json_for_programs_and_a_page_for_browsers():
    mail = {"subject": "<b>silent</b>", "to": ["a@b.fr"], "text": "x", "html": None, "sent_at": "now"}
    assert ask(Recording(), "GET", "/_local/mails", mails=[mail]).json() == {"mails": [mail]}
    page = ask(Recording(), "GET", "/_local/mails", mails=[mail], headers={"Accept": "text/html"})
    assert page.headers["content-type"].startswith("text/html")
    assert "&lt;b&gt;silent" in page.text
    assert "<b>" not in page.text
