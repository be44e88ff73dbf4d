"""The local cloud's gateway does what AWS documents of its own: limits, encodings, preflights, refusals."""

import gzip
import json
import socket
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from infra.local.process import Running
from tests.infra.emulator import in_emulator

pytestmark = pytest.mark.local_cloud

ERROR_KEYS = {"status", "error", "error_code", "message", "details", "request_id"}


def is_our_error(answer: httpx.Response, status: int, code: str) -> bool:
    """Whether the answer is an error in the shape every error has."""
    content = answer.json()
    return (
        answer.status_code == status
        and set(content) == ERROR_KEYS
        and content["status"] == "error"
        and content["error"] == content["message"]
        and content["error_code"] == code
        and answer.headers["access-control-allow-origin"] == "*"
        and answer.headers["content-type"] == "application/json"
    )


@pytest.mark.parametrize("path", ["/health", "/health/"])
def test_paths_answer_with_and_without_a_slash_and_without_a_redirect(client: httpx.Client, path: str):
    assert client.get(path).json() == {"status": "OK"}


def test_parameters_are_decoded_after_routing(client: httpx.Client):
    answer = client.get("/echo/a%2Fb/c%20%C3%A9?x=1&x=2").json()
    assert (answer["first"], answer["second"], answer["query"]) == ("a/b", "c é", {"x": "2"})


def test_the_host_the_client_named_reaches_the_application(client: httpx.Client):
    assert client.get("/echo/a/b", headers={"Host": "data.example"}).json()["host"] == "data.example"


def test_a_preflight_allows_what_the_application_allows(client: httpx.Client):
    answer = client.options("/echo/a/b", headers={"Origin": "http://x", "Access-Control-Request-Method": "POST"})
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    assert {"X-Push-Key", "Prefer"} <= set(answer.headers["access-control-allow-headers"].split(","))
    assert {"GET", "POST"} <= set(answer.headers["access-control-allow-methods"].split(","))
    assert answer.headers["access-control-expose-headers"] == "X-Batch-Id"


@pytest.mark.parametrize(("method", "path"), [("GET", "/nothing/here"), ("PATCH", "/echo/a/b"), ("GET", "")])
def test_what_nothing_answers_is_refused_in_json(client: httpx.Client, method: str, path: str):
    assert is_our_error(client.request(method, path), 403, "unknown_path")


def test_a_compressed_body_is_inflated_before_the_application(client: httpx.Client):
    body = gzip.compress(b'{"a": 1}' * 1000)
    assert client.post("/echo/a/b", content=body, headers={"Content-Encoding": "gzip"}).json()["size"] == 8000


def test_a_body_that_is_not_compressed_as_it_says_is_refused(client: httpx.Client):
    answer = client.post("/echo/a/b", content=b"plain", headers={"Content-Encoding": "gzip"})
    assert is_our_error(answer, 400, "invalid_payload")
    assert "gzip" in answer.json()["error"]


def test_binary_bodies_arrive_as_they_were_sent(client: httpx.Client):
    answer = client.post("/echo/a/b", content=b"\x00\xff\x00", headers={"Content-Type": "application/octet-stream"})
    assert (answer.json()["size"], answer.json()["start"]) == (3, "\x00ÿ\x00")


def test_five_megabytes_of_plain_text_pass(client: httpx.Client):
    assert client.post("/echo/a/b", content=b"x" * 5_242_881).json()["size"] == 5_242_881


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"x" * (10 * 1024 * 1024 + 1), {}),
        (b"x" * 6_291_456, {}),
        (b'"' * 3_200_000, {}),
        (b"x" * 4_800_000, {"Content-Type": "application/octet-stream"}),
        (gzip.compress(b"0" * 200_000_000), {"Content-Encoding": "gzip"}),
    ],
    ids=["10 MB", "6 MB", "escaped", "base64", "inflated"],
)
def test_more_than_the_gateway_carries_is_refused_with_its_limits(
    client: httpx.Client, body: bytes, headers: dict[str, str]
):
    answer = client.post("/echo/a/b", content=body, headers=headers)
    assert is_our_error(answer, 413, "payload_too_large")
    assert "6,291,456" in answer.json()["error"]
    assert "Split" in answer.json()["error"]


@pytest.mark.parametrize("path", ["/die", "/answer/6291456"])
def test_a_function_that_does_not_answer_is_told_in_json_without_its_inside(client: httpx.Client, path: str):
    assert is_our_error(client.get(path), 502, "temporarily_unavailable")


def test_the_application_survives_a_function_that_died(client: httpx.Client):
    client.get("/die")
    assert client.get("/health").status_code == 200


def test_requests_are_answered_side_by_side(client: httpx.Client):
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda _: client.get("/sleep/1.5"), range(6)))
    assert len({answer.json()["process"] for answer in answers}) == 6


def test_a_function_that_logs_nothing_does_not_wait_for_its_log(client: httpx.Client):
    client.get("/health")
    assert min(client.get("/health").elapsed.total_seconds() for _ in range(20)) < 0.045


def test_functions_get_neither_real_credentials_nor_our_modules(client: httpx.Client):
    environment = client.get("/environment").json()
    assert "PYTHONPATH" not in environment
    assert environment["FRESHWIRE_STAGE"] == "local"
    assert environment["CATALOG_TABLE"] == "freshwire-local-catalog"
    assert environment["FRESHWIRE_PUBLIC_URL"] == str(client.base_url).rstrip("/")


@pytest.mark.parametrize(
    "request_line",
    [
        b"GET /api/../../etc/passwd HTTP/1.1",
        b"GET //api//health HTTP/1.1",
        b"GET /api/%00%ff%2e%2e/%2F HTTP/1.1",
        b"GET /api/health?%ff=%fe&&;=&a%00 HTTP/1.1",
        b"GET /api/" + b"a" * 60_000 + b" HTTP/1.1",
        b"GET http://elsewhere/api/health HTTP/1.1",
        b"PROPFIND /api/health HTTP/1.1",
        b"GET /api/echo/%ED%A0%80/%F0%9F HTTP/1.1",
        b"GET /api/health HTTP/1.1\r\nAuthorization: AWS4-HMAC-SHA256 Credential=x/y\r\nX-Amz-Date: \xff",
        b"GET /api/health HTTP/1.1\r\nX-Forwarded-For: \xff, junk\r\nCookie: a\r\nCookie: b",
        b"GET /api/health HTTP/1.1\r\nContent-Type: x\r\nContent-Type: y",
        b"POST /api/echo/a/b HTTP/1.1\r\nContent-Encoding: gzip, gzip\r\nContent-Length: 0",
        b"* * HTTP/9",
    ],
)
@pytest.mark.parametrize("host", [b"127.0.0.1", b"abcdef12.execute-api.127.0.0.1", b"s3.amazonaws.com"])
def test_odd_requests_never_make_it_fail(echo: Running, request_line: bytes, host: bytes):
    with socket.create_connection(("127.0.0.1", echo.port), timeout=10) as connection:
        connection.sendall(request_line + b"\r\nHost: " + host + b"\r\n\r\n")
        status = int(connection.recv(12).split()[1])
    assert 200 <= status < 500


def test_an_answer_that_takes_too_long_is_not_waited_for():
    program = """
import asyncio, json
from ministack.services import apigateway_v1
from infra.local.repairs import gateway
apigateway_v1._stages_v1["abc"] = {"api": {}}
finished = []
async def execute(*_):
    await asyncio.sleep(0.3)
    finished.append(True)
async def run():
    impatient = gateway.within_limits(execute, seconds=0.05)
    error = await impatient({}, "abc", "api", "GET", "/", {}, b"", {}, "account", "region")
    answered_before_the_end = not finished
    await asyncio.sleep(0.5)
    return error.response_type, answered_before_the_end, finished
print(json.dumps(asyncio.run(run())))
"""
    assert in_emulator(program) == ["INTEGRATION_TIMEOUT", True, [True]]


def test_mails_that_were_sent_are_shown(echo: Running, aws):
    ses = aws.client("sesv2")
    ses.create_email_identity(EmailIdentity="from@example.org")
    ses.send_email(
        FromEmailAddress="from@example.org",
        Destination={"ToAddresses": ["to@example.org"]},
        Content={"Simple": {"Subject": {"Data": "Silent"}, "Body": {"Text": {"Data": "since noon"}}}},
    )
    (mail,) = httpx.get(f"{echo.url}/_local/mails").json()["mails"]
    assert (mail["subject"], mail["to"], mail["text"]) == ("Silent", ["to@example.org"], "since noon")
    assert json.dumps(mail)
