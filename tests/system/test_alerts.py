"""Inactivity alerts through the deployed product: mails that arrive, by real time."""

import re
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.system.conftest import Product

THRESHOLD = 60  # seconds


def mails(product: Product, about: str) -> list[dict[str, Any]]:
    """The mails that were sent about a dataset, the oldest first."""
    shown = product.http.get(product.base_url.removesuffix("/api") + "/_local/mails")
    if shown.status_code != 200:
        pytest.skip("a deployment elsewhere delivers its mails")
    return [mail for mail in reversed(shown.json()["mails"]) if about in mail["subject"]]


def first_mail(product: Product, about: str, fits: Callable[[dict[str, Any]], bool], seconds: float) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := [mail for mail in mails(product, about) if fits(mail)]:
            return found[0]
        time.sleep(1)
    raise AssertionError(f"no such mail within {seconds} s: {mails(product, about)}")


def test_a_recipient_is_asked_agrees_and_unsubscribes(product: Product) -> None:
    dataset_id, _ = product.dataset({"n": 1}, alerting=True, alert_recipients=["ben@example.org"])
    product.run_tick()
    question = first_mail(product, dataset_id, lambda mail: mail["to"] == ["ben@example.org"], 10)
    assert "/mail/confirm?token=" in question["html"]
    confirm, end = re.findall(r"https?://\S+/mail/\w+\?token=\S+", question["text"])
    path = product.path_of(dataset_id)
    (resource,) = product.manage("GET", f"{path}/resources/")["results"]

    def state() -> str:
        shown = product.manage("GET", f"{path}/resources/{resource['uid']}/alert/")
        return {r["address"]: r["state"] for r in shown["recipients"]}["ben@example.org"]

    for link, before, after in ((confirm, "waiting", "confirmed"), (end, "confirmed", "unsubscribed")):
        assert product.http.get(link).status_code == 200
        assert state() == before
        assert product.http.post(link, data={"List-Unsubscribe": "One-Click"}).status_code == 200
        assert state() == after
    health = product.http.get(f"{product.base_url}/health").json()
    assert (health["status"], health["tick"]["is_late"]) == ("OK", False)


@pytest.mark.long
def test_silence_gives_one_mail_in_time_and_the_next_push_another(product: Product) -> None:
    dataset_id, url = product.dataset({"n": 1}, ("n",), alerting=True, inactivity_minutes=THRESHOLD // 60)
    for n in range(4):
        assert product.http.post(url, json={"n": n}).json() == {"status": "OK"}
        last = time.monotonic()
        time.sleep(7)
    alert = first_mail(product, dataset_id, lambda mail: "No data received since" in mail["subject"], 130)
    assert THRESHOLD < time.monotonic() - last < 130
    assert "in Paris)" in alert["text"]
    time.sleep(180)
    assert [mail["id"] for mail in mails(product, dataset_id)] == [alert["id"]]
    assert product.http.post(url, json=[]).json() == {"status": "OK"}
    first_mail(product, dataset_id, lambda mail: "Receiving data again" in mail["subject"], 70)
    assert len(mails(product, dataset_id)) == 2
