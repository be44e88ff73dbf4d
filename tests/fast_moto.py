"""moto without what takes it long. For each deployment it reads the template anew and makes keys: here that is done
once. For each part of a transaction it copies the whole table, to put it back when the transaction is cancelled: here
the items that it names are put back alone. In answers it looks for each possible type of each value: here values, which
are kept as they are answered, are taken as they are."""

import copy
from functools import cache
from typing import Any

from moto.cloudformation.models import Stack
from moto.core.serialize import BaseJSONSerializer
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table
from moto.kms import models

_parse_template = cache(Stack.parse_template)
_generate_private_key = cache(models.generate_private_key)
_serialize_structure = BaseJSONSerializer._serialize_type_structure
_transact_write_items = DynamoDBBackend.transact_write_items


def install() -> None:
    """Let moto be as fast from now on, in this process."""
    Stack.parse_template = staticmethod(lambda text: copy.deepcopy(_parse_template(text)))  # type: ignore[method-assign]
    BaseJSONSerializer._serialize_type_structure = _serialize  # type: ignore[method-assign]
    models.generate_private_key = _generate_private_key
    Table.__deepcopy__ = lambda self, _memo: self  # type: ignore[attr-defined]
    DynamoDBBackend.transact_write_items = _transact  # type: ignore[method-assign]


class _Place:
    """Where an item is that a part of a transaction is about."""

    def __init__(self, backend: DynamoDBBackend, part: dict[str, Any]) -> None:
        (operation,) = part.values()
        self._table = table = backend.get_table(operation["TableName"])
        key = operation.get("Key") or operation["Item"]
        self._hash, self._range = DynamoType(key[table.hash_key_attr]), DynamoType(key[str(table.range_key_attr)])
        self._before: Item | None = copy.deepcopy(table.get_item(self._hash, self._range))

    def put_back(self) -> None:
        """Make it as it was."""
        if self._before is None:
            self._table.items[self._hash].pop(self._range, None)
        else:
            self._table.items[self._hash][self._range] = self._before


def _transact(self: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> None:
    places = [_Place(self, part) for part in transact_items]
    try:
        _transact_write_items(self, transact_items)
    except BaseException:
        for place in places:
            place.put_back()
        raise


def _serialize(self: BaseJSONSerializer, serialized: Any, value: Any, shape: Any, key: str) -> None:
    if shape.name == "AttributeValue":
        serialized[key] = value
    else:
        _serialize_structure(self, serialized, value, shape, key)
