"""DynamoDB: each page of a query examined and sorted all items of its partition, so that reading a large dataset took
the square of its size, and its exports and counts did not end in the time of a request.

Asked for a whole partition, a page begins where the one before ended, and costs what it holds.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any

from ministack.services import dynamodb

WHOLE_PARTITION = "pk = :pk"
_UNDERSTOOD = frozenset(
    {
        "TableName",
        "KeyConditionExpression",
        "ExpressionAttributeValues",
        "ConsistentRead",
        "ExclusiveStartKey",
        "Limit",
        "ProjectionExpression",
        "ScanIndexForward",
        "Select",
    }
)
_LIMITS = range(1, 2**31)
_MOST_OF_A_PAGE = 20_000  # items: a page of 1 MB has fewer


def apply() -> None:
    """Read whole partitions page by page."""
    dynamodb._query = _paging(dynamodb._query)


def _paging(query: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def paging(data: Any) -> Any:
        table = dynamodb._tables.get(data.get("TableName"))
        return dynamodb.json_response(_page(data, table)) if _is_plain(data, table) else query(data)

    return paging


def _is_plain(data: Mapping[str, Any], table: Any) -> bool:
    """Whether nothing is asked but for the items of one partition, of a table that is keyed as all of ours are."""
    values, start = data.get("ExpressionAttributeValues"), data.get("ExclusiveStartKey")
    names = data.get("ProjectionExpression")
    return bool(
        table
        and (table["pk_name"], table["sk_name"]) == ("pk", "sk")
        and data.keys() <= _UNDERSTOOD
        and data.get("KeyConditionExpression") == WHOLE_PARTITION
        and isinstance(values, dict)
        and list(values) == [":pk"]
        and list(values[":pk"]) == ["S"]
        and (start is None or (start.keys() == {"pk", "sk"} and start["pk"] == values[":pk"] and "S" in start["sk"]))
        and (names is None or names.replace(",", "").isalpha())
        and data.get("Limit", 1) in _LIMITS
        and data.get("Select") in (None, "COUNT")
    )


def _page(data: Mapping[str, Any], table: Any) -> dict[str, Any]:
    items = table["items"].get(data["ExpressionAttributeValues"][":pk"]["S"], {})
    keys = sorted(items)
    if start := data.get("ExclusiveStartKey"):
        last = start["sk"]["S"]
        keys = (
            keys[bisect_right(keys, last) :] if data.get("ScanIndexForward", True) else keys[: bisect_left(keys, last)]
        )
    in_order = keys if data.get("ScanIndexForward", True) else reversed(keys)
    ahead = [items[key] for key in islice(in_order, _MOST_OF_A_PAGE)]
    page, has_more = dynamodb._paginate_evaluated_items(ahead, data.get("Limit"), table)
    answer: dict[str, Any] = {"Count": len(page), "ScannedCount": len(page)}
    if data.get("Select") != "COUNT":
        answer["Items"] = [_projected(item, data.get("ProjectionExpression")) for item in page]
    if page and (has_more or len(page) < len(keys)):
        answer["LastEvaluatedKey"] = {name: page[-1][name] for name in ("pk", "sk")}
    return answer


def _projected(item: Mapping[str, Any], names: str | None) -> Mapping[str, Any]:
    return item if names is None else {name: item[name] for name in names.split(",") if name in item}
