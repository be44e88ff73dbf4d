"""The push API 1.0: what devices and programs call, authenticated by push keys."""

from typing import Any

from chalice.app import Blueprint, CORSConfig, Response

from chalicelib import wiring
from chalicelib.api.errors import push_error
from chalicelib.api.http import ALL_METHODS, answers, body_of, json_answer, query_of, started
from chalicelib.domain.errors import BatchFailed
from chalicelib.domain.identifiers import new_batch_id
from chalicelib.domain.receipt import FAILED, Receipt
from chalicelib.services.push import push
from chalicelib.services.push.admission import PushTarget
from chalicelib.services.push.push import PushRequest
from chalicelib.telemetry import report_batch

routes = Blueprint(__name__)

_CORS = CORSConfig(
    allow_origin="*",
    allow_headers=["X-Push-Key", "Prefer", "Content-Encoding", "Content-Type", "Authorization"],
    expose_headers=["X-Batch-Id", "Retry-After", "Preference-Applied"],
    max_age=86400,
)
OPTIONS: dict[str, Any] = {"methods": ALL_METHODS, "content_types": ["*/*"], "cors": _CORS}
BASE = "/{dataset_id}/{resource_id}"
_OK = '{"status": "OK"}'  # to the byte: clients compare it


@routes.route(f"{BASE}/push", **OPTIONS)
@answers(push_error, lambda: routes.current_request, "POST")
def push_records(dataset_id: str, resource_id: str) -> Response:
    """Add or overwrite records."""
    request, now, deadline = _read(dataset_id, resource_id)
    receipt = push.push_records(wiring.stores(), request, offers_push=offers_push(), now=now, deadline=deadline)
    return _answer(dataset_id, receipt)


@routes.route(f"{BASE}/delete", **OPTIONS)
@answers(push_error, lambda: routes.current_request, "POST", "DELETE")
def delete_by_values(dataset_id: str, resource_id: str) -> Response:
    """Delete the records with the ids of these values."""
    request, now, deadline = _read(dataset_id, resource_id)
    receipt = push.delete_by_values(wiring.stores(), request, offers_push=offers_push(), now=now, deadline=deadline)
    return _answer(dataset_id, receipt)


@routes.route(f"{BASE}/{{record_id}}/delete", **OPTIONS)
@answers(push_error, lambda: routes.current_request, "GET", "DELETE", "POST")
def delete_by_id(dataset_id: str, resource_id: str, record_id: str) -> Response:
    """Delete one record by its id. GET deletes too: that is the contract with clients in the field."""
    request, now, deadline = _read(dataset_id, resource_id)
    receipt = push.delete_by_id(
        wiring.stores(), request, record_id, offers_push=offers_push(), now=now, deadline=deadline
    )
    return _answer(dataset_id, receipt)


@routes.route(f"{BASE}/batches/{{batch_id}}", **OPTIONS)
@answers(push_error, lambda: routes.current_request, "GET")
def read_batch(dataset_id: str, resource_id: str, batch_id: str) -> Response:
    """The receipt of a batch."""
    now, deadline = started(routes.current_request)
    target = PushTarget(dataset_id=dataset_id, resource_id=resource_id, push_key=push_key())
    return json_answer(push.read_batch(wiring.stores(), target, batch_id, now, deadline))


def _read(dataset_id: str, resource_id: str) -> tuple[PushRequest, Any, Any]:
    current = routes.current_request
    now, deadline = started(current)
    request = PushRequest(
        target=PushTarget(dataset_id=dataset_id, resource_id=resource_id, push_key=push_key()),
        batch_id=new_batch_id(now),
        body=body_of(current),
        content_type=current.headers.get("content-type", ""),
        lenient="handling=lenient" in preferences(),
        wait=seconds_to_wait(),
    )
    return request, now, deadline


def push_key() -> str:
    """The key of `?pushkey=`, else of `X-Push-Key`, else of `Authorization: Pushkey`."""
    current = routes.current_request
    scheme, _, credentials = current.headers.get("authorization", "").strip().partition(" ")
    bearer = credentials.strip() if scheme.lower() == "pushkey" else ""
    return query_of(current, "pushkey") or current.headers.get("x-push-key", "").strip() or bearer


def preferences() -> set[str]:
    """The preferences of the Prefer header (RFC 7240), lower-case, without blanks or quotes."""
    header = routes.current_request.headers.get("prefer", "").lower()
    return {part.partition(";")[0].replace(" ", "").replace('"', "") for part in header.split(",")}


def seconds_to_wait(default: float = 0.0) -> float:
    """The seconds of `Prefer: wait=N`."""
    asked = next((part.removeprefix("wait=") for part in preferences() if part.startswith("wait=")), "")
    return float(asked) if asked.isascii() and asked.isdigit() and len(asked) < 6 else default


def offers_push() -> bool:
    """Whether this deployment offers push."""
    return "push" in wiring.settings().features


def _answer(dataset_id: str, receipt: Receipt) -> Response:
    report_batch(dataset_id, receipt)
    if receipt.state == FAILED:  # only who has waited learns it here, and must not take it for a success
        failed = BatchFailed(receipt.message)
        failed.batch_id = receipt.batch_id
        raise failed
    headers = {"X-Batch-Id": receipt.batch_id}
    told = preferences() & {"return=representation", "handling=lenient"}
    if applied := sorted(told | {part for part in preferences() if part.startswith("wait=") and seconds_to_wait()}):
        headers["Preference-Applied"] = ", ".join(applied)
    return json_answer(receipt.as_answer() if told else _OK, headers=headers)
