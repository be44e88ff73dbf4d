"""Large pushes through the deployed product: acknowledged at once, applied in order, never overtaken."""

import json
import time
from typing import Any

from tests.system.conftest import Product

MANY = 20_000


def receipt(product: Product, url: str, batch_id: str, *, seconds: float = 60) -> Any:
    """The receipt of a batch, once it is applied."""
    end = time.monotonic() + seconds
    while True:
        shown = product.http.get(url.replace("/push/?", f"/batches/{batch_id}?")).json()
        if shown["state"] != "queued" or time.monotonic() > end:
            return shown
        time.sleep(0.1)


def push(product: Product, url: str, body: Any, prefer: str = "return=representation") -> Any:
    answer = product.http.post(url, content=json.dumps(body), headers={"Prefer": prefer})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_large_push_is_acknowledged_then_applied_and_nothing_overtakes_it(product: Product) -> None:
    dataset_id, url = product.dataset({"n": 1, "v": 1}, ("n",))
    large = push(product, url, [{"n": n, "v": 1} for n in range(MANY)])
    assert (large["state"], large["records"], large["created"]) == ("queued", MANY, None)
    small = push(product, url, {"n": 7, "v": 2})
    gone = product.http.post(url.replace("/push/?", "/delete/?"), content=json.dumps({"n": 8}))
    assert gone.json() == {"status": "OK"}
    applied = receipt(product, url, large["batch_id"])
    assert (applied["state"], applied["created"]) == ("applied", MANY)
    assert receipt(product, url, small["batch_id"])["state"] == "applied"
    assert receipt(product, url, gone.headers["x-batch-id"])["state"] == "applied"
    assert product.comes_to(dataset_id, MANY - 1)
    found = product.explore(f"/{dataset_id}/records", where="n = 7 or n = 8")["results"]
    assert found == [{"n": 7, "v": 2}]


def test_an_answer_that_waits_tells_what_the_batch_came_to(product: Product) -> None:
    _, url = product.dataset({"n": 1}, ("n",))
    told = push(product, url, [{"n": n} for n in range(3000)], "return=representation, wait=20")
    assert (told["state"], told["created"]) == ("applied", 3000)


def test_a_large_file_is_uploaded_checked_and_applied(product: Product) -> None:
    dataset_id, url = product.dataset({"n": 1, "text": "t"}, ("n",))
    form = product.http.post(url.replace("/push/?", "/push/upload/?")).json()
    content = "\n".join(json.dumps({"n": n, "text": "x" * 600}) for n in range(10_000)).encode()
    assert len(content) > 6_000_000
    sent = product.http.post(form["upload"]["url"], data=form["upload"]["fields"], files={"file": content})
    assert sent.is_success, sent.text
    commit = url.replace("/push/?", f"/push/upload/{form['upload_id']}/commit/?")
    answer = product.http.post(commit)
    while answer.status_code == 202:
        answer = product.http.post(commit)
    assert (answer.status_code, answer.json()["records"]) == (200, 10_000)
    assert receipt(product, url, answer.json()["batch_id"])["created"] == 10_000
    assert product.comes_to(dataset_id, 10_000)
