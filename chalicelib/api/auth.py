"""Who calls: API keys in the Authorization header or the query."""

from datetime import datetime

from chalice.app import Request

from chalicelib import wiring
from chalicelib.api.http import query_of
from chalicelib.domain.errors import Unauthorized
from chalicelib.services.access import ANYBODY, Caller, authenticate


def api_key_of(request: Request) -> str | None:
    """The key of `Authorization: Apikey K` (scheme in any case), else of `?apikey=`."""
    scheme, _, credentials = request.headers.get("authorization", "").strip().partition(" ")
    if scheme.lower() == "apikey" and credentials.strip():
        return str(credentials.strip())
    return query_of(request, "apikey")


def caller_of(request: Request, now: datetime) -> Caller:
    """The caller; without a key anybody. A key that is not valid is refused, not ignored."""
    key = api_key_of(request)
    if not key:
        return ANYBODY
    wiring.stores()  # binds the catalog's models
    return authenticate(key, now)


def require_caller(request: Request, now: datetime, permission: str) -> Caller:
    """The caller, who must show a key that has the permission."""
    if not api_key_of(request):
        raise Unauthorized
    caller = caller_of(request, now)
    caller.require(permission)
    return caller
