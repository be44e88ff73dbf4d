"""Metadata over HTTP."""

from tests.api.conftest import Http
from tests.api.management import METADATA, a_dataset


def test_metadata_are_read_and_written_whole_by_template_and_by_entry(http: Http, key: str) -> None:
    dataset = a_dataset(http, key)
    assert http.get(f"{dataset}/metadata/", key=key).json == METADATA
    assert http.get(f"{dataset}/metadata/default/title/", key=key).json == {"value": "Library books"}
    put = http.put(f"{dataset}/metadata/default/title/", key=key, json={"value": "Books"})
    assert (put.status, put.json) == (200, {"value": "Books"})
    http.put(f"{dataset}/metadata/dcat/creator", key=key, json={"value": "The library"})
    assert http.get(f"{dataset}/metadata", key=key).json == {
        "default": {"title": {"value": "Books"}},
        "dcat": {"creator": {"value": "The library"}},
    }
    http.put(f"{dataset}/metadata/dcat", key=key, json={"issued": {"value": "2026-01-01"}})
    assert list(http.get(f"{dataset}/metadata/dcat", key=key).json) == ["issued"]
    assert http.get(f"{dataset}/metadata/nothing/here", key=key).status == 404
    assert http.put(f"{dataset}/metadata/default/title", key=key, json="Books").status == 400
