"""Transactions of the catalog, and what a lost race becomes."""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pynamodb.exceptions import DeleteError, PutError, TransactWriteError, UpdateError
from pynamodb.transactions import TransactWrite

from chalicelib.domain.errors import EditConflict
from chalicelib.store.catalog.drafts import DatasetItem

_PAUSES = (0.02, 0.05, 0.1, 0.2, 0.4)  # seconds at the most between two tries, as transactions on one item hold it


@contextmanager
def conflicts_as_edit_conflict() -> Iterator[None]:
    """Turn a lost optimistic lock (or a failed condition) into EditConflict; other errors pass."""
    try:
        yield
    except (PutError, UpdateError, DeleteError) as error:
        if error.cause_response_code in ("ConditionalCheckFailedException", "TransactionConflictException"):
            raise EditConflict from error
        raise
    except TransactWriteError as error:
        if _reasons(error) & {"ConditionalCheckFailed", "TransactionConflict"}:
            raise EditConflict from error
        raise


@contextmanager
def one_transaction() -> Iterator[TransactWrite]:
    """A transaction over the catalog: all of its writes, or none with EditConflict."""
    connection = DatasetItem._get_connection().connection
    with conflicts_as_edit_conflict(), _PatientTransaction(connection=connection) as transaction:
        yield transaction


class _PatientTransaction(TransactWrite):
    """A transaction that tries again while others hold one of its items: of a dataset that takes pushes through its
    lane the live item is held many times a second. No condition has failed then, and nothing has been written."""

    def _commit(self) -> Any:
        for pause in _PAUSES:
            try:
                return super()._commit()
            except TransactWriteError as error:
                if _reasons(error) != {"TransactionConflict"}:
                    raise
            time.sleep(random.uniform(0, pause))  # noqa: S311 - jitter needs no secrecy
        return super()._commit()


def _reasons(error: TransactWriteError) -> set[str]:
    """The codes of the writes that stood in the way."""
    return {reason.code for reason in error.cancellation_reasons if reason is not None}
