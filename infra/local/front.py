"""The one port people use: `/api/...` is the gateway's stage `api`, `/_local/...` looks into the local cloud.

An ASGI application. It calls the gateway as a function, in this process and on the path as it was sent, so that no
router of the emulator (which guesses a service from hosts, paths and credentials) comes between.
"""

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol
from urllib.parse import parse_qs

from infra.local import demo_files, limits, mails

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
Answer = tuple[int, Mapping[str, Any], bytes]

STAGE = "api"
AT_ONCE = 16
"""Requests handed to the application at a time; more wait. Each has a process of its own, as on Lambda."""

_JSON = {"Content-Type": "application/json", "Access-Control-Allow-Origin": "*"}
_HTML = {"Content-Type": "text/html; charset=utf-8"}


@dataclass(frozen=True, kw_only=True)
class Request:
    """One HTTP request; `path` is as it was sent (still percent-encoded), `headers` in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    query: dict[str, list[str]]
    body: bytes


class Gateway(Protocol):
    """The emulator's API Gateway, as much of it as the front needs."""

    def deployed_api(self) -> str | None:
        """The id of the API that has the stage `api`, or None before the first deployment."""

    async def execute(self, api_id: str, request: Request) -> tuple[int, dict[str, Any], Any]:
        """Answer a request whose path is below the stage: status, headers (a list is several lines), and the body."""


class Front:
    """The ASGI application."""

    def __init__(
        self,
        *,
        gateway: Gateway,
        sent_mails: Callable[[], Sequence[Mapping[str, Any]]],
        save: Callable[[], Awaitable[bool]],
        on_request: Callable[[], None],
    ) -> None:
        self._gateway = gateway
        self._sent_mails = sent_mails
        self._save = save
        self._on_request = on_request
        self._free = asyncio.Semaphore(AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request (ASGI)."""
        request = await read_request(scope, receive)
        if request is None:
            return  # the client went away
        try:
            answer = await self._answer(request)
        except Exception:
            answer = refusal(500, "temporarily_unavailable", "The local cloud failed: its log says why.")
            await send_answer(send, answer)
            raise
        await send_answer(send, answer)

    async def _answer(self, request: Request) -> Answer:
        if request.path == f"/{STAGE}" or request.path.startswith(f"/{STAGE}/"):
            return await self._through_the_gateway(request)
        own = {"/": self._index, "/_local/health": self._health, "/_local/mails": self._mails}
        page = own.get(request.path.rstrip("/") or "/")
        if page is not None and request.method in ("GET", "HEAD"):
            return page(request)
        if request.path.startswith(demo_files.PATH) and request.method in ("GET", "HEAD"):
            found = demo_files.http_answer(request.path, request.headers)
            if found is not None:
                return found
        if request.path.rstrip("/") == "/_local/save" and request.method == "POST":
            return _as_json(200, {"saved": await self._save()})
        return refusal(404, "unknown_path", f"Nothing here: everything of Freshwire is below /{STAGE}/.")

    async def _through_the_gateway(self, request: Request) -> Answer:
        self._on_request()
        api_id = self._gateway.deployed_api()
        if api_id is None:
            return refusal(503, "temporarily_unavailable", "The application is being deployed: try again in a second.")
        below = replace(request, path=request.path[len(STAGE) + 1 :] or "/")
        async with self._free:
            status, headers, body = await self._gateway.execute(api_id, below)
        return status, headers, body if isinstance(body, bytes) else str(body).encode()

    def _index(self, _: Request) -> Answer:
        return 200, _HTML, _INDEX

    def _health(self, _: Request) -> Answer:
        return _as_json(200, {"status": "ok", "deployed": self._gateway.deployed_api() is not None})

    def _mails(self, request: Request) -> Answer:
        sent = self._sent_mails()
        if "text/html" in request.headers.get("accept", ""):
            return 200, _HTML, mails.page(sent).encode()
        return _as_json(200, {"mails": list(sent)})


async def read_request(scope: Scope, receive: Receive) -> Request | None:
    """Read a whole request, or None when the client leaves; of a body past the limit one byte too many is kept."""
    chunks: list[bytes] = []
    kept = 0
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return None
        chunk = message.get("body", b"")[: limits.REQUEST_BYTES + 1 - kept]
        kept += len(chunk)
        chunks.append(chunk)
        more = message.get("more_body", False)
    client = (scope.get("client") or ("127.0.0.1", 0))[0]
    headers = folded(scope["headers"])
    headers |= {"x-forwarded-for": client, "x-forwarded-proto": "http"}  # the gateway's word, not the client's
    return Request(
        method=scope["method"],
        path=(scope.get("raw_path") or scope["path"].encode()).decode("latin-1"),
        headers=headers,
        query=parse_qs(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True),
        body=b"".join(chunks),
    )


def folded(lines: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    """Header lines as a mapping in lower case; lines of one name are joined (RFC 9110, 5.3; cookies RFC 9113)."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in lines:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        between = "; " if name == "cookie" else ", "
        headers[name] = f"{headers[name]}{between}{value}" if name in headers else value
    return headers


async def send_answer(send: Send, answer: Answer) -> None:
    """Send a whole answer (ASGI); characters a header cannot hold are replaced."""
    status, headers, body = answer
    lines = [
        (name.encode("latin-1"), _header_value(value))
        for name, values in headers.items()
        if name.lower() != "content-length"
        for value in (values if isinstance(values, list | tuple) else [values])
    ]
    lines.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": lines})
    await send({"type": "http.response.body", "body": body})


def refusal(status: int, code: str, sentence: str) -> Answer:
    """An answer of the front itself, in the error shape of the API."""
    error = {"status": "error", "error": sentence, "error_code": code, "message": sentence, "details": []}
    return _as_json(status, error | {"request_id": str(uuid.uuid4())})


def _as_json(status: int, content: object) -> Answer:
    return status, _JSON, json.dumps(content).encode()


def _header_value(value: object) -> bytes:
    text = str(value).encode("latin-1", "replace")
    return bytes(byte for byte in text if byte >= 32 and byte != 127)


_INDEX = b"""<!doctype html><html lang="en"><meta charset="utf-8"><title>Freshwire, local</title>
<body style="font: 16px/1.5 sans-serif; max-width: 40rem; margin: 3rem auto; padding: 0 1rem">
<h1>Freshwire on this machine</h1>
<ul>
<li><a href="/api/explore/v2.1/catalog/datasets">the datasets</a></li>
<li><a href="/api/health">health of the application</a></li>
<li><a href="/_local/mails">the mails it sent</a></li>
<li><a href="/_local/demo/airports.csv">the demo's airports, a file that a schedule fetches</a></li>
</ul></body></html>
"""
