"""Query parameters of the reading API: each is validated, and a bad one is refused with what was expected."""

from collections.abc import Iterable, Mapping

from chalice.app import Request

from chalicelib.domain.errors import InvalidQuery

MAX_LIMIT, DEFAULT_LIMIT = 100, 10
MAX_WINDOW = 10_000  # offset + limit stays below
_DELIMITERS = {",": ",", ";": ";", "|": "|", "\t": "\t", "\\t": "\t"}
_UNOFFERED = ("refine", "exclude", "group_by")  # they change which records answer: passing over them would deceive


class Parameters:
    """The query parameters of one request. Unknown ones are passed over, as clients add their own."""

    def __init__(self, request: Request, *, unoffered: Iterable[str] = ()) -> None:
        self._values = _values(request)
        for name in (*_UNOFFERED, *unoffered):
            if name in self._values:
                raise InvalidQuery(f"{name} is not offered here: leave it out, or ask for records with where.")

    def text(self, name: str) -> str | None:
        """The text of a parameter, or None."""
        values = self._values.get(name, [])
        if len(values) > 1:
            raise InvalidQuery(f"{name} is given {len(values)} times: give it once.")
        return values[0] if values else None

    def page(self) -> tuple[int, int]:
        """`limit` and `offset`; a limit of -1 means as many as there may be."""
        limit = self._number("limit", DEFAULT_LIMIT, -1, MAX_LIMIT)
        offset = self._number("offset", 0, 0, MAX_WINDOW)
        limit = MAX_LIMIT if limit < 0 else limit
        if offset + limit >= MAX_WINDOW:
            raise InvalidQuery(
                f"offset + limit is {offset + limit} and must be below {MAX_WINDOW}: use an export to read further."
            )
        return limit, offset

    def export_limit(self) -> int | None:
        """`limit` of an export; None (or -1) means all records."""
        limit = self._number("limit", -1, -1, 10**9)
        return None if limit < 0 else limit

    def flag(self, name: str, default: bool) -> bool:
        """A parameter that is true or false."""
        given = self.text(name)
        if given is None:
            return default
        if given.lower() not in ("true", "false"):
            raise InvalidQuery(f"{name} must be true or false, not {_shown(given)}.")
        return given.lower() == "true"

    def delimiter(self) -> str:
        """What stands between the cells of a CSV export."""
        given = self.text("delimiter")
        if given is None:
            return ";"
        if given not in _DELIMITERS:
            raise InvalidQuery(f"delimiter must be one of , ; | or a tab (%09), not {_shown(given)}.")
        return _DELIMITERS[given]

    def _number(self, name: str, default: int, least: int, most: int) -> int:
        given = self.text(name)
        if given is None:
            return default
        digits = given.removeprefix("-")
        if digits.isascii() and digits.isdigit() and len(digits) <= 10 and least <= int(given) <= most:
            return int(given)
        raise InvalidQuery(f"{name} must be a whole number from {least} to {most}, not {_shown(given)}.")


def _values(request: Request) -> Mapping[str, list[str]]:
    parameters = request.query_params
    values = {name: parameters.getlist(name) for name in parameters} if parameters else {}
    try:
        "".join(text for name, given in values.items() for text in (name, *given)).encode()
    except UnicodeEncodeError:
        raise InvalidQuery("A query parameter is not Unicode text: encode it as UTF-8, then as a URL.") from None
    return values


def _shown(given: str) -> str:
    return repr(given[:40])
