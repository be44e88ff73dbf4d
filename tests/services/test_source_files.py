"""What is kept of sources beside the records."""

import pytest

from chalicelib.domain.errors import NotFound
from chalicelib.services.resources import clean_cache
from chalicelib.services.source_files import source_copy_key
from chalicelib.store.stores import Stores
from tests.services.devices import a_device


def test_cleaning_the_cache_drops_the_copy_of_this_resource_alone(stores: Stores) -> None:
    device, other = (a_device(stores, bootstrap={"a": 1}, published=False) for _ in range(2))
    keys = [source_copy_key(d.dataset_uid, d.resource_uid) for d in (device, other)]
    for key in keys:
        stores.sources.put(key, b"a;b\n", "text/csv")
    for _ in range(2):  # what is not there is fine
        clean_cache(stores, device.dataset_uid, device.resource_uid)
    assert [stores.sources.get(key) for key in keys] == [None, b"a;b\n"]
    with pytest.raises(NotFound):
        clean_cache(stores, device.dataset_uid, other.resource_uid)
