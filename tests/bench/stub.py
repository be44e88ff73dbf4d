"""DynamoDB, S3 and SQS at one endpoint, without latency unless told, in a process of its own so that its CPU is
nobody's.

    python -m tests.bench.stub     prints its port, ends when its standard input closes

It keeps items and objects in memory; a message is taken and goes nowhere. `POST /_counts` answers calls and write
units since the last such request as JSON; `POST /_forget/{table}` empties a table; `POST /_latency/{milliseconds}`
holds every later answer back for so long, that of "go on" before a body is sent too.
"""

import asyncio
import sys
from collections import Counter
from typing import Any, NamedTuple

import orjson

from tests.bench.stub_objects import Objects
from tests.bench.stub_tables import Tables

_GO_ON = b"HTTP/1.1 100 Continue\r\n\r\n"
_JSON = "application/x-amz-json-1.0"


class Request(NamedTuple):
    """One HTTP request; header names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Endpoint:
    """What is kept, and what was asked of it."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._tables = Tables(self._counts)
        self._objects = Objects()
        self.latency = 0.0  # seconds

    def answer(self, request: Request) -> bytes:
        """Do what a request asks for: a whole HTTP answer."""
        service, _, operation = request.headers.get("x-amz-target", "").partition(".")
        if service == "AmazonSQS":
            self._counts[operation] += 1
            return _answer(200, orjson.dumps({"MessageId": "m", "MD5OfMessageBody": ""}), _JSON)
        if service:
            self._counts[operation] += 1
            return _answer(200, orjson.dumps(self._tables.answer(operation, orjson.loads(request.body))), _JSON)
        if request.path.startswith("/_"):
            return _answer(200, orjson.dumps(self._control(request.path[2:])), _JSON)
        answer = self._objects.answer(request.method, request.path, request.headers, request.body)
        self._counts[answer.operation] += 1
        return _answer(answer.status, answer.content, answer.content_type, has_body=request.method != "HEAD")

    def _control(self, command: str) -> Any:
        name, _, argument = command.partition("/")
        if name == "forget":
            self._tables.forget(argument)
            return {}
        if name == "latency":
            self.latency = float(argument) / 1000
            return {}
        counts = dict(self._counts)
        self._counts.clear()
        return counts


class Connection(asyncio.Protocol):
    """HTTP/1.1 with keep-alive, as little of it as botocore needs."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._received = bytearray()
        self._head: tuple[str, dict[str, str]] | None = None

    def connection_made(self, transport: Any) -> None:
        """Keep the way to answer."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every request that is complete."""
        self._received += data
        while True:
            if self._head is None and not self._take_head():
                return
            assert self._head is not None
            line, headers = self._head
            length = int(headers.get("content-length", 0))
            if len(self._received) < length:
                return
            body = bytes(self._received[:length])
            del self._received[:length]
            self._head = None
            method, path, _ = line.split(" ")
            self._send(self._endpoint.answer(Request(method, path, headers, body)))

    def _take_head(self) -> bool:
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return False
        lines = bytes(self._received[:end]).decode("latin-1").split("\r\n")
        del self._received[: end + 4]
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
        self._head = lines[0], headers
        if headers.get("expect", "").lower() == "100-continue":
            self._send(_GO_ON)
        return True

    def _send(self, answer: bytes) -> None:
        if self._endpoint.latency:
            asyncio.get_running_loop().call_later(self._endpoint.latency, self._transport.write, answer)
        else:
            self._transport.write(answer)


def _answer(status: int, content: bytes, content_type: str, *, has_body: bool = True) -> bytes:
    """An HTTP answer. All that is stored has one ETag: nothing is written over here."""
    told = {"Content-Type": content_type, "Content-Length": len(content), "ETag": '"only"'}
    lines = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    return f"HTTP/1.1 {status} OK\r\n{lines}\r\n".encode() + (content if has_body else b"")


async def _serve() -> None:
    endpoint = Endpoint()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(endpoint), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve())
