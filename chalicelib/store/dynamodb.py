"""The DynamoDB client of the hot path, deadlines, and the meaning of AWS errors.

The client sends each call once; retrying is ours, with full jitter and a deadline, so that no call outlives the
answer.
"""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from botocore.exceptions import ClientError, ConnectionError, HTTPClientError
from pynamodb.exceptions import PynamoDBException

from chalicelib.domain.errors import TemporarilyUnavailable
from chalicelib.store.aws import aws_session
from chalicelib.store.connections import Connections
from chalicelib.store.sender import DynamoDBSender, endpoint_url

THREADS = 8  # calls under way at once in a request, see decision 0006
WORKER_THREADS = 24  # the same in a worker with a whole core and many thousands of records
CONNECT_TIMEOUT, READ_TIMEOUT = 2, 5  # seconds; short, so that the join at the deadline is short
_BASE_DELAY, _MAX_DELAY = 0.03, 1.0  # seconds
_RETRIABLE = frozenset(
    {
        "InternalServerError",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "SlowDown",
        "ThrottlingException",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
# Reasons of a cancelled transaction that pass: another one was at the same items, or the table is busy.
_PASSING = frozenset({None, "None", "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})
Item = dict[str, Any]  # an item in DynamoDB's typed JSON: {"pk": {"S": "..."}, ...}
Result = TypeVar("Result")


def hot_client(region: str) -> DynamoDBSender:
    """A client for raw calls, safe to share between threads, that neither retries nor waits long. Requests must be in
    DynamoDB's typed JSON."""
    session = aws_session()
    connections = Connections(
        endpoint_url(session, region),
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=READ_TIMEOUT,
        ca_bundle=session.get_config_variable("ca_bundle"),
    )
    return DynamoDBSender(connections, region, session.get_credentials())


class Deadline:
    """The moment after which nothing more is started. Seconds from now, by a clock that never jumps."""

    def __init__(
        self,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._clock, self._sleep = clock, sleep
        self._start = clock()
        self._end = self._start + seconds

    def elapsed(self) -> float:
        """Seconds since it was made."""
        return self._clock() - self._start

    def remaining(self) -> float:
        """Seconds left, negative when passed."""
        return self._end - self._clock()

    def within(self, seconds: float) -> "Deadline":
        """The deadline that many seconds from now, or this one when it comes first."""
        return Deadline(min(seconds, self.remaining()), self._clock, self._sleep)

    def has_passed(self) -> bool:
        """Whether the moment is over."""
        return self._clock() >= self._end

    def apart(self, seconds: float) -> "Deadline":
        """A deadline of its own by the same clock, that many seconds from now."""
        return Deadline(seconds, self._clock, self._sleep)

    def pause(self, attempt: int) -> None:
        """Wait before the next attempt (0 is the first retry), or give up when the deadline would pass meanwhile."""
        self.sleep(random.uniform(0, min(_MAX_DELAY, _BASE_DELAY * 2**attempt)))  # noqa: S311 - jitter, not a secret

    def sleep(self, seconds: float) -> None:
        """Wait, or give up with TemporarilyUnavailable when the deadline would pass meanwhile."""
        if seconds >= self.remaining():
            raise TemporarilyUnavailable
        if seconds > 0:
            self._sleep(seconds)


def is_retriable(error: Exception) -> bool:
    """Whether the call may succeed when it is sent again: throttled, or AWS out of reach."""
    if isinstance(error, ClientError):
        if error.response["Error"]["Code"] == "TransactionCanceledException":
            reasons = {reason.get("Code") for reason in error.response.get("CancellationReasons", ())}
            return bool(reasons) and reasons <= _PASSING
        return error.response["Error"]["Code"] in _RETRIABLE or (
            error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= 500
        )
    return isinstance(error, ConnectionError | HTTPClientError)


def is_failed_condition(error: ClientError) -> bool:
    """Whether a write, or one of a transaction's, came to nothing because its condition did not hold."""
    code = error.response["Error"]["Code"]
    if code == "TransactionCanceledException":
        reasons: Any = error.response.get("CancellationReasons", ())
        return any(reason.get("Code") == "ConditionalCheckFailed" for reason in reasons)
    return bool(code == "ConditionalCheckFailedException")


def with_retries(call: Callable[[], Result], deadline: Deadline) -> Result:
    """The call's result; throttles and network faults are retried until the deadline, then TemporarilyUnavailable."""
    attempt = 0
    while True:
        if deadline.remaining() <= 0:
            raise TemporarilyUnavailable
        try:
            return call()
        except (ClientError, ConnectionError, HTTPClientError) as error:
            if not is_retriable(error):
                raise
            failure = error
        try:
            deadline.pause(attempt)
        except TemporarilyUnavailable as given_up:
            raise given_up from failure
        attempt += 1


@contextmanager
def aws_faults_as_unavailable() -> Iterator[None]:
    """Turn throttles and network faults of management calls (botocore's and pynamodb's) into a 503."""
    try:
        yield
    except (ClientError, ConnectionError, HTTPClientError) as error:
        if is_retriable(error):
            raise TemporarilyUnavailable from error
        raise
    except PynamoDBException as error:
        if isinstance(error.cause, Exception) and is_retriable(error.cause):
            raise TemporarilyUnavailable from error
        raise
