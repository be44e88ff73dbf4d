"""A remote source on the deployed product: looked at, previewed, its password kept where SSM keeps it."""

from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.system.conftest import Product

PASSWORD = "source-password-of-the-system-tests"
BOOKS = b"isbn;loans\n1;2\n3;4\n"


class _Library(BaseHTTPRequestHandler):
    """Lends its file to those who know the password."""

    def do_GET(self) -> None:
        given = self.headers.get("Authorization", "")
        is_known = given == f"Basic {b64encode(f'reader:{PASSWORD}'.encode()).decode()}"
        self.send_response(200 if is_known else 401)
        self.end_headers()
        self.wfile.write(BOOKS if is_known else b"")

    def log_message(self, *_: Any) -> None:
        """The tests look at answers."""


@contextmanager
def a_library() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Library)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_source_is_described_by_its_address_and_keeps_its_password(product: Product) -> None:
    if urlsplit(product.base_url).hostname != "127.0.0.1":
        pytest.skip("a deployment elsewhere does not reach this machine")
    dataset = product.manage("POST", "/datasets/", {"metadata": {}, "dataset_id": "system-remote-books"})
    path = f"/datasets/{dataset['uid']}/resources/"
    with a_library() as library:
        source = {"url": f"{library.replace('//', f'//reader:{PASSWORD}@')}/books.csv"}
        preview = product.manage("POST", f"{path}preview/", {"datasource": source})
        assert preview["records"] == [{"isbn": "1", "loans": "2"}, {"isbn": "3", "loans": "4"}]
        body = {"type": preview["type"], "params": preview["params"], "title": "Books", "datasource": source}
        made = product.manage("POST", path, body)
        assert made["problem"] is None
        again = product.manage("PUT", f"{path}{made['uid']}/", {**made, "title": "The same books"})
        assert again["datasource"]["connection"]["auth"] == {"type": "basic_auth", "username": "reader"}
        shown = product.manage("GET", f"{path}{made['uid']}/preview/")
        assert shown["results"] == [{"isbn": 1, "loans": 2}, {"isbn": 3, "loans": 4}]
        assert PASSWORD not in f"{made}{again}{product.manage('GET', path)}"
    assert PASSWORD not in product.function_log()
    product.manage("DELETE", f"{path}{made['uid']}/")
    product.manage("DELETE", f"/datasets/{dataset['uid']}/")
