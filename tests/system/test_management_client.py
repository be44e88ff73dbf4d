"""`ods-utils-py`, a management client of the reference platform, unmodified. It insists on https: a TLS front with a
certificate of its own stands before the product."""

import http.server
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.certificates import certificate
from tests.system.conftest import Product


@pytest.fixture
def tls_front(product: Product, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Host and port of the TLS front, and its certificate."""

    class Front(http.server.BaseHTTPRequestHandler):
        def forward(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            kept = {
                name: value for name, value in self.headers.items() if name.lower() in ("authorization", "content-type")
            }
            url = product.base_url.removesuffix("/api") + self.path
            answer = httpx.request(self.command, url, content=body, headers=kept)
            self.send_response(answer.status_code)
            self.send_header("Content-Type", answer.headers.get("Content-Type", ""))
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_GET = do_POST = do_PUT = do_DELETE = forward  # noqa: N815 - the names http.server looks for

        def log_message(self, *_: Any) -> None:
            pass

    chain, key = certificate(tmp_path)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Front)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"127.0.0.1:{server.server_port}", chain
    server.shutdown()
    server.server_close()
    thread.join()


def test_ods_utils_py_works_unmodified(
    product: Product, tls_front: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ODS_DOMAIN", tls_front[0])
    monkeypatch.setenv("ODS_API_TYPE", "automation/v1.0")
    monkeypatch.setenv("ODS_API_KEY", product.api_key)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tls_front[1]))
    import ods_utils_py as ods  # noqa: PLC0415 - it reads the environment when it is imported

    dataset_id, _ = product.dataset({"message": "x"})
    assert ods.get_number_of_datasets() == len(ods.get_all_dataset_ids(cooldown=0)) >= 1
    assert dataset_id in ods.get_all_dataset_ids(cooldown=0)
    uid = ods.get_uid_by_id(dataset_id)
    assert product.manage("GET", f"/datasets/{uid}/")["dataset_id"] == dataset_id
    ods.set_template_metadata("default", {"value": "A new title"}, "title", dataset_id=dataset_id)
    assert ods.get_dataset_title(dataset_id=dataset_id) == "A new title"
    ods.set_dataset_public(dataset_id=dataset_id, should_be_public=False)
    assert product.manage("GET", f"/datasets/{uid}/status/")["is_published"] is False
    ods.set_dataset_public(dataset_id=dataset_id, should_be_public=True)
    assert product.explore(f"/{dataset_id}")["metas"]["default"]["title"] == "A new title"
