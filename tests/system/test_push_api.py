"""The push API as devices meet it: curl's content type, every method and slash, limits, browsers, real clients."""

import gzip
import io
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import odsclient
import pandas as pd
import pytest

from tests.system.conftest import Product

LIMIT = 5_242_880
OK = b'{"status": "OK"}'
BOOK = {"title": "Emma", "isbn": "1"}


def delete_url(push_url: str) -> str:
    return push_url.replace("/push/?", "/delete/?")


def test_a_push_with_curls_content_type_answers_exactly_ok(product: Product) -> None:
    dataset_id, url = product.dataset({"message": "x"})
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for body in ('{"message":"Hello World!"}', '[{"message":"¡Hola Mundo!"},{"message":"Hallo Welt!"}]'):
        answer = product.http.post(url, content=body.encode(), headers=form)
        assert (answer.status_code, answer.content) == (200, OK)
    results = product.explore(f"/{dataset_id}/records")["results"]
    assert sorted(r["message"] for r in results) == ["Hallo Welt!", "Hello World!", "¡Hola Mundo!"]


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/octet-stream", "image/png", "a/b; c=d"])
def test_no_content_type_is_wrong(product: Product, content_type: str) -> None:
    dataset_id, url = product.dataset({"message": "x"})
    answer = product.http.post(url, content='{"message":"é"}'.encode(), headers={"Content-Type": content_type})
    assert (answer.status_code, answer.content) == (200, OK)
    assert product.explore(f"/{dataset_id}/records")["results"] == [{"message": "é"}]


@pytest.mark.parametrize("content_type", ["", "application/json; charset=latin-1", "application/octet-stream"])
@pytest.mark.parametrize("is_packed", [False, True])
def test_text_that_is_no_utf_8_is_refused_and_not_stored_damaged(
    product: Product, content_type: str, is_packed: bool
) -> None:
    dataset_id, url = product.dataset({"message": "x"})
    body, headers = '{"message":"caf\u00e9"}'.encode("latin-1"), {"Content-Type": content_type}
    if is_packed:
        body, headers = gzip.compress(body), {**headers, "Content-Encoding": "gzip"}
    answer = product.http.post(url, content=body, headers=headers)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "invalid_json")
    assert "not UTF-8" in answer.json()["message"]
    assert product.http.post(url, content='{"message":"\ufffd"}'.encode()).status_code == 400
    assert product.http.post(url, content=b'{"message":"\\ufffd"}').content == OK
    assert product.explore(f"/{dataset_id}/records")["results"] == [{"message": "\ufffd"}]


def test_the_same_key_overwrites(product: Product) -> None:
    dataset_id, url = product.dataset(BOOK, ("isbn",))
    product.http.post(url, json=[BOOK, {"title": "Persuasion", "isbn": "2"}])
    product.http.post(url, json={"title": "Emma, revised", "isbn": "1"})
    results = product.explore(f"/{dataset_id}/records", order_by="isbn")["results"]
    assert [r["title"] for r in results] == ["Emma, revised", "Persuasion"]


@pytest.mark.parametrize("slash", ["/", ""])
@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_values_are_deleted_by_every_method_and_slash(product: Product, method: str, slash: str) -> None:
    dataset_id, url = product.dataset(BOOK, ("isbn",))
    url = url.replace("/push/?", f"/push{slash}?")
    assert product.http.post(url, json=BOOK).content == OK
    answer = product.http.request(method, url.replace(f"/push{slash}?", f"/delete{slash}?"), json={"isbn": "1"})
    assert (answer.status_code, answer.content) == (200, OK)
    assert product.count(dataset_id) == 0


@pytest.mark.parametrize("slash", ["/", ""])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_record_is_deleted_by_its_id_by_every_method_and_slash(product: Product, method: str, slash: str) -> None:
    dataset_id, url = product.dataset(BOOK, ("isbn",))
    record_id = product.http.post(url, json=BOOK, headers={"Prefer": "return=representation"}).json()["record_ids"][0]
    answer = product.http.request(method, url.replace("/push/?", f"/{record_id}/delete{slash}?"))
    assert (answer.status_code, answer.content) == (200, OK)
    assert product.count(dataset_id) == 0


def body_of(size: int, filler: str = "x") -> bytes:
    empty = len(json.dumps({"isbn": "1", "ignored": ""}))
    return json.dumps({"isbn": "1", "ignored": filler * (size - empty)}, ensure_ascii=False).encode()


@pytest.mark.parametrize(("size", "status"), [(LIMIT - 1, 200), (LIMIT, 200), (LIMIT + 1, 413)])
def test_the_limit_is_exact(product: Product, size: int, status: int) -> None:
    dataset_id, url = product.dataset(BOOK, ("isbn",))
    body = body_of(size)
    assert len(body) == size
    answer = product.http.post(url, content=body)
    assert answer.status_code == status
    if status == 413:
        assert answer.json()["error_code"] == "payload_too_large"
        assert "split it" in answer.json()["error"]
    assert product.count(dataset_id) == (1 if status == 200 else 0)


@pytest.mark.parametrize("body", [body_of(6_400_000), body_of(11_000_000), b'["' + b"\\n" * 2_600_000 + b'"]'])
def test_what_the_gateway_cannot_carry_is_refused_in_our_shape(product: Product, body: bytes) -> None:
    _, url = product.dataset(BOOK, ("isbn",))
    answer = product.http.post(url, content=body)
    assert (answer.status_code, answer.json()["error_code"]) == (413, "payload_too_large")
    assert "6 MB" in answer.json()["error"]
    assert answer.json()["error"] == answer.json()["message"]


def test_gzip_and_ndjson_are_understood(product: Product) -> None:
    dataset_id, url = product.dataset(BOOK, ("isbn",))
    lines = "\n".join(json.dumps({"title": "é", "isbn": str(n)}) for n in range(100)).encode()
    headers = {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"}
    answer = product.http.post(url, content=gzip.compress(lines), headers=headers)
    assert (answer.status_code, answer.content) == (200, OK)
    assert product.count(dataset_id) == 100


def test_browsers_may_push(product: Product) -> None:
    _, url = product.dataset(BOOK, ("isbn",))
    preflight = product.http.options(
        url,
        headers={
            "Origin": "https://example.org",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "x-push-key,prefer,content-encoding",
        },
    )
    assert preflight.status_code == 200
    assert preflight.headers["Access-Control-Allow-Origin"] == "*"
    allowed = preflight.headers["Access-Control-Allow-Headers"].lower()
    assert all(name in allowed for name in ("x-push-key", "prefer", "content-encoding"))
    answer = product.http.post(url, json=BOOK, headers={"Origin": "https://example.org"})
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "X-Batch-Id" in answer.headers["Access-Control-Expose-Headers"]
    assert answer.headers["X-Batch-Id"]


def test_the_push_key_may_travel_in_a_header(product: Product) -> None:
    dataset_id, url = product.dataset(BOOK, ("isbn",))
    bare, _, key = url.partition("?pushkey=")
    for number, headers in enumerate([{"X-Push-Key": key}, {"Authorization": f"Pushkey {key}"}]):
        assert product.http.post(bare, json={"isbn": str(number)}, headers=headers).content == OK
    assert product.count(dataset_id) == 2
    assert product.http.post(bare, json=BOOK).status_code == 401


def refusals(product: Product) -> list[tuple[str, str, bytes, int, str]]:
    _, url = product.dataset({"isbn": "1", "pages": 1}, ("isbn",))
    _, other = product.dataset({"isbn": "1"}, ("isbn",))
    wrong_key = url.partition("=")[0] + "=" + other.partition("=")[2]
    return [
        ("POST", url, b"{", 400, "invalid_json"),
        ("POST", url, b"5", 400, "invalid_payload"),
        ("POST", delete_url(url), b"{}", 400, "invalid_payload"),
        ("POST", url, b'{"isbn": "1", "pages": "many"}', 400, "invalid_record"),
        ("POST", wrong_key, b"{}", 401, "invalid_push_key"),
        ("POST", url.replace("system-", "unknown-"), b"{}", 401, "invalid_push_key"),
        ("GET", url.replace("/push/?", "/batches/" + "0" * 28 + "?"), b"", 404, "record_not_found"),
        ("PUT", url, b"{}", 405, "method_not_allowed"),
    ]


def test_every_refusal_has_the_one_shape(product: Product) -> None:
    for method, url, body, status, code in refusals(product):
        answer = product.http.request(method, url, content=body)
        error = answer.json()
        assert (answer.status_code, error["error_code"], error["status"]) == (status, code, "error"), answer.text
        assert error["error"] == error["message"]
        assert error["request_id"]
        assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_paths_that_do_not_exist_answer_json(product: Product) -> None:
    for path in ("/", "/push", "/push/1.0/a/b/../../push", "/push/1.0/a%2Fb/c/push", "/nothing/at/all", "//"):
        answer = product.http.get(product.base_url + path)
        assert answer.status_code in (400, 401, 403, 404, 405), (path, answer.status_code)
        assert answer.json()["message"]


@pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning")  # the client's own call, and what we must take
def test_odsclient_pushes_csv_and_pandas_unmodified(product: Product) -> None:
    base_url = product.base_url.removesuffix("/api")
    dataset_id, url = product.dataset(
        {"station": "A", "temp": 1.5, "seen": "2026-01-01T00:00:00Z"}, ("station",), {"temp": "double"}
    )
    client = odsclient.ODSClient(base_url=base_url)
    key = url.partition("pushkey=")[2]
    client.push_dataset_realtime(dataset_id, "station;temp;seen\nA;1.5;2026-01-01\nB;;2026-01-02\n", key, format="csv")
    frame = pd.DataFrame({"station": ["B", "C"], "temp": [2.0, None], "seen": pd.to_datetime(["2026-01-03"] * 2)})
    client.push_dataset_realtime(dataset_id, frame, key, format="pandas")
    results = product.explore(f"/{dataset_id}/records", order_by="station")["results"]
    assert [(r["station"], r["temp"]) for r in results] == [("A", 1.5), ("B", 2.0), ("C", None)]
    assert results[2]["seen"] == "2026-01-03T00:00:00+00:00"
    csv = product.http.get(f"{product.base_url}/explore/v2.1/catalog/datasets/{dataset_id}/exports/csv").content
    assert len(pd.read_csv(io.BytesIO(csv), sep=";")) == 3


def test_many_devices_at_once_lose_nothing(product: Product) -> None:
    dataset_id, url = product.dataset({"device": 1, "reading": 1}, ("device", "reading"))

    def device(number: int) -> list[Any]:
        with httpx.Client(timeout=60) as http:
            return [http.post(url, json={"device": number, "reading": n}).content for n in range(25)]

    with ThreadPoolExecutor(8) as pool:
        answers = [answer for answers in pool.map(device, range(8)) for answer in answers]
    assert answers == [OK] * 200
    assert product.count(dataset_id) == 200


def test_a_file_is_stored_shown_and_served(product: Product) -> None:
    dataset_id, url = product.dataset({"id": "1", "photo": {"content": "eA==", "content-type": "image/png"}}, ("id",))
    photo = {"content": "iVBORw0KGgo=", "content-type": "image/png", "filename": "a.png"}
    assert product.http.post(url, json={"id": "1", "photo": photo}).content == OK
    (record,) = product.explore(f"/{dataset_id}/records")["results"]
    assert {**record["photo"], "url": None} == {"filename": "a.png", "mimetype": "image/png", "size": 8, "url": None}
    served = product.http.get(record["photo"]["url"], follow_redirects=True)
    assert (served.status_code, served.content[:4]) == (200, b"\x89PNG")
    assert served.headers["Content-Type"] == "image/png"
    product.http.post(url, json={"id": "1"})
    assert product.http.get(record["photo"]["url"], follow_redirects=True).status_code == 404
