"""API keys: for those who administer the deployment."""

from chalice.app import Response

from chalicelib.api.automation.routing import body, method, no_content, now, page, require, route
from chalicelib.api.http import json_answer
from chalicelib.services import access


@route("/apikeys", "GET", "POST")
def api_key_list() -> Response:
    """List the API keys, or make one: its text is in this answer only."""
    require("admin")
    if method() == "GET":
        return page(access.list_api_keys())
    return json_answer(access.order_api_key(body(), now()), status=201)


@route("/apikeys/{api_key_uid}", "GET", "DELETE")
def api_key_one(api_key_uid: str) -> Response:
    """Read what is known of an API key, or revoke it."""
    require("admin")
    if method() == "GET":
        return json_answer(access.find_api_key(api_key_uid))
    access.revoke_api_key(api_key_uid)
    return no_content()
