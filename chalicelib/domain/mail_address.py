"""E-mail addresses: which are taken, and what must not get into a header."""

import re
import unicodedata
from typing import Any

from chalicelib.domain.shape import described

MAX_ADDRESS = 254
PATTERN = r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}$"
_ADDRESS = re.compile(PATTERN)
_MAX_SUBJECT = 200


def is_address(text: Any) -> bool:
    """Whether the text is one e-mail address, in ASCII, without a name."""
    return isinstance(text, str) and len(text) <= MAX_ADDRESS and _ADDRESS.fullmatch(text) is not None


def normalized_address(text: str) -> str:
    """The address as it is kept and compared: providers tell upper from lower case nowhere."""
    return text.lower()


@described({"type": "string", "maxLength": MAX_ADDRESS, "pattern": PATTERN})
def address_problem(value: Any) -> str | None:
    """What is wrong with an address, or None."""
    return None if is_address(value) else "expected an e-mail address such as ann@example.org"


def header_text(text: str) -> str:
    """The text fit for a header: one line, without control or invisible formatting characters, of bounded length."""
    spaced = "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in text)
    visible = "".join(c for c in spaced if unicodedata.category(c) not in ("Cf", "Cs"))
    line = " ".join(visible.split())
    return line if len(line) <= _MAX_SUBJECT else line[: _MAX_SUBJECT - 1] + "…"
