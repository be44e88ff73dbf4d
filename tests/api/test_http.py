"""What holds for every route: methods, sizes, hosts."""

from tests.api.conftest import Http
from tests.api.management import ROOT, a_dataset, a_resource, push_path


def test_a_wrong_method_names_the_right_ones(http: Http, key: str) -> None:
    answer = http.request("PATCH", ROOT, key=key)
    assert (answer.status, answer.headers["allow"], answer.json["error_code"]) == (
        405,
        "GET, POST",
        "method_not_allowed",
    )


def test_an_answer_larger_than_the_gateway_carries_says_what_to_do(http: Http, key: str) -> None:
    dataset = a_dataset(http, key)
    path = push_path(a_resource(http, key, dataset))
    http.post(f"{dataset}/publish", key=key)
    for number in range(0, 20, 10):
        body = [{"isbn": str(n), "title": "x" * 340_000} for n in range(number, number + 10)]
        assert http.post(path, json=body).status == 200
    explore = "/explore/v2.1/catalog/datasets/library-books/records"
    answer = http.get(explore, query={"limit": 20})
    assert (answer.status, "limit" in answer.json["message"]) == (400, True)
    assert len(http.get(explore, query={"limit": 5}).json["results"]) == 5


def test_a_junk_host_header_does_not_break_links(http: Http, key: str) -> None:
    dataset = a_dataset(http, key)
    a_resource(http, key, dataset)
    answer = http.get(f"{dataset}/resources", key=key, headers={"host": "a\udc80b"})
    assert "https://localhost/api/push" in answer.text
