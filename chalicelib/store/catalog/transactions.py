"""Transactions of the catalog, and what a lost race becomes."""

from collections.abc import Iterator
from contextlib import contextmanager

from pynamodb.exceptions import DeleteError, PutError, TransactWriteError, UpdateError
from pynamodb.transactions import TransactWrite

from chalicelib.domain.errors import EditConflict
from chalicelib.store.catalog.drafts import DatasetItem


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
        reasons = {reason.code for reason in error.cancellation_reasons if reason is not None}
        if reasons & {"ConditionalCheckFailed", "TransactionConflict"}:
            raise EditConflict from error
        raise


@contextmanager
def one_transaction() -> Iterator[TransactWrite]:
    """A transaction over the catalog: all of its writes, or none with EditConflict."""
    connection = DatasetItem._get_connection().connection
    with conflicts_as_edit_conflict(), TransactWrite(connection=connection) as transaction:
        yield transaction
