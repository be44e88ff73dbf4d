"""Details: why records are refused, as long as it is told and kept. What devices send, and how publishers name fields,
decides how long that is; an item of a table takes 400 KB, an answer 6 MB. All sizes are bytes of UTF-8 as JSON."""

import json
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

from chalicelib.domain.errors import MAX_DETAILS

MAX_MESSAGE, MAX_NAME, MAX_NAMES = 1000, 300, 600  # of a message, the name of its field, the names that it lists
MAX_KEPT_MESSAGE = 500  # of a message as it is kept
MAX_KEPT = 60_000  # of all the details that are kept of a batch
_MAX_NOTE = 60  # of the note on what is left out
_MOST_OF_A_CHARACTER = 6  # a control character, escaped
_DOTS = "..."


def cut(text: str, most: int) -> str:
    """The text, or as much of its beginning as takes `most` bytes together with the dots behind it."""
    if len(text) * _MOST_OF_A_CHARACTER <= most or _size(text) <= most:
        return text
    sizes = list(accumulate(map(_size, text[:most])))
    return text[: bisect_right(sizes, most - len(_DOTS))] + _DOTS


def kept(details: Sequence[Mapping[str, Any]], of: int | None = None) -> list[dict[str, Any]]:
    """The details as a table keeps them: the first ones, with their messages cut. The last message says how many are
    left out, `of` that many in all. What was kept before comes out as it was."""
    total = len(details) if of is None else of
    shortened = [{**detail, "message": cut(detail["message"], MAX_KEPT_MESSAGE)} for detail in details[:MAX_DETAILS]]
    ends = list(accumulate(_size(detail) for detail in shortened))
    if not shortened or (len(shortened) == total and ends[-1] <= MAX_KEPT):
        return shortened
    fitting = shortened[: max(1, bisect_right(ends, MAX_KEPT - _MAX_NOTE))]
    if total > len(fitting):
        message = cut(fitting[-1]["message"], MAX_KEPT_MESSAGE - _MAX_NOTE)
        fitting[-1]["message"] = f"{message} ({total - len(fitting):,} more are not listed: mend these first)"
    return fitting


def _size(value: Any) -> int:
    """Bytes as JSON, without the quotes of a text."""
    written = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return len(written.encode(errors="surrogatepass")) - 2 * isinstance(value, str)
