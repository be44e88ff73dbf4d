"""What API Gateway makes of an HTTP request: the proxy event that a REST API hands to the function."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

STAGE = "api"


@dataclass(frozen=True, kw_only=True)
class HttpRequest:
    """A request to the stage. `path` begins after `/api` and is percent-encoded as on the wire, with its query.

    `as_base64` hands the body over as base64, which the gateway does with binary content types; a `str` body is
    what the gateway decoded, and may hold what no UTF-8 can carry.
    """

    method: str
    path: str
    body: bytes | str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    as_base64: bool = False


class LambdaContext:
    """What Lambda tells a function about its invocation."""

    function_name = "freshwire-test"
    memory_limit_in_mb = 1024
    invoked_function_arn = "arn:aws:lambda:eu-west-3:123456789012:function:freshwire-test"
    aws_request_id = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"

    def __init__(self, seconds: float = 28) -> None:
        self._milliseconds = int(seconds * 1000)

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds that the function may still run."""
        return self._milliseconds


def proxy_event(routes: Mapping[str, Any], request: HttpRequest) -> dict[str, Any] | None:
    """The event for a request that one of the application's routes and methods takes; for any other None: the
    gateway answers it alone."""
    path, _, query = request.path.partition("?")
    matched = _matched(routes, path)
    if matched is None or request.method not in routes[matched[0]]:
        return None
    resource, parameters = matched
    pairs = parse_qsl(query, keep_blank_values=True, errors="replace")
    several: dict[str, list[str]] = {}
    for name, value in pairs:
        several.setdefault(name, []).append(value)
    headers = {"Host": "test.example", "X-Forwarded-Proto": "https", **request.headers}
    return {
        "resource": resource,
        "path": path,
        "httpMethod": request.method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": dict(pairs) or None,
        "multiValueQueryStringParameters": several or None,
        "pathParameters": parameters or None,
        "stageVariables": None,
        "requestContext": {
            "resourcePath": resource,
            "httpMethod": request.method,
            "path": f"/{STAGE}{path}",
            "stage": STAGE,
            "requestId": "d1f0c1d2-0000-4000-8000-000000000001",
            "identity": {"sourceIp": "203.0.113.7"},
        },
        "body": _body(request),
        "isBase64Encoded": request.as_base64,
    }


def _matched(routes: Mapping[str, Any], path: str) -> tuple[str, dict[str, str]] | None:
    """The route of a path and its parameters; a literal segment goes before a parameter, as in the gateway."""
    segments = path.removesuffix("/").split("/")
    found: list[tuple[list[bool], str, dict[str, str]]] = []
    for route in routes:
        pattern = route.removesuffix("/").split("/")
        if len(pattern) != len(segments):
            continue
        pairs = list(zip(pattern, segments, strict=True))
        if all((part.startswith("{") and bool(segment)) or part == segment for part, segment in pairs):
            parameters = {
                part.strip("{}"): unquote(segment, errors="replace") for part, segment in pairs if part.startswith("{")
            }
            found.append(([part.startswith("{") for part in pattern], route, parameters))
    if not found:
        return None
    _, route, parameters = min(found, key=lambda match: match[0])
    return route, parameters


def _body(request: HttpRequest) -> str | None:
    if request.body is None or (isinstance(request.body, str) and not request.as_base64):
        return request.body
    content = request.body.encode(errors="surrogatepass") if isinstance(request.body, str) else request.body
    return base64.b64encode(content).decode() if request.as_base64 else content.decode(errors="replace")
