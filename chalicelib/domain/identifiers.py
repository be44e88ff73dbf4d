"""Identifiers: uids of management objects, human ids (slugs), batch ids and push keys."""

import hashlib
import hmac
import re
import secrets
import unicodedata
from datetime import datetime

_BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,98}[a-z0-9])?")
_UID = re.compile(r"[a-z]{2}_[0-9a-z]{6}")
_RECORD_ID = re.compile(r"[0-9a-f]{40}")
_BATCH_ID = re.compile(r"[0-9a-f]{28}")
_PUSH_KEY = re.compile(r"[0-9a-f]{56}")
PUSH_KEY_LENGTH = 56
API_KEY_LENGTH = 56


def new_uid(prefix: str) -> str:
    """A uid such as `da_x3k9f0`: two letters, `_`, six random base36 characters."""
    return f"{prefix}_{''.join(secrets.choice(_BASE36) for _ in range(6))}"


def is_uid(text: str) -> bool:
    """Whether the text has the shape of a uid."""
    return _UID.fullmatch(text) is not None


def is_slug(text: str) -> bool:
    """Whether the text may be a dataset id or resource id: 1 to 100 of a-z, 0-9, - and _, no - or _ at the ends."""
    return _SLUG.fullmatch(text) is not None


def slugified(text: str) -> str:
    """The slug of a title (`Bibliothèque: livres` → `bibliotheque-livres`); empty when nothing of it is left."""
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9_]+", "-", ascii_text).strip("-_")[:100].strip("-_")


def is_record_id(text: str) -> bool:
    """Whether the text has the shape of a record id."""
    return _RECORD_ID.fullmatch(text) is not None


def new_batch_id(now: datetime) -> str:
    """28 hex characters that sort by time: 48 bits of milliseconds, then 64 random bits."""
    return f"{int(now.timestamp() * 1000):012x}{secrets.token_hex(8)}"


def batch_moment(batch_id: str) -> int:
    """When the batch of that id began, in epoch milliseconds."""
    return int(batch_id[:12], 16)


def is_batch_id(text: str) -> bool:
    """Whether the text has the shape of a batch id."""
    return _BATCH_ID.fullmatch(text) is not None


def derive_push_key(secret: str, resource_uid: str, nonce: str) -> str:
    """The push key of a resource: the first 56 hex of HMAC-SHA256(secret, "push-key:{resource_uid}:{nonce}").

    It can be shown again to those who may edit; the tables hold only its SHA-256 and the nonce.
    """
    message = f"push-key:{resource_uid}:{nonce}".encode()
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()[:PUSH_KEY_LENGTH]


def is_push_key(text: str) -> bool:
    """Whether the text has the shape of a push key."""
    return _PUSH_KEY.fullmatch(text) is not None


def new_api_key() -> str:
    """A random API key of 56 hex characters."""
    return secrets.token_hex(API_KEY_LENGTH // 2)


def fingerprint(key: str) -> str:
    """What the tables hold of a key: its SHA-256 in hex. Keys are random, so no salt is needed."""
    return hashlib.sha256(key.encode()).hexdigest()
