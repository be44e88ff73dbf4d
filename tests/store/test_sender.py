"""What the sender sends, what it sends again, and what it makes of answers, at an endpoint that follows a script."""

import json
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from botocore.credentials import Credentials, RefreshableCredentials
from botocore.exceptions import ClientError, ConnectionClosedError, HTTPClientError, NoCredentialsError

from chalicelib.store.connections import Connections
from chalicelib.store.dynamodb import is_retriable
from chalicelib.store.sender import DynamoDBSender
from tests.deployment import REGION
from tests.store.scripted_endpoint import CLOSE, ScriptedEndpoint, answer, scripted_endpoint

KEY = {"pk": {"S": "a"}, "sk": {"S": "1"}}
IS_NEW = {"ConditionExpression": "attribute_not_exists(pk)"}
NOW = datetime(2026, 11, 1, 23, 59, 30, tzinfo=UTC)


def sender_to(
    endpoint: ScriptedEndpoint, credentials: Any = None, clock: Callable[[], float] = NOW.timestamp
) -> closing[DynamoDBSender]:
    connections = Connections(endpoint.url, connect_timeout=2, read_timeout=5)
    return closing(DynamoDBSender(connections, REGION, credentials or Credentials("AKID", "secret"), clock))


def refusal(code: str, status: int = 400, **headers: str) -> bytes:
    return answer(json.dumps({"__type": f"com.amazonaws.dynamodb.v20120810#{code}"}).encode(), status, **headers)


def test_a_request_says_no_more_than_it_must() -> None:
    with scripted_endpoint(answer()) as endpoint, sender_to(endpoint) as sender:
        sender.query(TableName="records")
    (request,) = endpoint.requests
    assert request.line == "POST / HTTP/1.1"
    assert json.loads(request.body) == {"TableName": "records"}
    assert request.headers.pop("authorization").startswith("AWS4-HMAC-SHA256 Credential=AKID/20261101/eu-west-3/")
    assert request.headers == {
        "content-type": "application/x-amz-json-1.0",
        "host": endpoint.url.removeprefix("http://"),
        "x-amz-date": "20261101T235930Z",
        "x-amz-target": "DynamoDB_20120810.Query",
        "accept-encoding": "identity",
        "content-length": str(len(request.body)),
    }


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("query", {}),
        ("batch_write_item", {"RequestItems": {}}),
        ("put_item", {"Item": KEY}),
        ("delete_item", {"Key": KEY}),
        ("transact_write_items", {"TransactItems": [IS_NEW]}),
    ],
)
def test_what_changes_nothing_twice_is_sent_again_on_a_new_connection(operation: str, request_: dict[str, Any]) -> None:
    with scripted_endpoint(answer(), CLOSE, answer()) as endpoint, sender_to(endpoint) as sender:
        sender.get_item()
        getattr(sender, operation)(**request_)
    _, first, second = endpoint.requests
    assert first.body == second.body  # the token of the transaction too


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("update_item", {"UpdateExpression": "ADD n :n"}),
        ("put_item", {"Item": KEY, **IS_NEW}),
        ("delete_item", {"Key": KEY, "ReturnValues": "ALL_OLD"}),
    ],
)
def test_what_may_have_been_done_is_left_to_the_caller(operation: str, request_: dict[str, Any]) -> None:
    with scripted_endpoint(answer(), CLOSE) as endpoint, sender_to(endpoint) as sender:
        sender.get_item()
        with pytest.raises(ConnectionClosedError):
            getattr(sender, operation)(**request_)
    assert len(endpoint.requests) == 2


def test_each_transaction_has_a_token_of_its_own_unless_it_is_given_one() -> None:
    with scripted_endpoint(answer(), answer(), answer()) as endpoint, sender_to(endpoint) as sender:
        sender.transact_write_items(TransactItems=[])
        sender.transact_write_items(TransactItems=[])
        sender.transact_write_items(TransactItems=[], ClientRequestToken="mine")
    first, second, given = (json.loads(request.body)["ClientRequestToken"] for request in endpoint.requests)
    assert len({first, second}) == 2
    assert given == "mine"


def test_a_damaged_answer_is_a_fault_that_passes() -> None:
    damaged = answer(b'{"Count":1}', x_amz_crc32="1"), answer(b"<html>")
    with (
        scripted_endpoint(*damaged, answer(b"{}", x_amz_crc32="2745614147")) as endpoint,
        sender_to(endpoint) as sender,
    ):
        for _ in damaged:
            with pytest.raises(HTTPClientError) as fault:
                sender.query()
            assert is_retriable(fault.value)
        assert sender.query() == {}


def test_an_error_that_is_not_dynamodbs_keeps_its_status_and_text() -> None:
    with scripted_endpoint(answer(b"<html>Busy", 503), answer(b"", 413)) as endpoint, sender_to(endpoint) as sender:
        with pytest.raises(ClientError, match=r"503.*<html>Busy") as busy:
            sender.query()
        assert is_retriable(busy.value)
        with pytest.raises(ClientError) as too_large:
            sender.query()
        assert not is_retriable(too_large.value)


def test_credentials_refresh_themselves() -> None:
    def renewed() -> dict[str, str]:
        expiry = datetime.now(UTC) + timedelta(hours=6)
        return {"access_key": "NEW", "secret_key": "s2", "token": "t2", "expiry_time": expiry.isoformat()}

    old = RefreshableCredentials("OLD", "s1", "t1", datetime.now(UTC) - timedelta(hours=1), renewed, "tests")
    with scripted_endpoint(answer(), answer()) as endpoint, sender_to(endpoint, old) as sender:
        sender.query()
        sender.query()
    for request in endpoint.requests:
        assert "Credential=NEW/" in request.headers["authorization"]
        assert request.headers["x-amz-security-token"] == "t2"


def test_without_credentials_nothing_is_sent() -> None:
    with scripted_endpoint() as endpoint, pytest.raises(NoCredentialsError):
        DynamoDBSender(Connections(endpoint.url, connect_timeout=2, read_timeout=5), REGION, None)


@pytest.mark.parametrize("code", ["InvalidSignatureException", "RequestTimeTooSkewed"])
def test_a_wrong_clock_is_set_by_the_servers(code: str) -> None:
    servers_time = NOW + timedelta(hours=2)
    refused = refusal(code, date=format_datetime(servers_time, usegmt=True))
    with scripted_endpoint(refused, answer(), answer()) as endpoint, sender_to(endpoint) as sender:
        sender.update_item()
        sender.update_item()
    dates = [request.headers["x-amz-date"] for request in endpoint.requests]
    assert dates == ["20261101T235930Z", "20261102T015930Z", "20261102T015930Z"]


def test_a_signature_that_is_wrong_at_the_right_time_is_refused_at_once() -> None:
    refused = refusal("InvalidSignatureException", date=format_datetime(NOW, usegmt=True))
    with (
        scripted_endpoint(refused) as endpoint,
        sender_to(endpoint) as sender,
        pytest.raises(ClientError, match="InvalidSignature"),
    ):
        sender.query()
