"""A DynamoDB endpoint, without latency unless told, in a process of its own so that its CPU is nobody's.

    python -m tests.bench.stub     prints its port, ends when its standard input closes

It keeps items of any table with `pk` and `sk` in memory and knows the operations that the contenders use, without
conditions and projections. `POST /counts` answers calls and write units since the last such request as JSON;
`POST /forget/{table}` empties a table; `POST /latency/{milliseconds}` holds every later answer back for so long.
"""

import asyncio
import sys
from collections import Counter
from typing import Any

import orjson

Key = tuple[str, str]


class Tables:
    """The items, and what was asked of them."""

    def __init__(self) -> None:
        self._items: dict[str, dict[Key, Any]] = {}
        self._counts: Counter[str] = Counter()
        self.latency = 0.0  # seconds

    def answer(self, operation: str, request: Any) -> Any:
        """Do one operation."""
        self._counts[operation] += 1
        return getattr(self, f"_{operation}")(request)

    def control(self, command: str) -> Any:
        """Do what the bench says: `counts`, `forget/{table}` or `latency/{milliseconds}`."""
        name, _, argument = command.partition("/")
        if name == "forget":
            self._items.pop(argument, None)
            return {}
        if name == "latency":
            self.latency = float(argument) / 1000
            return {}
        counts, self._counts = dict(self._counts), Counter()
        return counts

    def _PutItem(self, request: Any) -> Any:  # noqa: N802 - AWS's spelling
        self._put(request["TableName"], request["Item"])
        return {}

    def _TransactWriteItems(self, request: Any) -> Any:  # noqa: N802
        for part in request["TransactItems"]:
            self._PutItem(part["Put"])
        return {}

    def _Query(self, request: Any) -> Any:  # noqa: N802
        pk = request["ExpressionAttributeValues"][":pk"]["S"]
        items = [item for (p, _), item in sorted(self._of(request["TableName"]).items()) if p == pk]
        return {"Items": items, "Count": len(items), "ScannedCount": len(items)}

    def _BatchGetItem(self, request: Any) -> Any:  # noqa: N802
        found = {}
        for table, wanted in request["RequestItems"].items():
            items = self._of(table)
            keys = [(key["pk"]["S"], key["sk"]["S"]) for key in wanted["Keys"]]
            names = wanted["ProjectionExpression"].split(",")
            found[table] = [
                {name: items[key][name] for name in names if name in items[key]} for key in keys if key in items
            ]
        return {"Responses": found, "UnprocessedKeys": {}}

    def _BatchWriteItem(self, request: Any) -> Any:  # noqa: N802
        for table, writes in request["RequestItems"].items():
            for write in writes:
                self._put(table, write["PutRequest"]["Item"])
        return {"UnprocessedItems": {}}

    def _put(self, table: str, item: Any) -> None:
        self._counts["write units"] += -(-sum(len(name.encode()) + _size(v) for name, v in item.items()) // 1024)
        if "pk" in item:
            self._of(table)[item["pk"]["S"], item["sk"]["S"]] = item

    def _of(self, table: str) -> dict[Key, Any]:
        return self._items.setdefault(table, {})


def _size(value: Any) -> int:
    """Bytes of a typed value by DynamoDB's rules, near enough to round up to kilobytes."""
    ((kind, content),) = value.items()
    if kind == "S":
        return len(content.encode())
    if kind == "N":
        return len(content) // 2 + 2
    if kind == "M":
        return 3 + sum(len(name.encode()) + 1 + _size(part) for name, part in content.items())
    return 1


class Connection(asyncio.Protocol):
    """HTTP/1.1 with keep-alive, as little of it as botocore needs."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._received = bytearray()

    def connection_made(self, transport: Any) -> None:
        """Keep the way to answer."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every request that is complete."""
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            lines = bytes(self._received[:end]).decode("latin-1").split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
            complete = end + 4 + int(headers.get("content-length", 0))
            if len(self._received) < complete:
                return
            body = bytes(self._received[end + 4 : complete])
            del self._received[:complete]
            answer = self._answer(lines[0].split(" ")[1], headers, body)
            if self._tables.latency:
                asyncio.get_running_loop().call_later(self._tables.latency, self._transport.write, answer)
            else:
                self._transport.write(answer)

    def _answer(self, path: str, headers: dict[str, str], body: bytes) -> bytes:
        if target := headers.get("x-amz-target"):
            answer = self._tables.answer(target.partition(".")[2], orjson.loads(body))
        else:
            answer = self._tables.control(path.strip("/"))
        content = orjson.dumps(answer)
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: {len(content)}\r\n\r\n"
        return head.encode() + content


async def _serve() -> None:
    tables = Tables()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(tables), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve())
