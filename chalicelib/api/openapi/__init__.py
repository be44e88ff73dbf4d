"""`GET /openapi.json`: the OpenAPI 3.1 document of the push, management and reading APIs.

It is made from the code, when it is first asked for; what only people know of an operation is declared, one entry an
operation, in the table of its API: `push_operations`, `automation_operations`, `explore_operations`.
"""

from chalice.app import Blueprint, CORSConfig, Response

from chalicelib import wiring
from chalicelib.api.errors import explore_error
from chalicelib.api.http import answers, base_url, json_answer

routes = Blueprint(__name__)

_CORS = CORSConfig(allow_origin="*", max_age=86400)


@routes.route("/openapi.json", methods=["GET"], content_types=["*/*"], cors=_CORS)
@answers(explore_error, lambda: routes.current_request, "GET")
def openapi_document() -> Response:
    """The OpenAPI 3.1 document of these APIs."""
    from chalicelib.api.openapi.document import document  # noqa: PLC0415 - no other request pays for it

    base = base_url(routes.current_request, wiring.settings().public_url)
    return json_answer({**document(routes.current_app), "servers": [{"url": base}]})
