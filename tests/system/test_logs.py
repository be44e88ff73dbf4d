"""What the deployed functions log, after all that the other tests did to them."""

import re

from tests.system.conftest import Product


def test_no_key_is_in_the_logs_of_the_deployed_functions(product: Product) -> None:
    _, url = product.dataset({"message": "x"})
    for _ in range(20):  # a worker's last lines are collected with its next request
        product.http.post(url, json={"message": "Hello"})
        product.http.post(url, content=b"{")
        log = product.function_log()
        if "batch accepted" in log and "invalid_json" in log:
            break
    assert "batch accepted" in log
    assert "invalid_json" in log
    assert product.api_key not in log
    assert re.findall(r"(?<![0-9a-f])[0-9a-f]{56}(?![0-9a-f])", log) == []
