"""Where a remote resource is fetched from: the shape of its datasource, and a datasource made of one address.

    {"type": "http", "connection": {"type": "http", "url": "https://host", "auth": null},
     "headers": [{"name": "X-Team", "value": "data"}], "relative_url": "/books.csv"}

`auth` is null, {"type": "basic_auth", "username", "password"} or, for http, {"type": "bearer", "token"}. An ftp one
has no headers. Instead of all that, one address may be given as people paste it: {"url": "https://host/books.csv"}.
No answer here repeats a value: it may be a secret.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from chalicelib.domain.errors import ValidationFailed

SCHEMES: Mapping[str, tuple[str, ...]] = {"http": ("https", "http"), "ftp": ("ftps", "ftp")}
MAX_URL, MAX_HEADERS, MAX_HEADER_NAME, MAX_HEADER_VALUE, MAX_CREDENTIAL = 2000, 20, 100, 4000, 4000  # characters
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2
_HEADER_VALUE = re.compile(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?")
_BEARER = re.compile(r"[\x21-\x7e]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_NOT_IN_URL = re.compile(r"[\s\\\x00-\x20\x7f-\x9f\ud800-\udfff]")
_OWN_HEADERS = frozenset(  # what the fetching itself says, or what concerns one connection only (RFC 9110, 7.6.1)
    {
        "accept-encoding", "connection", "content-encoding", "content-length", "content-type", "expect", "host",
        "keep-alive", "range", "te", "trailer", "transfer-encoding", "upgrade", "via",
    }
)  # fmt: skip
_AUTH_KEYS = {"basic_auth": ("username", "password"), "bearer": ("token",)}
_OWN_PREFIXES = ("if-", "proxy-")


def remote_source_problem(source: Any) -> str | None:
    """What is wrong with a remote datasource, or None."""
    match source:
        case {"type": "http" | "ftp" as kind, "connection": {"type": str(same), "url": str(url)}} if same == kind:
            return (
                _keys_problem(source, kind)
                or _url_problem(url, source.get("relative_url", ""), kind)
                or _auth_problem(source["connection"].get("auth"), kind)
                or _headers_problem(source.get("headers", []), has_auth=bool(source["connection"].get("auth")))
            )
    return 'expected {"type": "http", "connection": {"type": "http", "url": "https://..."}, "relative_url": "/..."}'


def pasted_problem(source: Mapping[str, Any]) -> str | None:
    """What is wrong with a datasource of one address, or None."""
    if unknown := source.keys() - {"type", "url"}:
        return f"unknown field {_listed(unknown)} beside url; it holds everything, or use connection"
    try:
        kind = split_url(source["url"])["type"]
    except ValidationFailed as refused:
        return refused.detail["url"][0]
    return None if source.get("type", kind) == kind else f"the type of this url is {kind}: leave the type out"


def expanded(source: Mapping[str, Any]) -> dict[str, Any]:
    """The whole datasource: of one that is one address, what `split_url` makes of it."""
    return split_url(source["url"]) if "url" in source else dict(source)


def server_of(source: Mapping[str, Any]) -> tuple[str, str | None, int | None]:
    """The scheme, host and port of a datasource that has no problem: secrets given for one go to no other."""
    parts = urlsplit(source["connection"]["url"])
    return parts.scheme, parts.hostname, parts.port


def joined_url(source: Mapping[str, Any]) -> str:
    """The whole address of a datasource that has no problem. A slash parts the url from the relative_url, so that the
    latter can never change the host."""
    url, relative = source["connection"]["url"], source.get("relative_url", "")
    if not relative or relative.startswith("?"):
        return f"{url}{relative}"
    return f"{url.rstrip('/')}/{relative.removeprefix('/')}"


def split_url(url: str) -> dict[str, Any]:
    """The datasource of an address as people paste it; a user and password in it become `auth`. Raises
    ValidationFailed, naming `url`, for an address that cannot be one."""
    parts = _parts(url.strip())
    kind = next((kind for kind, schemes in SCHEMES.items() if parts and parts.scheme in schemes), None)
    if parts is None or kind is None:
        raise ValidationFailed({"url": ["expected an address such as https://host/books.csv, or ftp://host/books.csv"]})
    authority = parts.netloc.rpartition("@")[2]
    query = f"?{parts.query}" if parts.query else ""
    source: dict[str, Any] = {
        "type": kind,
        "connection": {"type": kind, "url": f"{parts.scheme}://{authority}", "auth": _auth_in(parts)},
        **({"headers": []} if kind == "http" else {}),
        "relative_url": f"{parts.path}{query}",
    }
    if problem := remote_source_problem(source):
        raise ValidationFailed({"url": [problem]})
    return source


def _keys_problem(source: Mapping[str, Any], kind: str) -> str | None:
    keys = ("connection", "headers", "relative_url") if kind == "http" else ("connection", "relative_url")
    if unknown := source.keys() - {"type", *keys}:
        return f"unknown field {_listed(unknown)}; an {kind} source has {', '.join(keys)}"
    if unknown := source["connection"].keys() - {"type", "url", "auth"}:
        return f"unknown field {_listed(unknown)} in connection; use url and auth"
    return None


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(name[:40] for name in names))


def _url_problem(url: str, relative: Any, kind: str) -> str | None:
    if not isinstance(relative, str) or len(url) + len(relative) > MAX_URL:
        return f"the url and relative_url must be text of at most {MAX_URL} characters together"
    if _NOT_IN_URL.search(url) or _CONTROL.search(relative):
        return "the url or relative_url has blanks, backslashes or control characters: write %20 for a blank"
    parts = _parts(url)
    if parts is None or parts.scheme not in SCHEMES[kind] or not parts.hostname:
        return f"the url must begin with {' or '.join(f'{scheme}://' for scheme in SCHEMES[kind])} and name a host"
    if "@" in parts.netloc:
        return "the url carries credentials: put them into auth"
    if "#" in url or (relative and "?" in url):
        return "the url must end before ? and #: put the path and what follows into relative_url"
    return None


def _parts(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        usable = parts.port != 0 and not _CONTROL.search(url)
    except ValueError:
        return None
    return parts if usable else None


def _auth_in(parts: SplitResult) -> dict[str, str] | None:
    if parts.username is None:
        return None
    return {"type": "basic_auth", "username": unquote(parts.username), "password": unquote(parts.password or "")}


def _auth_problem(auth: Any, kind: str) -> str | None:
    match auth:
        case None:
            return None
        case {"type": "basic_auth", "username": str(username), "password": str(password), **rest} if not rest:
            if len(username) + len(password) > MAX_CREDENTIAL or _CONTROL.search(username + password):
                return f"the username and password in auth must have no control characters, {MAX_CREDENTIAL} at most"
            if not username or (kind == "http" and ":" in username):
                return "the username in auth must not be empty, nor have a colon"
            return None
        case {"type": "bearer", "token": str(token), **rest} if not rest and kind == "http":
            is_token = len(token) <= MAX_CREDENTIAL and _BEARER.fullmatch(token)
            return None if is_token else "the token in auth must be visible ASCII characters without blanks"
        case {"type": "basic_auth", "username": str(), **rest} if _has_only_null(rest, "password"):
            return "the password in auth is missing: send it"
        case {"type": "bearer", **rest} if kind == "http" and _has_only_null(rest, "token"):
            return "the token in auth is missing: send it"
        case {"type": "basic_auth" | "bearer" as given} if unknown := auth.keys() - {"type", *_AUTH_KEYS[given]}:
            return f"unknown field {_listed(unknown)} in auth; use {', '.join(_AUTH_KEYS[given])}"
    bearer = ', or {"type": "bearer", "token"}' if kind == "http" else ""
    return f'auth must be null, or {{"type": "basic_auth", "username", "password"}}{bearer}'


def _has_only_null(rest: Mapping[Any, Any], name: str) -> bool:
    return not rest or rest == {name: None}


def _headers_problem(headers: Any, *, has_auth: bool) -> str | None:
    if not isinstance(headers, list) or len(headers) > MAX_HEADERS:
        return f'headers must be a list of at most {MAX_HEADERS} of {{"name", "value"}}'
    taken = {"authorization"} if has_auth else set()
    for number, header in enumerate(headers, start=1):
        if problem := _header_problem(header, taken):
            return f"header {number}: {problem}"
        taken.add(header["name"].lower())
    return None


def _header_problem(header: Any, taken: set[str]) -> str | None:
    match header:
        case {"name": str(name), "value": str(value), **rest} if not rest:
            if len(name) > MAX_HEADER_NAME or not _TOKEN.fullmatch(name):
                return "the name must be letters, digits and hyphens, such as X-Api-Key"
            if name.lower() in _OWN_HEADERS or name.lower().startswith(_OWN_PREFIXES):
                return f"{name} is set by the fetching itself: leave it out"
            if name.lower() in taken:
                return f"{name} is given twice, or by auth as well: give it once"
            if len(value) > MAX_HEADER_VALUE or not _HEADER_VALUE.fullmatch(value):
                return f"the value of {name} must be visible ASCII characters in one line, {MAX_HEADER_VALUE} at most"
            return None
        case {"name": str(name), "value": None, **rest} if not rest and _TOKEN.fullmatch(name):
            return f"the value of {name[:MAX_HEADER_NAME]} is missing: send it"
        case {"name": _, "value": _} if unknown := header.keys() - {"name", "value"}:
            return f"unknown field {_listed(unknown)}; a header has name and value"
    return 'expected {"name": "X-Api-Key", "value": "..."}'
