"""What every view shares: reading a request safely, answering JSON, and turning refusals into answers."""

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import wraps
from typing import Any

import orjson
from chalice.app import Request, Response

from chalicelib.api.errors import ErrorShape, status_of
from chalicelib.domain.errors import AnswerTooLarge, InvalidJson, MethodNotAllowed, Refused
from chalicelib.domain.payload import check_size, check_text, parse_json
from chalicelib.store.dynamodb import READ_TIMEOUT, Deadline, aws_faults_as_unavailable
from chalicelib.telemetry import logger

MAX_ANSWER = 5_900_000  # bytes of a body as a JSON string, which is how Lambda answers: its limit is 6,291,556
_MAY_BE_TOO_LARGE = MAX_ANSWER // 6  # characters; one takes at most six bytes as a JSON string
MAX_SECONDS = 20.0  # nothing is started later than this after the request came in
# A route declares every method, so that a wrong one gets our 405 and not the gateway's 403.
ALL_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
View = Callable[..., Response]


def answers(shape: ErrorShape, request: Callable[[], Request], *methods: str) -> Callable[[View], View]:
    """Wrap a view: methods other than these are refused, refusals answered in the API's error shape, and an error
    of ours logged and answered without its text."""

    def decorate(view: View) -> View:
        @wraps(view)
        def answered(*args: str, **kwargs: str) -> Response:
            current = request()
            request_id = str(current.context.get("requestId", ""))
            try:
                if current.method not in methods:
                    raise MethodNotAllowed(current.method, methods)
                with aws_faults_as_unavailable():
                    return view(*args, **kwargs)
            except Refused as refused:
                logger.info("refused", extra={"action": view.__name__, "error_code": refused.code})
                return _refusal(shape, refused, request_id)
            except Exception:
                # The last line of defence: nothing a client sends should come here, and the client learns no detail.
                logger.exception("unexpected failure", extra={"action": view.__name__})
                return json_answer(shape("internal_error", _UNEXPECTED, 500, request_id, None), status=500)

        vars(answered)["methods"] = methods
        return answered

    return decorate


def methods_of(view: View) -> tuple[str, ...]:
    """The methods that a view made by `answers` takes."""
    methods: tuple[str, ...] = vars(view)["methods"]
    return methods


def json_answer(body: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An answer with a JSON body; a `str` is sent as it is."""
    text = body if isinstance(body, str) else orjson.dumps(body).decode()
    if len(text) > _MAY_BE_TOO_LARGE and len(json.dumps(text)) > MAX_ANSWER:
        raise AnswerTooLarge
    return Response(body=text, status_code=status, headers={"Content-Type": "application/json", **(headers or {})})


def body_of(request: Request) -> bytes:
    """The raw bytes of the body, whatever its content type."""
    try:
        body = request.raw_body
    except (UnicodeEncodeError, ValueError):
        raise InvalidJson("The body is not UTF-8: encode it as UTF-8 and send it again.") from None
    return body.encode() if isinstance(body, str) else body


def json_body_of(request: Request, default: Any = None) -> Any:
    """The parsed JSON body; `default` (when given) stands for an empty one."""
    body = body_of(request)
    check_size(len(body))
    check_text(body)
    if default is not None and not body.strip():
        return default
    return parse_json(body)


def query_of(request: Request, name: str) -> str | None:
    """The last value of a query parameter, or None."""
    parameters: Mapping[str, str] = request.query_params or {}
    return parameters.get(name)


def base_url(request: Request, configured: str | None) -> str:
    """The URL of the stage that clients reach, without a slash at the end: `https://host/api`."""
    if configured:
        return configured
    scheme = "http" if request.headers.get("x-forwarded-proto") == "http" else "https"
    host = request.headers.get("host", "")
    return f"{scheme}://{host if _HOST.fullmatch(host) else 'localhost'}/{request.context.get('stage', 'api')}"


def started(request: Request) -> tuple[datetime, Deadline]:
    """The one reading of the clock of this request, and its deadline: early enough that calls under way end before
    the function is stopped."""
    context: Any = request.lambda_context
    left = context.get_remaining_time_in_millis() / 1000 - READ_TIMEOUT - 1
    return datetime.now(UTC), Deadline(min(MAX_SECONDS, left))


def _refusal(shape: ErrorShape, refused: Refused, request_id: str) -> Response:
    status = status_of(refused)
    headers = {}
    if isinstance(refused, MethodNotAllowed):
        headers["Allow"] = ", ".join(refused.allowed)
    if retry_after := getattr(refused, "retry_after", None):
        headers["Retry-After"] = str(retry_after)
    if refused.batch_id:
        headers["X-Batch-Id"] = refused.batch_id
    body = shape(refused.code, refused.message, status, request_id, refused)
    return json_answer(body, status=status, headers=headers)


_HOST = re.compile(r"[A-Za-z0-9.\-\[\]:]{1,255}")
_UNEXPECTED = "Something went wrong on our side: send the request again; if it goes on, report the request id."
