"""What the tests of the management API ask of it again and again."""

from typing import Any

from tests.api.conftest import Answer, Http

ROOT = "/automation/v1.0/datasets"
METADATA = {"default": {"title": {"value": "Library books"}}}
REALTIME = {"type": "realtime", "title": "Devices", "params": {"bootstrap": {"title": "T", "isbn": "1", "loans": 0}}}
BOUNDARY = {"content-type": "multipart/form-data; boundary=frontier"}


def created(answer: Answer) -> Any:
    """The body of an answer that says created."""
    assert answer.status == 201, answer.text
    return answer.json


def a_dataset(http: Http, key: str) -> str:
    """The path of a new dataset."""
    return f"{ROOT}/{created(http.post(ROOT + '/', key=key, json={'metadata': METADATA}))['uid']}"


def a_resource(http: Http, key: str, dataset: str, **changes: Any) -> Any:
    """A new realtime resource of it."""
    return created(http.post(f"{dataset}/resources/", key=key, json={**REALTIME, **changes}))


def a_remote_resource(url: str = "https://data.example.org", **changes: Any) -> dict[str, Any]:
    """The body of a resource whose file is fetched."""
    connection = {"type": "http", "url": url, "auth": None}
    source = {"type": "http", "connection": connection, "headers": [], "relative_url": "/a.csv", **changes}
    return {"type": "csvfile", "title": "a.csv", "datasource": source}


def upload(http: Http, key: str, dataset: str, content: bytes, name: str = "books.csv") -> Any:
    """The answer to a file that is sent in a form."""
    head = f'--frontier\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    body = head.encode() + content + b"\r\n--frontier--\r\n"
    return created(http.post(f"{dataset}/resources/files/", key=key, body=body, headers=BOUNDARY))


def push_path(resource: Any) -> str:
    """Where a realtime resource's records are posted."""
    return str(resource["params"]["push_url"].partition("/api")[2])


def records(http: Http, dataset_id: str = "library-books") -> Any:
    """The records of a dataset that is published, None of one that is not."""
    answer = http.get(f"/explore/v2.1/catalog/datasets/{dataset_id}/records", query={"limit": 100})
    return answer.json["results"] if answer.status == 200 else None
