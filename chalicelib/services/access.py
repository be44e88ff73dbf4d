"""API keys: making them, and what the holder of one may do."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pynamodb.exceptions import DoesNotExist

from chalicelib.domain.errors import Forbidden, Unauthorized, ValidationFailed
from chalicelib.domain.identifiers import fingerprint, new_api_key, new_uid
from chalicelib.store.catalog import API_KEYS, ApiKeyItem
from chalicelib.store.dynamodb import aws_faults_as_unavailable

PERMISSIONS = ("browse", "edit", "publish", "admin")
MIN_KEY_LENGTH, MAX_KEY_LENGTH = 20, 200


@dataclass(frozen=True, kw_only=True)
class Caller:
    """The holder of a valid API key, or anybody (no permissions)."""

    permissions: frozenset[str] = frozenset()

    def may(self, permission: str) -> bool:
        """Whether the caller has the permission; `admin` has them all."""
        return permission in self.permissions or "admin" in self.permissions

    def require(self, permission: str) -> None:
        """Refuse a caller without the permission."""
        if not self.may(permission):
            raise Forbidden(permission)


ANYBODY = Caller()


def authenticate(key: str, now: datetime) -> Caller:
    """The caller behind an API key; Unauthorized when the key is unknown or no longer valid."""
    with aws_faults_as_unavailable():
        try:
            stored = ApiKeyItem.get(API_KEYS, fingerprint(key), consistent_read=True)
        except DoesNotExist:
            raise Unauthorized from None
    if stored.valid_until is not None and stored.valid_until <= now.timestamp():
        raise Unauthorized
    return Caller(permissions=frozenset(stored.permissions))


def create_api_key(label: str, permissions: Sequence[str], now: datetime, key: str | None = None) -> str:
    """Make an API key and return it: it is shown this once and kept only as a fingerprint. `key` chooses its text."""
    if unknown := sorted(set(permissions) - set(PERMISSIONS)):
        raise ValidationFailed({"permissions": [f"unknown {unknown}; use {', '.join(PERMISSIONS)}"]})
    if key is not None and not (MIN_KEY_LENGTH <= len(key) <= MAX_KEY_LENGTH and key.isascii() and key.isprintable()):
        raise ValidationFailed({"key": [f"use {MIN_KEY_LENGTH} to {MAX_KEY_LENGTH} printable ASCII characters"]})
    made = key or new_api_key()
    with aws_faults_as_unavailable():
        ApiKeyItem(
            fingerprint=fingerprint(made),
            uid=new_uid("ak"),
            label=label,
            permissions=list(permissions),
            created_at=now.isoformat(timespec="seconds"),
        ).save()
    return made
