"""API keys: making, listing and revoking them, and what the holder of one may do."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pynamodb.exceptions import DoesNotExist, UpdateError

from chalicelib.domain import shape
from chalicelib.domain.errors import Forbidden, NotFound, Unauthorized, ValidationFailed
from chalicelib.domain.identifiers import fingerprint, new_api_key, new_uid
from chalicelib.domain.mail_address import address_problem, normalized_address
from chalicelib.domain.shape import Key, checked
from chalicelib.store.catalog.drafts import ApiKeyItem
from chalicelib.store.catalog.keys import API_KEYS
from chalicelib.store.dynamodb import aws_faults_as_unavailable

PERMISSIONS = ("browse", "edit", "publish", "admin")
MIN_KEY_LENGTH, MAX_KEY_LENGTH = 20, 200
PREFIX_LENGTH = 6  # characters of a key that lists show, so that people can tell which one it is
USE_NOTED_EVERY = timedelta(minutes=1)
LONGEST_VALIDITY = timedelta(days=3653)


@dataclass(frozen=True, kw_only=True)
class Caller:
    """The holder of a valid API key, or anybody (no permissions). `email` is the address that the key was made with."""

    permissions: frozenset[str] = frozenset()
    email: str | None = None

    def may(self, permission: str) -> bool:
        """Whether the caller has the permission; `admin` has them all."""
        return permission in self.permissions or "admin" in self.permissions

    def require(self, permission: str) -> None:
        """Refuse a caller without the permission."""
        if not self.may(permission):
            raise Forbidden(permission)


ANYBODY = Caller()


def authenticate(key: str, now: datetime) -> Caller:
    """The caller behind an API key; Unauthorized when the key is unknown, revoked or no longer valid.

    It is read strongly at every request, so that revocation is immediate.
    """
    with aws_faults_as_unavailable():
        try:
            stored = ApiKeyItem.get(API_KEYS, fingerprint(key), consistent_read=True)
        except DoesNotExist:
            raise Unauthorized from None
    if stored.valid_until is not None and stored.valid_until <= now.timestamp():
        raise Unauthorized
    _note_use(stored, now)
    return Caller(permissions=frozenset(stored.permissions), email=stored.email)


def create_api_key(
    label: str,
    permissions: Sequence[str],
    now: datetime,
    key: str | None = None,
    *,
    expires_at: datetime | None = None,
    email: str | None = None,
) -> str:
    """Make an API key and return it: it is shown this once and kept only as a fingerprint. `key` chooses its text,
    `email` is the address of its holder: alerts that are switched on with it go there."""
    if unknown := sorted(set(permissions) - set(PERMISSIONS)):
        raise ValidationFailed({"permissions": [f"unknown {unknown}; use {', '.join(PERMISSIONS)}"]})
    if key is not None and not (MIN_KEY_LENGTH <= len(key) <= MAX_KEY_LENGTH and key.isascii() and key.isprintable()):
        raise ValidationFailed({"key": [f"use {MIN_KEY_LENGTH} to {MAX_KEY_LENGTH} printable ASCII characters"]})
    if email is not None and (problem := address_problem(email)):
        raise ValidationFailed({"email": [problem]})
    made = key or new_api_key()
    item = ApiKeyItem(
        fingerprint=fingerprint(made),
        uid=new_uid("ak"),
        label=label,
        prefix=made[:PREFIX_LENGTH],
        permissions=list(permissions),
        created_at=now.isoformat(timespec="seconds"),
        valid_until=None if expires_at is None else int(expires_at.timestamp()),
        email=None if email is None else normalized_address(email),
    )
    with aws_faults_as_unavailable():
        item.save()
    return made


def order_api_key(body: Any, now: datetime) -> dict[str, Any]:
    """Make the API key that a body describes; the answer is the only one that holds the key itself."""
    values = checked(body, _KEYS)
    expires_at = datetime.fromisoformat(values["expires_at"]) if values.get("expires_at") else None
    if expires_at is not None:
        expires_at = expires_at.replace(tzinfo=UTC) if expires_at.tzinfo is None else expires_at
        if not now < expires_at < now + LONGEST_VALIDITY:
            raise ValidationFailed({"expires_at": ["choose a moment within the next ten years, or leave it out"]})
    key = create_api_key(values["label"], values["permissions"], now, expires_at=expires_at, email=values.get("email"))
    return {**shown(ApiKeyItem.get(API_KEYS, fingerprint(key), consistent_read=True)), "key": key}


def list_api_keys() -> list[dict[str, Any]]:
    """All API keys, oldest first; never the keys themselves."""
    items = ApiKeyItem.query(API_KEYS, consistent_read=True)
    return [shown(item) for item in sorted(items, key=lambda item: (item.created_at, item.uid))]


def find_api_key(uid: str) -> dict[str, Any]:
    """What is known of one API key, else NotFound."""
    return shown(_find(uid))


def revoke_api_key(uid: str) -> None:
    """Revoke an API key: the next request with it is refused."""
    _find(uid).delete()


def shown(item: ApiKeyItem) -> dict[str, Any]:
    """An API key as lists show it; `prefix` is the beginning of the key."""
    expires_at = None if item.valid_until is None else datetime.fromtimestamp(int(item.valid_until), UTC).isoformat()
    return {
        "uid": item.uid,
        "label": item.label,
        "prefix": item.prefix,
        "permissions": item.permissions,
        "created_at": item.created_at,
        "last_used_at": item.last_used_at,
        "expires_at": expires_at,
        "email": item.email,
    }


def _find(uid: str) -> ApiKeyItem:
    for item in ApiKeyItem.query(API_KEYS, consistent_read=True):
        if item.uid == uid:
            return item
    raise NotFound(f"There is no API key '{uid[:40]}': list them with GET apikeys/.")


def _note_use(item: ApiKeyItem, now: datetime) -> None:
    """Keep when the key was last used, to the minute. Not on a key that has just been revoked."""
    if item.last_used_at and now - datetime.fromisoformat(item.last_used_at) < USE_NOTED_EVERY:
        return
    with suppress(UpdateError):  # knowing when it was used is worth no refusal
        item.update([ApiKeyItem.last_used_at.set(now.isoformat(timespec="seconds"))], ApiKeyItem.uid == item.uid)


def _permissions_problem(value: Any) -> str | None:
    fits = isinstance(value, list) and value and all(permission in PERMISSIONS for permission in value)
    return None if fits else f"expected a list of some of {', '.join(PERMISSIONS)}"


def _email_problem(value: Any) -> str | None:
    return None if value is None else address_problem(value)


def _moment_problem(value: Any) -> str | None:
    if value is not None:
        try:
            datetime.fromisoformat(value)
        except (TypeError, ValueError):
            return "expected a moment such as 2027-01-31T12:00:00Z, or null"
    return None


_KEYS = {
    "label": Key(problem=shape.text(least=1, most=200), required=True),
    "permissions": Key(problem=_permissions_problem, required=True),
    "expires_at": Key(problem=_moment_problem),
    "email": Key(problem=_email_problem),
}
