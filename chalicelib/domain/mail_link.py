"""The links in mails by which people confirm that they want them, or end them. They are signed, need no login, and
tell for which address, and for what, they speak."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass

CONFIRM, UNSUBSCRIBE = "confirm", "unsubscribe"
EVERYTHING = "*"  # the scope of a link that ends all mails
_SIGNATURE_LENGTH = 40  # hex characters: 160 bits
_MAX_TOKEN = 1000


@dataclass(frozen=True, kw_only=True)
class MailLink:
    """What a link asks for. `scope` as in `Notice`, or EVERYTHING."""

    purpose: str
    scope: str
    address: str

    def token(self, secret: str, key_id: str) -> str:
        """The link's token, made with the deployment's secret of that key id."""
        content = f"{key_id} {self.purpose} {self.scope} {self.address}"
        text = base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")
        return f"{text}.{_signature(secret, content)}"


def read_token(token: str, secret_of: Callable[[str], str], purpose: str) -> MailLink | None:
    """The link behind a token that was made for this purpose, else None. `secret_of` answers the secret of a key id,
    or raises KeyError."""
    text, _, signature = token[:_MAX_TOKEN].partition(".")
    try:
        content = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
        key_id, said, scope, address = content.split(" ")
        expected = _signature(secret_of(key_id), content)
    except (binascii.Error, UnicodeError, ValueError, KeyError):
        return None
    if said != purpose or not hmac.compare_digest(expected.encode(), signature.encode()):
        return None
    return MailLink(purpose=said, scope=scope, address=address)


def _signature(secret: str, content: str) -> str:
    return hmac.new(secret.encode(), f"mail-link:{content}".encode(), hashlib.sha256).hexdigest()[:_SIGNATURE_LENGTH]
