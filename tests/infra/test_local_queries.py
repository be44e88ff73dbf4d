"""The local cloud's queries of whole partitions answer as the emulator's own do, which look at every item each time."""

import pytest

from tests.infra.emulator import in_emulator

PROGRAM = """
import json, random
from ministack.services import dynamodb
from infra.local.repairs import queries
key = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
kinds = [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")]
dynamodb._create_table(
    {"TableName": "records", "KeySchema": key, "AttributeDefinitions": kinds, "BillingMode": "PAY_PER_REQUEST"}
)
chance = random.Random(1)
for pk in ("one", "other"):
    for _ in range(60):
        text = {"S": "x" * chance.choice([1, 100, 90_000])} if chance.random() < 0.9 else {"S": "é" * 40_000}
        item = {"pk": {"S": pk}, "sk": {"S": chance.randbytes(20).hex()}, "d": text, "n": {"N": "1"}}
        dynamodb._put_item({"TableName": "records", "Item": item})

def pages(options):
    request = {"TableName": "records", "KeyConditionExpression": "pk = :pk", **options}
    request["ExpressionAttributeValues"] = {":pk": {"S": "one"}}
    answers = []
    while True:
        status, _, body = dynamodb._query(request)
        answers.append([status, json.loads(body)])
        if "LastEvaluatedKey" not in answers[-1][1]:
            return answers
        request["ExclusiveStartKey"] = answers[-1][1]["LastEvaluatedKey"]

asked = [
    {}, {"Limit": 7}, {"Limit": 60}, {"Limit": 7, "ScanIndexForward": False}, {"ScanIndexForward": False},
    {"ProjectionExpression": "sk,d"}, {"Select": "COUNT"}, {"Select": "COUNT", "Limit": 20},
    {"ConsistentRead": True, "ProjectionExpression": "#n", "ExpressionAttributeNames": {"#n": "n"}},
    {"TableName": "unknown"}, {"Limit": 0}, {"FilterExpression": "n = :pk"},
]
before = [pages(options) for options in asked]
queries.apply()
after = [pages(options) for options in asked]
print(json.dumps([[o for o, b, a in zip(asked, before, after) if a != b], len(before[0])]))
"""


@pytest.mark.local_cloud
def test_whole_partitions_are_read_as_before() -> None:
    different, pages = in_emulator(PROGRAM)
    assert different == []
    assert pages > 1
