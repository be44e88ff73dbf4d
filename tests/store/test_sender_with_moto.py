"""The hot client answers, refuses and finds its endpoint as botocore's client does: both against moto over HTTP."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.session import get_session
from moto.server import ThreadedMotoServer

from chalicelib.store.dynamodb import hot_client
from chalicelib.store.sender import DynamoDBSender, endpoint_url
from tests.deployment import REGION

KEY = {"pk": {"S": "a"}, "sk": {"S": "1"}}
ITEM = {**KEY, "d": {"S": '{"é":"\\u0000 Zürich"}'}, "t": {"N": "1700000000000"}, "f": {"M": {"x": {"S": "y"}}}}
OTHER = {"sk": {"S": "2"}}
PUT_NEW = {
    "TableName": "records",
    "Item": ITEM,
    "ConditionExpression": "attribute_not_exists(pk)",
    "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
}


@pytest.fixture(scope="module")
def moto_url() -> Iterator[str]:
    """moto as a server, with a table `records`."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def clients(moto_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[DynamoDBSender, Any]]:
    """The hot client and botocore's, both led to moto by the environment; the table is empty."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", moto_url)
    theirs = boto3.client("dynamodb", region_name=REGION)
    keys = [("pk", "HASH"), ("sk", "RANGE")]
    theirs.create_table(
        TableName="records",
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name, _ in keys],
        BillingMode="PAY_PER_REQUEST",
    )
    with closing(hot_client(REGION)) as ours:
        yield ours, theirs
    theirs.delete_table(TableName="records")
    theirs.close()


def test_every_operation_answers_what_botocore_reads(clients: tuple[DynamoDBSender, Any]) -> None:
    ours, theirs = clients
    where = {"TableName": "records", "Key": KEY}
    puts = [{"PutRequest": {"Item": {**ITEM, "sk": {"S": str(n)}}}} for n in range(2, 20)]
    assert ours.put_item(TableName="records", Item=ITEM) == {}
    assert ours.batch_write_item(RequestItems={"records": puts})["UnprocessedItems"] == {}
    ours.update_item(**where, UpdateExpression="SET n = :n", ExpressionAttributeValues={":n": {"N": "7"}})
    ours.transact_write_items(TransactItems=[{"Delete": {"TableName": "records", "Key": {**KEY, **OTHER}}}])
    ours.delete_item(TableName="records", Key={**KEY, "sk": {"S": "3"}})
    reads: list[tuple[str, dict[str, Any]]] = [
        ("get_item", {**where, "ConsistentRead": True}),
        ("batch_get_item", {"RequestItems": {"records": {"Keys": [KEY]}}}),
        (
            "query",
            {
                "TableName": "records",
                "KeyConditionExpression": "pk = :pk",
                "ExpressionAttributeValues": {":pk": {"S": "a"}},
                "Limit": 5,
            },
        ),
    ]
    for operation, request in reads:
        read = getattr(theirs, operation)(**request)
        del read["ResponseMetadata"]
        assert getattr(ours, operation)(**request) == read
    assert ours.get_item(**where)["Item"] == {**ITEM, "n": {"N": "7"}}


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("put_item", PUT_NEW),
        ("get_item", {"TableName": "elsewhere", "Key": KEY}),
        ("get_item", {"TableName": "records", "Key": {"pk": {"S": "a"}}}),
        (
            "transact_write_items",
            {"TransactItems": [{"Put": {"TableName": "records", "Item": {**ITEM, **OTHER}}}, {"Put": PUT_NEW}]},
        ),
    ],
)
def test_refusals_are_those_that_botocore_raises(
    clients: tuple[DynamoDBSender, Any], operation: str, request_: dict[str, Any]
) -> None:
    ours, theirs = clients
    ours.put_item(TableName="records", Item=ITEM)
    with pytest.raises(ClientError) as expected:
        getattr(theirs, operation)(**request_)
    with pytest.raises(ClientError) as raised:
        getattr(ours, operation)(**request_)
    assert str(raised.value) == str(expected.value)
    for part in ("Error", "CancellationReasons", "Item"):
        assert raised.value.response.get(part) == expected.value.response.get(part)
    status = expected.value.response["ResponseMetadata"]["HTTPStatusCode"]
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"AWS_USE_FIPS_ENDPOINT": "true"},
        {"AWS_USE_DUALSTACK_ENDPOINT": "true"},
        {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"},
        {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566", "AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:8000"},
        {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"},
    ],
)
def test_the_endpoint_is_the_one_botocore_would_use(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    session = get_session()
    for region in ("eu-west-3", "us-east-1", "cn-north-1", "us-gov-west-1", "eusc-de-east-1"):
        client = session.create_client("dynamodb", region_name=region)
        client.meta.events.register("before-send", _hold)
        with pytest.raises(Held) as held:
            client.list_tables()
        assert f"{endpoint_url(session, region)}/" == str(held.value)


class Held(Exception):  # noqa: N818 - it says what happened
    """A request of botocore's that was not sent; it says where to."""


def _hold(request: Any, **_: Any) -> None:
    raise Held(request.url)
