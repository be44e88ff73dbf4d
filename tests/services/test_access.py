"""API keys: kept as fingerprints, refused when unknown or expired."""

from datetime import timedelta

import pytest

from chalicelib.domain.errors import Forbidden, Unauthorized, ValidationFailed
from chalicelib.domain.identifiers import fingerprint
from chalicelib.services.access import authenticate, create_api_key
from chalicelib.store.catalog import API_KEYS, ApiKeyItem
from chalicelib.store.stores import Stores
from tests.builders import NOW


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
