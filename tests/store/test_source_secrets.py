"""Secrets of sources in SSM: each under its own name, encrypted, and asked for once."""

from datetime import UTC, datetime

import pytest

from chalicelib.domain.errors import TemporarilyUnavailable
from chalicelib.store.aws import aws_client
from chalicelib.store.source_secrets import SourceSecretStore, made_at
from chalicelib.store.stores import Stores
from tests.deployment import REGION
from tests.sources.web import free_port

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def test_a_secret_is_kept_encrypted_and_found_by_its_name(stores: Stores) -> None:
    store, other = stores.source_secrets, SourceSecretStore("test", REGION)
    name = store.new_name("da_000000", "re_000000", NOW)
    assert name.startswith("/freshwire/test/sources/da_000000/re_000000/")
    assert made_at(name) == NOW.timestamp()
    store.put(name, "x" * 4096)
    assert store.get(name) == other.get(name) == "x" * 4096
    (found,) = aws_client("ssm", REGION).get_parameters_by_path(Path="/freshwire", Recursive=True)["Parameters"]
    assert (found["Type"], found["Value"] == "xxxx" * 1024) == ("SecureString", False)


def test_secrets_are_deleted_and_those_that_are_not_there_passed_over(stores: Stores) -> None:
    store = stores.source_secrets
    names = [store.new_name("da_000000", "re_000000", NOW) for _ in range(12)]
    assert len(set(names)) == 12
    for name in names[:11]:
        store.put(name, "x")
    store.delete(names)
    assert [store.get(name) for name in names] == [None] * 12


def test_a_container_asks_once_for_each_name(stores: Stores) -> None:
    store = stores.source_secrets
    name = store.new_name("da_000000", "re_000000", NOW)
    store.put(name, "kept")
    SourceSecretStore("test", REGION).delete([name])
    assert store.get(name) == "kept"
    for number in range(100):
        store.put(f"{name}{number}", "x")
    assert store.get(name) is None


def test_aws_out_of_reach_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SSM", f"http://127.0.0.1:{free_port()}")
    store = SourceSecretStore("test", REGION)
    for call in (lambda: store.get("/a"), lambda: store.put("/a", "x"), lambda: store.delete(["/a"])):
        with pytest.raises(TemporarilyUnavailable):
            call()
