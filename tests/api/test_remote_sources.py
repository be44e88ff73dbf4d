"""Remote resources as settings: looked at when they are saved, previewed before, and their secrets shown to nobody."""

import gzip
import json
from base64 import b64encode
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from chalicelib import wiring
from chalicelib.services.datasets.source_copies import content_key
from chalicelib.services.resources.remote_sources import fetchable
from chalicelib.store.aws import aws_client
from chalicelib.store.catalog.drafts import ResourceItem
from chalicelib.store.catalog.incoming import CopyItem
from chalicelib.store.catalog.keys import COPY, RESOURCE, dataset_pk
from tests.api.conftest import Answer, Http
from tests.api.management import ROOT, created
from tests.deployment import REGION, tables_text
from tests.sources.files import zipped
from tests.sources.web import Request, Site, a_site, free_port, redirect, reply

PASSWORD, TOKEN, VALUE = "source-password-of-the-tests", "source-token-of-the-tests", "source-header-of-the-tests"
BASIC = {"type": "basic_auth", "username": "reader", "password": PASSWORD}
BEARER = {"type": "bearer", "token": TOKEN}
CSV = b"isbn;loans\n" + b"".join(b"%d;%d\n" % (i, i * i) for i in range(30))
_numbers = count()


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with a_site() as running:
        yield running


@pytest.fixture
def key(shared_http: Http) -> str:
    return shared_http.api_key("browse", "edit", "publish")


@pytest.fixture
def dataset(shared_http: Http, key: str) -> str:
    body = {"metadata": {}, "dataset_id": f"remote-{next(_numbers)}"}
    return f"{ROOT}/{created(shared_http.post(ROOT, key=key, json=body))['uid']}"


class Publisher:
    """Somebody who describes one remote resource, on a server of the tests."""

    def __init__(self, http: Http, key: str, dataset: str, site: Site) -> None:
        self.http, self.key, self.dataset, self.site = http, key, dataset, site
        self.path = ""

    def source(self, path: str = "/books.csv", auth: Any = None, **changes: Any) -> dict[str, Any]:
        connection = {"type": "http", "url": self.site.base, "auth": auth}
        return {"type": "http", "connection": connection, "headers": [], "relative_url": path, **changes}

    def create(self, source: Any, kind: str = "csvfile", **params: Any) -> Answer:
        body = {"type": kind, "title": "Books", "datasource": source, "params": params}
        answer = self.http.post(f"{self.dataset}/resources/", key=self.key, json=body)
        if answer.status == 201:
            self.path = f"{self.dataset}/resources/{answer.json['uid']}"
        return answer

    def edit(self, **changes: Any) -> Answer:
        return self.http.put(self.path, key=self.key, json={**self.read(), **changes})

    def read(self) -> Any:
        return self.http.get(self.path, key=self.key).json

    def preview(self, source: Any, **beside: Any) -> Answer:
        body = {"datasource": source, **beside}
        return self.http.post(f"{self.dataset}/resources/preview/", key=self.key, json=body)

    @property
    def item(self) -> ResourceItem:
        uid, _, resource = self.path.removeprefix(f"{ROOT}/").partition("/resources/")
        return ResourceItem.get(dataset_pk(uid), RESOURCE + resource, consistent_read=True)

    def fetched_with(self) -> dict[str, Any]:
        """The datasource as a run fetches it."""
        return fetchable(wiring.stores(), {"source": self.item.source, "secret": self.item.secret_name})

    def kept(self) -> list[str]:
        """The names of the secrets of the dataset in SSM."""
        path = f"/freshwire/test/sources/{self.dataset.rpartition('/')[2]}/"
        found = aws_client("ssm", REGION).get_parameters_by_path(Path=path, Recursive=True)
        return sorted(parameter["Name"] for parameter in found["Parameters"])


@pytest.fixture
def publisher(shared_http: Http, key: str, dataset: str, site: Site) -> Publisher:
    site.routes = {"/books.csv": reply(CSV)}
    site.asked.clear()
    return Publisher(shared_http, key, dataset, site)


def problem_of(answer: Answer) -> str:
    assert (answer.status, answer.json["error_code"], list(answer.json["detail"])) == (
        400,
        "validation_error",
        ["datasource"],
    )
    return str(answer.json["detail"]["datasource"][0])


def test_a_source_is_looked_at_when_it_is_saved_and_gives_the_fields(publisher: Publisher) -> None:
    made = created(publisher.create(publisher.source()))
    assert (made["problem"], made["datasource"]) == (None, publisher.source())
    assert publisher.item.source_fields == [["isbn", "int"], ["loans", "int"]]
    shown = publisher.http.get(f"{publisher.path}/preview/", key=publisher.key).json
    assert [field["name"] for field in shown["fields"]] == ["isbn", "loans"]
    assert (len(shown["results"]), shown["results"][3]) == (20, {"isbn": 3, "loans": 9})
    assert publisher.site.paths == ["/books.csv"] * 2


def test_one_pasted_address_is_a_source(publisher: Publisher) -> None:
    url = publisher.site.base.replace("//", f"//reader:{PASSWORD}@") + "/books.csv?lang=fr"
    made = created(publisher.create({"url": url}))
    user = {"type": "basic_auth", "username": "reader"}
    assert made["datasource"] == publisher.source("/books.csv?lang=fr", user)
    basic = b64encode(f"reader:{PASSWORD}".encode()).decode()
    assert publisher.site.asked[-1].headers["Authorization"] == f"Basic {basic}"
    assert publisher.site.paths == ["/books.csv?lang=fr"]


@pytest.mark.parametrize("auth", [BASIC, BEARER])
def test_secrets_are_sent_to_the_server_and_shown_to_nobody(publisher: Publisher, auth: Any) -> None:
    headers = [{"name": "X-Key", "value": VALUE}, {"name": "X-Team", "value": "data"}]
    made = publisher.create(publisher.source(auth=auth, headers=headers))
    named = {name: value for name, value in auth.items() if name not in ("password", "token")}
    expected = [{"name": "X-Key", "value": None}, {"name": "X-Team", "value": None}]
    assert (made.json["datasource"]["connection"]["auth"], made.json["datasource"]["headers"]) == (named, expected)
    assert publisher.site.asked[-1].headers["X-Key"] == VALUE
    answers = [
        made.text,
        publisher.http.get(publisher.path, key=publisher.key).text,
        publisher.http.get(f"{publisher.dataset}/resources/", key=publisher.key).text,
        publisher.http.get(f"{publisher.dataset}/export/", key=publisher.key).text,
        publisher.http.get(f"{publisher.path}/preview/", key=publisher.key).text,
        tables_text(),
    ]
    for secret in (PASSWORD, TOKEN, VALUE):
        assert not any(secret in answer for answer in answers)
    assert publisher.fetched_with() == publisher.source(auth=auth, headers=headers)


def test_what_is_sent_back_keeps_its_secrets_and_what_is_sent_anew_replaces_them(publisher: Publisher) -> None:
    headers = [{"name": "X-Key", "value": VALUE}]
    created(publisher.create(publisher.source(auth=BASIC, headers=headers)))
    (first,) = publisher.kept()
    assert publisher.edit(title="Other books").status == 200
    assert publisher.kept() == [publisher.item.secret_name] == [first]
    assert publisher.fetched_with() == publisher.source(auth=BASIC, headers=headers)

    added = [{"name": "x-key", "value": None}, {"name": "X-More", "value": "more-of-the-header-values"}]
    source = publisher.source("/books.csv", {"type": "basic_auth", "username": "reader"}, headers=added)
    assert publisher.edit(datasource=source).status == 200
    assert publisher.item.secret_name != first
    assert publisher.fetched_with()["connection"]["auth"] == BASIC
    assert [h["value"] for h in publisher.fetched_with()["headers"]] == [VALUE, added[1]["value"]]

    changed = {**BASIC, "password": "another-password-of-the-tests"}
    assert publisher.edit(datasource=publisher.source(auth=changed)).status == 200
    assert publisher.fetched_with() == publisher.source(auth=changed)

    assert publisher.edit(datasource=publisher.source()).status == 200
    assert (publisher.item.secret_name, publisher.fetched_with()) == (None, publisher.source())


def test_an_edit_that_does_not_name_the_source_keeps_it_with_its_secrets_and_headers(publisher: Publisher) -> None:
    headers = [{"name": "X-Key", "value": VALUE}]
    made = created(publisher.create(publisher.source(auth=BASIC, headers=headers), separator=";", vanished="keep"))
    for change in ({"title": "Other books"}, {"params": {"allow_shrinking": True}}):
        assert publisher.http.put(publisher.path, key=publisher.key, json=change).status == 200
    edited = publisher.read()
    assert (edited["title"], edited["datasource"], edited["problem"]) == ("Other books", made["datasource"], None)
    assert edited["params"] == {"separator": ";", "vanished": "keep", "allow_shrinking": True}
    assert publisher.fetched_with() == publisher.source(auth=BASIC, headers=headers)


@pytest.mark.parametrize("what", ["server", "scheme", "user", "kind"])
def test_stored_secrets_go_to_no_other_server_or_user(publisher: Publisher, what: str) -> None:
    created(publisher.create(publisher.source(auth=BASIC)))
    before = publisher.read()
    source = before["datasource"]
    changes: dict[str, Any] = {
        "server": {"url": f"http://127.0.0.1:{free_port()}"},
        "scheme": {"url": publisher.site.base.replace("http:", "https:")},
        "user": {"auth": {"type": "basic_auth", "username": "another"}},
        "kind": {"auth": {"type": "bearer"}},
    }
    source = {**source, "connection": {**source["connection"], **changes[what]}}
    asked = len(publisher.site.asked)
    assert "is missing: send it" in problem_of(publisher.edit(datasource=source))
    assert "is missing: send it" in problem_of(publisher.preview(source, uid=before["uid"]))
    assert (publisher.read(), len(publisher.site.asked)) == (before, asked)


def test_secrets_over_4096_bytes_are_refused(publisher: Publisher) -> None:
    headers = [{"name": f"X-{i}", "value": "v" * 2040} for i in range(2)]
    assert "the limit is 4096" in problem_of(publisher.create(publisher.source(headers=headers)))
    assert publisher.kept() == []


def test_a_dataset_takes_its_secrets_with_it(publisher: Publisher) -> None:
    created(publisher.create(publisher.source(auth=BASIC)))
    assert len(publisher.kept()) == 1
    assert publisher.http.delete(publisher.dataset, key=publisher.key).status == 204
    assert publisher.kept() == []


def test_the_copy_of_a_source_goes_with_its_resource_or_when_it_is_asked_for(publisher: Publisher) -> None:
    created(publisher.create(publisher.source()))
    uid, resource = publisher.dataset.rpartition("/")[2], publisher.path.rpartition("/")[2]
    copies, place = wiring.stores().sources, content_key(uid, resource, "batch")
    kept = {"batch_id": "batch", "content_key": place, "manifest_key": "m", "sha256": "s", "size": 1, "records": 1}
    for method, path in (("POST", "/clean_cache/"), ("DELETE", "")):
        CopyItem(dataset_pk(uid), COPY + resource, generation=1, version=1, **kept).save()
        copies.put(place, CSV, "text/csv")
        assert publisher.http.request(method, publisher.path + path, key=publisher.key).status == 204
        assert copies.get(place) is None


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/missing.csv", "no such file"),
        ("/denied.csv", "refuses access"),
        ("/busy.csv", "cannot answer at the moment"),
        ("/circle.csv", "in a circle"),
        ("/large.csv", "more than 240 MB"),
        ("/page.csv", "a web page"),
        ("/empty.csv", "the file is empty"),
        ("/wide.csv", "the limit is 500"),
        ("/many.json", "the limit is 500"),
    ],
)
def test_a_source_that_may_be_mended_where_it_is_is_saved_with_its_problem(
    publisher: Publisher, path: str, says: str
) -> None:
    publisher.site.routes = {
        "/missing.csv": reply(status="404 Not Found"),
        "/denied.csv": reply(status="401 Unauthorized"),
        "/busy.csv": reply(status="503 Service Unavailable"),
        "/circle.csv": redirect("/circle.csv"),
        "/large.csv": reply(b"a\n", length=241 * 1024 * 1024),
        "/page.csv": reply(b"<!DOCTYPE html><html>"),
        "/empty.csv": reply(),
        "/wide.csv": reply(b",".join(b"c%d" % i for i in range(501)) + b"\n"),
        "/many.json": reply(b"[" + b",".join(b'{"c%d": 1}' % i for i in range(501)) + b"]"),
    }
    kind = "jsonfile" if path.endswith(".json") else "csvfile"
    made = created(publisher.create(publisher.source(path), kind))
    assert says in made["problem"]
    assert publisher.read() == made
    publisher.site.routes[path] = reply(b'[{"isbn": 1}]' if kind == "jsonfile" else CSV)
    mended = publisher.edit()
    assert (mended.status, mended.json["problem"]) == (200, None)
    assert publisher.item.source_fields[0] == ["isbn", "int"]
    publisher.site.routes[path] = reply(status="404 Not Found")
    assert publisher.edit(title="Down").json["problem"] is not None
    assert publisher.item.source_fields[0] == ["isbn", "int"]


@pytest.mark.parametrize(
    ("url", "says", "code"),
    [
        ("http://169.254.169.254/latest/meta-data", "private or reserved network", "address_refused"),
        ("http://127.1/books.csv", "four decimal numbers", "invalid_source"),
        ("gopher://127.0.0.1/books.csv", "expected an address such as", None),
        ("http://", "name a host", None),
    ],
)
def test_an_address_that_can_never_be_fetched_is_refused(
    publisher: Publisher, url: str, says: str, code: str | None
) -> None:
    for refused in (publisher.create({"url": url}), publisher.preview({"url": url})):
        assert (says in problem_of(refused), refused.json.get("error_key")) == (True, code)
    assert publisher.http.get(f"{publisher.dataset}/resources/", key=publisher.key).json["results"] == []


@pytest.mark.parametrize(
    ("content", "kind", "params", "first"),
    [
        (CSV, "csvfile", {"separator": ";", "headers_first_row": True}, {"isbn": "0", "loans": "0"}),
        ("é,b\n1,2\n".encode("cp1252"), "csvfile",
         {"encoding": "cp1252", "separator": ",", "headers_first_row": True}, {"é": "1", "b": "2"}),
        (b'{"data": {"books": [{"isbn": 1}]}}', "jsonfile", {"json_root": "data.books"}, {"isbn": 1}),
        (b'{"isbn": 1}\n{"isbn": 2}\n', "jsonl", {}, {"isbn": 1}),
        (gzip.compress(CSV * 40_000), "csvfile",
         {"separator": ";", "headers_first_row": True}, {"isbn": "0", "loans": "0"}),
        (zipped({"books.csv": CSV}), "csvfile",
         {"separator": ";", "headers_first_row": True}, {"isbn": "0", "loans": "0"}),
    ],
)  # fmt: skip
def test_a_preview_tells_what_the_file_is_and_saves_nothing(
    publisher: Publisher, content: bytes, kind: str, params: Any, first: Any
) -> None:
    publisher.site.routes["/books"] = reply(content)
    shown = publisher.preview({"url": f"{publisher.site.base}/books"}).json
    assert (shown["type"], shown["params"], shown["problem"]) == (kind, params, None)
    assert (shown["records"][0], shown["filename"]) == (first, "books")
    assert len(shown["records"]) <= 20
    assert publisher.http.get(f"{publisher.dataset}/resources/", key=publisher.key).json["results"] == []
    assert created(publisher.create(publisher.source("/books"), kind, **shown["params"]))["problem"] is None


def test_of_large_records_a_preview_shows_as_many_as_an_answer_carries(publisher: Publisher) -> None:
    records = [{"isbn": number, "text": "x" * 340_000} for number in range(25)]
    publisher.site.routes["/long"] = reply(gzip.compress(json.dumps(records).encode()))
    looked = publisher.preview({"url": f"{publisher.site.base}/long"})
    assert (looked.status, looked.json["problem"], len(looked.json["records"])) == (200, None, 14)
    assert created(publisher.create(publisher.source("/long"), "jsonfile"))["problem"] is None
    shown = publisher.http.get(f"{publisher.path}/preview/", key=publisher.key)
    assert (shown.status, shown.json["errors"], len(shown.json["results"])) == (200, [], 14)


def test_a_preview_reads_a_file_as_it_is_told_to(publisher: Publisher) -> None:
    source = publisher.source()
    shown = publisher.preview(source, type="csvfile", params={"separator": ",", "headers_first_row": False}).json
    assert shown["records"][0] == {"column_1": "isbn;loans"}
    assert shown["params"] == {"separator": ",", "headers_first_row": False}
    contradicted = publisher.preview(source, type="jsonfile", title="Books").json
    assert contradicted["problem"].startswith("the file looks like csvfile, not jsonfile")
    assert (contradicted["type"], contradicted["records"]) == ("jsonfile", [])
    publisher.site.routes["/books.csv"] = reply(b'[{"isbn": 1}]')
    assert publisher.preview(source, type="jsonl").json["problem"].startswith("the file looks like")
    wrong = publisher.preview(source, params={"separator": ","})
    assert (wrong.status, list(wrong.json["detail"])) == (400, ["params"])
    uploaded = publisher.preview({"type": "uploaded_file", "file": None})
    assert "when it was uploaded" in problem_of(uploaded)


def test_a_failed_fetch_of_a_preview_is_refused_with_its_reason(publisher: Publisher) -> None:
    publisher.site.routes["/books.csv"] = reply(status="404 Not Found")
    refused = publisher.preview(publisher.source())
    assert ("no such file" in problem_of(refused), refused.json["error_key"]) == (True, "file_not_there")
    created(publisher.create(publisher.source(auth=BASIC)))
    assert "no such file" in problem_of(publisher.http.get(f"{publisher.path}/preview/", key=publisher.key))
    assert "is missing" in problem_of(publisher.preview(publisher.read()["datasource"]))
    publisher.site.routes["/books.csv"] = reply(CSV)
    shown = publisher.preview(publisher.read()["datasource"], uid=publisher.read()["uid"]).json
    assert shown["records"][1] == {"isbn": "1", "loans": "1"}
    assert "Authorization" in publisher.site.asked[-1].headers


def test_only_the_beginning_of_a_large_file_is_fetched(publisher: Publisher) -> None:
    sent = []

    def endless(request: Request) -> None:
        request.write(b"HTTP/1.1 200 OK\r\nContent-Length: 200000000\r\n\r\n")
        while len(sent) < 3000:
            request.write(CSV * 256)
            sent.append(len(CSV) * 256)

    publisher.site.routes["/books.csv"] = endless
    made = created(publisher.create(publisher.source()))
    assert (made["problem"], publisher.item.source_fields) == (None, [["isbn", "text"], ["loans", "text"]])
    assert sum(sent) < 100_000_000


def test_an_exported_source_is_imported_without_its_secrets_and_waits_for_them(publisher: Publisher) -> None:
    created(publisher.create(publisher.source(auth=BASIC, headers=[{"name": "X-Key", "value": VALUE}])))
    document = publisher.http.get(f"{publisher.dataset}/export/", key=publisher.key).json
    body = {**document, "dataset_id": f"imported-{next(_numbers)}"}
    again = created(publisher.http.post(f"{ROOT}/import/", key=publisher.key, json=body))
    (resource,) = publisher.http.get(f"{ROOT}/{again['uid']}/resources/", key=publisher.key).json["results"]
    publisher.path = f"{ROOT}/{again['uid']}/resources/{resource['uid']}"
    assert "the password in auth is missing" in resource["problem"]
    asked = len(publisher.site.asked)
    assert publisher.edit(title="Waiting").json["problem"] == resource["problem"]
    assert len(publisher.site.asked) == asked
    headers = [{"name": "X-Key", "value": VALUE}]
    assert publisher.edit(datasource=publisher.source(auth=BASIC, headers=headers)).json["problem"] is None
    assert publisher.fetched_with() == publisher.source(auth=BASIC, headers=headers)


def test_an_uploaded_file_may_take_the_place_of_a_remote_source(publisher: Publisher) -> None:
    created(publisher.create(publisher.source(auth=BASIC)))
    edited = publisher.http.put(
        publisher.path,
        key=publisher.key,
        json={"type": "csvfile", "title": "Books", "datasource": {"type": "uploaded_file", "file": None}},
    )
    assert (edited.status, "problem" in edited.json) == (200, False)
    assert (publisher.item.source, publisher.item.secret_name) == (None, None)
