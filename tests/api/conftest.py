"""The application over HTTP, without a server: API Gateway's events in, its answers out."""

import base64
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from chalice.config import Config
from chalice.local import LocalGateway, LocalGatewayException

from app import app
from chalicelib import wiring
from chalicelib.services.access import create_api_key
from chalicelib.store.stores import Stores
from tests.builders import NOW
from tests.deployment import CREDENTIALS, deployment, wired, work
from tests.no_secrets import inspect_kept

HOST = "data.example.org"
Parameters = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An HTTP answer. Header names are in lower case; of a header sent twice the last one."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


_LEFT_TO_THE_WORKER = ("/publish", "/unpublish", "/push", "/delete", "/recover")


class Http:
    """Sends requests to the application. `key` is an API key, `query` a mapping whose lists become repetitions. The
    worker does at once what a request leaves to it."""

    def __init__(self, seconds: float = 28) -> None:
        self._gateway = LocalGateway(app, Config.create(lambda_timeout=seconds))

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Parameters | None = None,
        key: str | None = None,
        json: Any = None,
        body: bytes | str = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        sent = {"host": HOST, "x-forwarded-proto": "https", "accept": "*/*", **(headers or {})}
        if key is not None:
            sent["authorization"] = f"Apikey {key}"
        content = body.encode() if isinstance(body, str) else body
        if json is not None:
            sent.setdefault("content-type", "application/json")
            content = _as_json(json)
        url = path + (f"?{urlencode(query, doseq=True, errors='surrogatepass')}" if query else "")
        try:
            answer = self._gateway.handle_request(method=method, path=url, headers=sent, body=content)
        except LocalGatewayException as refused:
            return Answer(status=refused.CODE, headers=dict(refused.headers), body=refused.body or b"")
        inspect_kept(lambda: str(answer), f"an answer of {method} {path}")
        if path.partition("?")[0].rstrip("/").endswith(_LEFT_TO_THE_WORKER) and answer["statusCode"] == 200:
            work(wiring.stores(), lambda: datetime.now(UTC))
        return _answer(answer)

    def get(self, path: str, **options: Any) -> Answer:
        return self.request("GET", path, **options)

    def head(self, path: str, **options: Any) -> Answer:
        return self.request("HEAD", path, **options)

    def post(self, path: str, **options: Any) -> Answer:
        return self.request("POST", path, **options)

    def put(self, path: str, **options: Any) -> Answer:
        return self.request("PUT", path, **options)

    def delete(self, path: str, **options: Any) -> Answer:
        return self.request("DELETE", path, **options)

    def api_key(self, *permissions: str) -> str:
        """A new API key with these permissions."""
        return create_api_key("tests", permissions, NOW)


def segment(text: str) -> str:
    """The text as one segment of a path."""
    return quote(text, safe="")


def _as_json(value: Any) -> bytes:
    return json.dumps(value).encode()


def _answer(answer: Mapping[str, Any]) -> Answer:
    headers = {name.lower(): values[-1] for name, values in answer["multiValueHeaders"].items()}
    headers |= {name.lower(): value for name, value in answer["headers"].items()}
    body = base64.b64decode(answer["body"]) if answer.get("isBase64Encoded") else answer["body"].encode()
    return Answer(status=answer["statusCode"], headers=headers, body=body)


@pytest.fixture
def http(aws: tuple[Stores, dict[str, str]]) -> Iterator[Http]:
    """The application over a fresh deployment in memory."""
    with wired(aws[1]):
        yield Http()


@pytest.fixture
def key(http: Http) -> str:
    """An API key of somebody who may do everything with datasets."""
    return http.api_key("browse", "edit", "publish")


@pytest.fixture(scope="module")
def shared_http() -> Iterator[Http]:
    """The application over a deployment that a module's tests share, for generated requests."""
    with a_deployment() as http:
        yield http


@contextmanager
def a_deployment() -> Iterator[Http]:
    """The application over a deployment of its own. Only one may stand at a time."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in CREDENTIALS.items():
            patch.setenv(name, value)
        with deployment() as (_, environment), wired(environment):
            yield Http()
