"""Uploads of the push API: a file past the limit of a request, sent to S3 and then committed."""

from datetime import datetime
from typing import Any

from chalice.app import Response

from chalicelib import wiring
from chalicelib.api.errors import push_error
from chalicelib.api.http import answers, json_answer, json_body_of, started
from chalicelib.api.push import BASE, OPTIONS, offers_push, preferences, push_key, routes, seconds_to_wait
from chalicelib.services.push.admission import PushTarget
from chalicelib.services.uploads import uploads
from chalicelib.services.uploads.uploads import UploadRequest
from chalicelib.store.catalog.keys import CHECKING
from chalicelib.store.dynamodb import Deadline

_ASK_AGAIN_AFTER = "5"  # seconds


@routes.route(f"{BASE}/push/upload", **OPTIONS)
@answers(push_error, lambda: routes.current_request, "POST")
def open_upload(dataset_id: str, resource_id: str) -> Response:
    """Ask for a form to send a file of up to 240 MB to."""
    request, now, deadline = _read(dataset_id, resource_id, body=json_body_of(routes.current_request, default={}))
    form = uploads.open_upload(wiring.stores(), request, offers_push=offers_push(), now=now, deadline=deadline)
    return json_answer(form)


@routes.route(f"{BASE}/push/upload/{{upload_id}}/commit", **OPTIONS)
@answers(push_error, lambda: routes.current_request, "POST")
def commit_upload(dataset_id: str, resource_id: str, upload_id: str) -> Response:
    """Push the records of an uploaded file: all of them or none. 202 says that it is still being checked, and the
    same request asks again."""
    request, now, deadline = _read(dataset_id, resource_id, upload_id=upload_id)
    item = uploads.commit_upload(wiring.stores(), request, offers_push=offers_push(), now=now, deadline=deadline)
    shown = uploads.shown_upload(item)
    if item.state == CHECKING:
        return json_answer(shown, status=202, headers={"Retry-After": _ASK_AGAIN_AFTER})
    return json_answer(shown, headers={"X-Batch-Id": str(item.batch_id)})


def _read(dataset_id: str, resource_id: str, **parts: Any) -> tuple[UploadRequest, datetime, Deadline]:
    now, deadline = started(routes.current_request)
    request = UploadRequest(
        target=PushTarget(dataset_id=dataset_id, resource_id=resource_id, push_key=push_key()),
        lenient="handling=lenient" in preferences(),
        wait=seconds_to_wait(default=deadline.remaining()),
        **parts,
    )
    return request, now, deadline
