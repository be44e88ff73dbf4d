"""API keys: kept as fingerprints, refused when unknown or expired."""

from datetime import timedelta

import pytest

from chalicelib.domain.errors import Forbidden, NotFound, Unauthorized, ValidationFailed
from chalicelib.domain.identifiers import fingerprint
from chalicelib.services.access import authenticate, create_api_key, find_api_key, list_api_keys, revoke_api_key
from chalicelib.store.catalog.drafts import ApiKeyItem
from chalicelib.store.catalog.keys import API_KEYS
from chalicelib.store.stores import Stores
from tests.builders import NOW, at


def test_the_key_is_kept_only_as_a_fingerprint(stores: Stores) -> None:
    key = create_api_key("script", ["browse"], NOW)
    (item,) = ApiKeyItem.query(API_KEYS)
    assert item.fingerprint == fingerprint(key)
    assert key not in str(item.serialize())


def test_a_caller_may_what_the_key_says_and_an_admin_everything(stores: Stores) -> None:
    reader = authenticate(create_api_key("reader", ["browse"], NOW), NOW)
    assert reader.may("browse")
    with pytest.raises(Forbidden, match="'edit'"):
        reader.require("edit")
    assert authenticate(create_api_key("admin", ["admin"], NOW), NOW).may("publish")


def test_unknown_and_expired_keys_are_refused(stores: Stores) -> None:
    with pytest.raises(Unauthorized):
        authenticate("0" * 56, NOW)
    key = create_api_key("visitor", ["browse"], NOW)
    item = ApiKeyItem.get(API_KEYS, fingerprint(key))
    item.update([ApiKeyItem.valid_until.set(int(NOW.timestamp()) + 60)])
    authenticate(key, NOW)
    with pytest.raises(Unauthorized):
        authenticate(key, NOW + timedelta(seconds=60))


def test_a_chosen_key_must_be_long_and_permissions_known(stores: Stores) -> None:
    assert create_api_key("chosen", ["browse"], NOW, "x" * 20) == "x" * 20
    for bad in ("short", "é" * 30):
        with pytest.raises(ValidationFailed):
            create_api_key("chosen", ["browse"], NOW, bad)
    with pytest.raises(ValidationFailed):
        create_api_key("script", ["browse", "fly"], NOW)


def test_a_list_shows_whose_key_it_is_and_when_it_was_used_to_the_minute(stores: Stores) -> None:
    end = NOW + timedelta(days=1)
    key = create_api_key("night job", ["browse", "edit"], NOW, expires_at=end)
    create_api_key("another", ["admin"], at(1))
    listed, _ = list_api_keys()
    assert (listed["label"], listed["prefix"], listed["expires_at"]) == ("night job", key[:6], end.isoformat())
    assert listed["last_used_at"] is None
    for seconds, seen in ((10, 10), (69, 10), (70, 70)):
        authenticate(key, at(seconds))
        assert list_api_keys()[0]["last_used_at"] == at(seen).isoformat()
    assert key not in str(list_api_keys())


def test_a_revoked_key_is_refused_at_once_and_does_not_come_back(stores: Stores) -> None:
    key = create_api_key("script", ["browse"], NOW)
    (listed,) = list_api_keys()
    revoke_api_key(listed["uid"])
    for seconds in (0, 60):
        with pytest.raises(Unauthorized):
            authenticate(key, at(seconds))
    assert list_api_keys() == []
    for act in (find_api_key, revoke_api_key):
        with pytest.raises(NotFound, match="list them"):
            act(listed["uid"])
