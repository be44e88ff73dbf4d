"""One door to every remote source: from a datasource to the bytes of its file, in constant memory."""

from collections.abc import Callable, Mapping
from typing import Any

from chalicelib.domain.remote_source import joined_url, remote_source_problem
from chalicelib.sources.address_guard import AddressGuard
from chalicelib.sources.connector import Connector
from chalicelib.sources.failures import InvalidSource
from chalicelib.sources.transfer import Fetched, Limits, Sink, Validators

PUBLIC_ONLY, USUAL_LIMITS, NO_VALIDATORS = AddressGuard(), Limits(), Validators()


def fetch(
    source: Mapping[str, Any],
    sink: Sink,
    *,
    remaining: Callable[[], float],
    validators: Validators = NO_VALIDATORS,
    limits: Limits = USUAL_LIMITS,
    guard: AddressGuard = PUBLIC_ONLY,
    ca_file: str | None = None,
) -> Fetched:
    """Fetch the file of a datasource (see domain/remote_source.py), once, or learn that it has not changed.

    `sink` takes the content piece by piece, inflated where the server compressed it for the transfer. `remaining`
    answers the seconds left for all of it, `validators` are those of the last fetch that was kept, `ca_file` names
    certificate authorities to trust instead of the system's.

    Raises FetchFailed, whose class says why and whether a later run may succeed; what the sink got by then is worth
    nothing. What the sink raises comes through as it is.
    """
    if problem := remote_source_problem(source):
        raise InvalidSource(problem)
    url, auth = joined_url(source), source["connection"].get("auth")
    connector = Connector(guard=guard, limits=limits, remaining=remaining, ca_file=ca_file)
    if source["type"] == "ftp":
        from chalicelib.sources.ftp import FtpRequest, fetch_ftp  # noqa: PLC0415 - most sources are not

        return fetch_ftp(FtpRequest(url=url, auth=auth), sink, validators=validators, connector=connector)
    from chalicelib.sources.http import HttpRequest, fetch_http  # noqa: PLC0415 - the push API fetches nothing

    request = HttpRequest(url=url, auth=auth, headers=source.get("headers", ()))
    return fetch_http(request, sink, validators=validators, connector=connector)
