"""A transaction of the tests' DynamoDB takes effect as a whole, or not at all."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.store.stores import Stores


def test_a_cancelled_transaction_leaves_every_item_as_it_was(stores: Stores) -> None:
    table = stores.names.catalog_table
    for name in ("put", "updated", "deleted"):
        stores.client.put_item(TableName=table, Item={**key(name), "value": {"S": "before"}})
    before = items(stores)
    update = {"UpdateExpression": "SET #v = :v", "ExpressionAttributeNames": {"#v": "value"}}
    writes: list[dict[str, Any]] = [
        {"Put": {"TableName": table, "Item": {**key("put"), "value": {"S": "after"}}}},
        {"Put": {"TableName": table, "Item": key("new")}},
        {"Delete": {"TableName": table, "Key": key("deleted")}},
        {
            "Update": {
                "TableName": table,
                "Key": key("updated"),
                "ExpressionAttributeValues": {":v": {"S": "after"}},
                **update,
            }
        },
    ]
    refused = {"TableName": table, "Key": key("absent"), "ConditionExpression": "attribute_exists(pk)"}
    with pytest.raises(ClientError, match="TransactionCanceled"):
        stores.client.transact_write_items(TransactItems=[*writes, {"ConditionCheck": refused}])
    assert items(stores) == before
    stores.client.transact_write_items(TransactItems=writes)
    assert {item["sk"]["S"]: item.get("value", {}).get("S") for item in items(stores)} == {
        "new": None,
        "put": "after",
        "updated": "after",
    }


def key(name: str) -> dict[str, Any]:
    return {"pk": {"S": "it"}, "sk": {"S": name}}


def items(stores: Stores) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = stores.client.query(
        TableName=stores.names.catalog_table,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": "it"}},
        ConsistentRead=True,
    )["Items"]
    return found
