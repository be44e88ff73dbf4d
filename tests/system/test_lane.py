"""Large pushes through the deployed product: acknowledged at once, applied in order, never overtaken."""

import json
import time
from itertools import count
from typing import Any

import pytest

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


LARGE_FILE = 10_000


@pytest.mark.long  # the job waits half a minute for direct writers to end
def test_what_is_pushed_during_the_publication_of_a_large_file_is_not_lost(product: Product) -> None:
    dataset_id, url = product.dataset({"station": "s", "temp": 1.5}, ("station",))
    path = product.path_of(dataset_id)
    lines = [f"f{number:06d},{number / 8},{'far away ' * 60}" for number in range(LARGE_FILE)]
    uid = uploaded_by_form(product, path, "\n".join(["station,temp,place", *lines]).encode())
    source = {"type": "uploaded_file", "file": {"uid": uid}}
    params = {"separator": ",", "headers_first_row": True}
    product.manage("POST", f"{path}/resources/", {"type": "csvfile", "params": params, "datasource": source})
    product.manage("POST", f"{path}/publish/")
    seen, pushed = push_until_settled(product, path, url)
    assert seen[-1] == "idle"
    assert pushed > 0
    assert product.comes_to(dataset_id, LARGE_FILE + pushed)
    found = product.explore(f"/{dataset_id}/records", where="startswith(station, 'pushed-')", limit=100)["results"]
    assert len(found) == min(pushed, 100)


def uploaded_by_form(product: Product, path: str, content: bytes) -> str:
    """Upload a file that is too large for the gateway by the form that announcing it answers; its uid."""
    assert len(content) > 4 * 1024 * 1024
    announced = product.manage("POST", f"{path}/resources/files/", {"filename": "far.csv", "size": len(content)})
    sent = product.http.post(announced["upload"]["url"], data=announced["upload"]["fields"], files={"file": content})
    assert sent.is_success, sent.text
    uid: str = announced["uid"]
    return uid


def push_until_settled(product: Product, path: str, url: str) -> tuple[list[str], int]:
    """The states of a publication as they follow one another, and how many records were pushed until it was over."""
    seen: list[str] = []
    end = time.monotonic() + 120
    for pushed in count():
        status = product.manage("GET", f"{path}/status/")["status"]
        if seen[-1:] != [status]:
            seen.append(status)
        if status in ("idle", "error") or time.monotonic() > end:
            return seen, pushed
        assert product.http.post(url, json={"station": f"pushed-{pushed}", "temp": 1}).json() == {"status": "OK"}
    raise AssertionError
