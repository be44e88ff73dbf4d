"""DynamoDB: each page of a query examined and sorted all items of its partition, so that reading a large dataset took
the square of its size, and its exports and counts did not end in the time of a request.

Asked for a whole partition, a page begins where the one before ended, and costs what it holds.
"""

from collections.abc import Callable, Iterator, Mapping
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
_PAGE_BYTES = dynamodb._DDB_PAGE_SIZE_BYTES
Item = Mapping[str, Any]


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
    page, has_more = _cut((items[key] for key in _keys_ahead(items, data)), data.get("Limit"))
    answer: dict[str, Any] = {"Count": len(page), "ScannedCount": len(page)}
    if data.get("Select") != "COUNT":
        answer["Items"] = [_projected(item, data.get("ProjectionExpression")) for item in page]
    if has_more:
        answer["LastEvaluatedKey"] = {name: page[-1][name] for name in ("pk", "sk")}
    return answer


def _keys_ahead(items: Mapping[str, Any], data: Mapping[str, Any]) -> list[str]:
    """The sort keys behind the one that the page before ended with, in the order that is asked for."""
    start, is_forward = data.get("ExclusiveStartKey"), data.get("ScanIndexForward", True)
    if start is None:
        return sorted(items, reverse=not is_forward)
    last = start["sk"]["S"]
    return sorted((key for key in items if (key > last if is_forward else key < last)), reverse=not is_forward)


def _cut(ahead: Iterator[Item], limit: int | None) -> tuple[list[Item], bool]:
    """The items of one page, and whether it ended because it was full: as in AWS, there may be none behind it."""
    page: list[Item] = []
    size = 0
    for item in ahead:
        weight = _size(item)
        if page and size + weight > _PAGE_BYTES:
            return page, True
        page.append(item)
        size += weight
        if len(page) == limit or size >= _PAGE_BYTES:
            return page, True
    return page, False


def _size(item: Item) -> int:
    size = 0
    for name, value in item.items():
        text = value.get("S")
        is_plain_text = text is not None and text.isascii() and name.isascii()
        size += len(name) + len(text) if is_plain_text else dynamodb._item_size_bytes({name: value})
    return size


def _projected(item: Mapping[str, Any], names: str | None) -> Mapping[str, Any]:
    return item if names is None else {name: item[name] for name in names.split(",") if name in item}
