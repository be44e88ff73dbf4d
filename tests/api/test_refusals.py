"""What a publisher gets wrong is refused at the door, with what to mend: the whole list of it, over HTTP."""

import gzip
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from chalicelib.services.resources.source_files import MAX_FILE_BYTES, MAX_UPLOAD_BYTES
from tests.api.conftest import Answer, Http
from tests.api.management import BOUNDARY, REALTIME, ROOT, a_remote_resource, created
from tests.sources.files import sheet_xml, workbook, zipped

BOMB = b"a;b\n" + (b" " * 65_535 + b"\n") * 512  # no record, however long one looks for one
LAUGHS = '<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
TITLES = "isbn;titre\n1;Thérèse Raquin – 1867\n"
_numbers = count()


@pytest.fixture
def key(shared_http: Http) -> str:
    return shared_http.api_key("browse", "edit", "publish")


@pytest.fixture
def dataset(shared_http: Http, key: str) -> Iterator[str]:
    """The path of a dataset with a realtime resource."""
    body = {"metadata": {}, "dataset_id": f"refusing-{next(_numbers)}"}
    path = f"{ROOT}/{created(shared_http.post(ROOT, key=key, json=body))['uid']}"
    created(shared_http.post(f"{path}/resources", key=key, json=REALTIME))
    yield path


def send_file(http: Http, key: str, dataset: str, content: bytes) -> Answer:
    head = b'--frontier\r\nContent-Disposition: form-data; name="file"; filename="books"\r\n\r\n'
    body = head + content + b"\r\n--frontier--\r\n"
    return http.post(f"{dataset}/resources/files", key=key, body=body, headers=BOUNDARY)


def a_source(http: Http, key: str, dataset: str, kind: str, content: bytes) -> Answer:
    """The answer to a resource of this file, or to its upload when that is refused."""
    uploaded = send_file(http, key, dataset, content)
    if uploaded.status != 201:
        return uploaded
    source = {"type": "uploaded_file", "file": {"uid": uploaded.json["uid"]}}
    return http.post(f"{dataset}/resources", key=key, json={"type": kind, "datasource": source})


@pytest.mark.parametrize(
    ("path", "body", "name", "says"),
    [
        ("fields", {"type": "type", "field": "isbn", "type_param": "number"}, "type_param", "one of text, int, double"),
        ("fields", {"type": "annotate", "annotation": "id", "field": "nope"}, "field", "the fields are: title, isbn"),
        ("fields", {"type": "rename", "from_name": "isbn", "to_name": "title"}, "to_name", "choose another name"),
        ("schedules", {"cron_schedule": "0 2 * * *"}, "cron_schedule", "realtime ones need no schedule"),
        ("resources", {**REALTIME, "resource_id": "Not a slug"}, "resource_id", "expected a slug"),
        ("resources", {**REALTIME, "resource_id": "realtime"}, "resource_id", "choose another"),
        ("resources", {"type": "csvfile", "datasource": {"type": "ftp"}}, "datasource", "expected"),
        (
            "processors",
            {"type": "regexp_replace", "field": "isbn", "pattern": "(a+)+$", "replacement": ""},
            "pattern",
            "repeat it once, as in (a+)",
        ),
    ],
)
def test_a_configuration_that_cannot_be_is_refused_and_nothing_is_kept_of_it(
    shared_http: Http, key: str, dataset: str, path: str, body: Any, name: str, says: str
) -> None:
    id_field = {"type": "annotate", "annotation": "id", "field": "isbn"}
    created(shared_http.post(f"{dataset}/fields", key=key, json=id_field))
    before = shared_http.get(f"{dataset}/export", key=key).json
    refused = shared_http.post(f"{dataset}/{path}", key=key, json=body)
    assert (refused.status, refused.json["error_code"], list(refused.json["detail"])) == (
        400,
        "validation_error",
        [name],
    )
    assert says in refused.json["detail"][name][0]
    assert shared_http.get(f"{dataset}/export", key=key).json == before


@pytest.mark.parametrize("dataset_id", ["Books", "b c", "-books", "é", "", "x" * 101, 5, None])
def test_an_id_that_is_no_slug_is_refused(shared_http: Http, key: str, dataset_id: Any) -> None:
    refused = shared_http.post(ROOT, key=key, json={"metadata": {}, "dataset_id": dataset_id})
    assert (refused.status, "a-z, 0-9" in refused.json["detail"]["dataset_id"][0]) == (400, True)


def test_an_id_that_is_taken_is_refused(shared_http: Http, key: str, dataset: str) -> None:
    taken = shared_http.get(dataset, key=key).json["dataset_id"]
    refused = shared_http.post(ROOT, key=key, json={"metadata": {}, "dataset_id": taken})
    assert (refused.status, "choose another" in refused.json["detail"]["dataset_id"][0]) == (400, True)


@pytest.mark.parametrize(
    ("kind", "content", "says"),
    [
        ("csvfile", gzip.compress(BOMB), "inflates to more than 300 times its size"),
        ("csvfile", zipped({"a.csv": BOMB}), "inflates to more than 300 times its size"),
        ("csvfile", zipped({"a.csv": b"a;b\n", "b.csv": b"a;b\n"}), "one"),
        ("xlsx", workbook(sheet_xml("<row><c><v>&b;</v></c></row>", before=LAUGHS)), "declares a document type"),
    ],
)
def test_a_file_that_was_made_to_do_harm_is_refused(
    shared_http: Http, key: str, dataset: str, kind: str, content: bytes, says: str
) -> None:
    refused = a_source(shared_http, key, dataset, kind, content)
    assert refused.status in (400, 413), refused.text
    assert says in refused.json["message"]
    assert len(shared_http.get(f"{dataset}/resources", key=key).json["results"]) == 1


def test_an_upload_over_the_limit_says_how_to_send_it(shared_http: Http, key: str, dataset: str) -> None:
    refused = send_file(shared_http, key, dataset, b"a;b\n" + b"1;2\n" * (MAX_FILE_BYTES // 4))
    assert (refused.status, '"size"' in refused.json["message"]) == (413, True)
    body = {"filename": "books.csv", "size": MAX_UPLOAD_BYTES + 1}
    refused = shared_http.post(f"{dataset}/resources/files", key=key, json=body)
    assert (refused.status, "240 MB" in refused.json["message"]) == (413, True)


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-16-le", "utf-8-sig"])
def test_a_csv_loads_whatever_its_encoding(shared_http: Http, key: str, dataset: str, encoding: str) -> None:
    content = TITLES.encode(encoding)
    if encoding == "utf-16-le":
        content = b"\xff\xfe" + content
    created(a_source(shared_http, key, dataset, "csvfile", content))
    published = shared_http.post(f"{dataset}/publish", key=key)
    assert published.status == 200, published.text
    dataset_id = shared_http.get(dataset, key=key).json["dataset_id"]
    (record,) = shared_http.get(f"/explore/v2.1/catalog/datasets/{dataset_id}/records").json["results"]
    assert record["titre"] == "Thérèse Raquin – 1867"


def test_a_schedule_needs_a_remote_resource_and_a_cron_expression(shared_http: Http, key: str, dataset: str) -> None:
    schedule = {"cron_schedule": "0 2 * * *"}
    assert shared_http.post(f"{dataset}/schedules", key=key, json=schedule).status == 400
    created(shared_http.post(f"{dataset}/resources", key=key, json=a_remote_resource()))
    for cron in ("noon", "", "at 12 o'clock today", "61 2 * * *"):
        refused = shared_http.post(f"{dataset}/schedules", key=key, json={"cron_schedule": cron})
        assert (refused.status, list(refused.json["detail"])) == (400, ["cron_schedule"])
    assert "such as" in refused.json["message"]
    created(shared_http.post(f"{dataset}/schedules", key=key, json=schedule))


NAMES = {f"{'é' * 200}{number}": 1 for number in range(260)}
LONG_NAMES = [[f"{'x' * 250}{number}", "text"] for number in range(450)]


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        ("", {"metadata": {"default": {"description": {"value": "é" * 60_000}}}}, "the limit is 100000"),
        ("", {"metadata": {"default": {"title": {"value": "é" * 1001}}}}, "at most 1000 characters"),
        ("import", {"resources": [{"type": "realtime", "params": {"bootstrap": NAMES}}]}, "the limit is 100000"),
        ("import", {"resources": [{"type": "jsonl", "source_fields": LONG_NAMES}]}, "the limit is 100000"),
        ("import", {"resources": [{"type": "jsonl", "source_fields": [["x" * 256, "text"]]}]}, "over 255 characters"),
    ],
)
def test_what_would_not_fit_where_it_is_kept_is_refused(
    shared_http: Http, key: str, path: str, body: dict[str, Any], says: str
) -> None:
    document = {"freshwire": 1, "dataset_id": "too-large", "metadata": {}} if path else {}
    for resource in body.get("resources", ()):
        resource["datasource"] = {"type": "uploaded_file", "file": None} if resource["type"] == "jsonl" else None
    refused = shared_http.post(f"{ROOT}/{path}", key=key, json={**document, **body})
    assert (refused.status, refused.json["error_code"]) == (400, "validation_error")
    assert says in refused.json["message"]


def test_letters_beyond_ascii_take_no_more_room_than_they_are_counted_with(
    shared_http: Http, key: str, dataset: str
) -> None:
    """Escaped, as JSON may be, they would: what is within the limits must fit an item of 400 KB."""
    for _ in range(8):
        body = {"type": "description", "field": "isbn", "description": "é" * 4600}
        created(shared_http.post(f"{dataset}/fields", key=key, json=body))
    bootstrap = {f"{'é' * 200}{number}": 1 for number in range(60)}
    created(shared_http.post(f"{dataset}/resources", key=key, json={**REALTIME, "params": {"bootstrap": bootstrap}}))
    entry = {"value": "é" * 40_000}
    assert shared_http.put(f"{dataset}/metadata/default/notes", key=key, json=entry).status == 200
    assert shared_http.post(f"{dataset}/publish", key=key).status == 200


def test_a_configuration_that_is_too_large_to_be_published_says_so(shared_http: Http, key: str, dataset: str) -> None:
    for resource in range(5):
        bootstrap = {f"{'x' * 240}{resource}.{number}": 1 for number in range(95)}
        created(
            shared_http.post(f"{dataset}/resources", key=key, json={**REALTIME, "params": {"bootstrap": bootstrap}})
        )
    refused = shared_http.post(f"{dataset}/publish", key=key)
    assert (refused.status, "the limit is 170000" in refused.json["message"]) == (400, True)
