"""What the routes of the management API share: permissions, bodies, pages."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from chalice.app import Blueprint, Response

from chalicelib import wiring
from chalicelib.api.auth import require_caller
from chalicelib.api.errors import automation_error
from chalicelib.api.http import ALL_METHODS, answers, base_url, json_answer, json_body_of, query_of, started
from chalicelib.domain.errors import ValidationFailed
from chalicelib.domain.shape import Key, checked
from chalicelib.services.access import Caller
from chalicelib.services.alerts.settings import Requester

routes = Blueprint(__name__)

OK = {"detail": "ok"}
DATASET = "/datasets/{dataset_uid}"
_PATH = "/automation/v1.0"
_MAX_LIMIT, _DEFAULT_LIMIT = 1000, 20

View = Callable[..., Response]


def route(path: str, *methods: str) -> Callable[[View], View]:
    """A route of this API that takes these methods; the others get our 405."""

    def decorate(view: View) -> View:
        answered = answers(automation_error, lambda: routes.current_request, *methods)(view)
        routed: View = routes.route(path, methods=ALL_METHODS, content_types=["*/*"])(answered)
        return routed

    return decorate


def method() -> str:
    """The request's method."""
    return str(routes.current_request.method)


def now() -> datetime:
    """The moment the request came in."""
    return started(routes.current_request)[0]


def body() -> Any:
    """The request's JSON body, parsed."""
    return json_body_of(routes.current_request)


def optional_body(keys: Mapping[str, Key]) -> dict[str, Any]:
    """The request's JSON body of these keys; {} when it has none."""
    return checked(json_body_of(routes.current_request, default={}), keys)


def expect_nothing() -> None:
    """Refuse a body that says something: nobody may believe that this operation heeds it."""
    checked(json_body_of(routes.current_request, default={}), {})


def require(permission: str) -> Caller:
    """The caller, who must show a key with this permission."""
    return require_caller(routes.current_request, now(), permission)


def requester(caller: Caller) -> Requester:
    """Who changes settings that mails come of, and where the links in these lead."""
    return Requester(email=caller.email, base_url=base_url(routes.current_request, wiring.settings().public_url))


def no_content() -> Response:
    """The answer of a delete."""
    return Response(body="", status_code=204, headers={"Content-Type": "application/json"})


def page(results: Sequence[Any], shown: Callable[[Sequence[Any]], Sequence[Any]] = list) -> Response:
    """One page of a list, by `limit` and `offset`, with absolute links to its neighbours. `shown` makes what is
    answered of the part of the list that is on the page."""
    limit = _number("limit", _DEFAULT_LIMIT, _MAX_LIMIT)
    offset = _number("offset", 0, 10**9)
    total = len(results)
    answer = {
        "total_count": total,
        "next": _link(limit, offset + limit) if limit and offset + limit < total else None,
        "previous": _link(limit, max(0, offset - limit)) if offset else None,
        "results": shown(results[offset : offset + limit]),
    }
    return json_answer(answer)


def _number(name: str, default: int, most: int) -> int:
    given = query_of(routes.current_request, name)
    if given is None:
        return default
    if given.isascii() and given.isdigit() and len(given) <= 10 and int(given) <= most:
        return int(given)
    raise ValidationFailed({name: [f"expected a whole number from 0 to {most}"]})


def _link(limit: int, offset: int) -> str:
    request = routes.current_request
    base = base_url(request, wiring.settings().public_url)
    path = request.context.get("path", "").partition(_PATH)[2]
    kept = {
        name: value for name, value in (request.query_params or {}).items() if name not in ("apikey", "limit", "offset")
    }
    return f"{base}{_PATH}{path}?{urlencode({**kept, 'limit': limit, 'offset': offset})}"
