"""The health page, for those who keep the deployment and their monitors."""

from typing import Any

from chalice.app import Response

from chalicelib import wiring
from chalicelib.api.http import json_answer, started
from chalicelib.services.health import health_of


def health_answer(request: Any) -> Response:
    """Always 200, since the API answers; `status` says whether all of the product works."""
    now, deadline = started(request)
    return json_answer(health_of(wiring.stores(), now, deadline.within(2.0)))
