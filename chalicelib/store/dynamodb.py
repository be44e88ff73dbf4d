"""The DynamoDB client of the hot path, deadlines, and the meaning of AWS errors.

The client is pynamodb's own (no parameter validation, pooled), with botocore's retries off: retrying is ours, with
full jitter and a deadline, so that no call outlives the answer.
"""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import orjson
from botocore.exceptions import ClientError, ConnectionError, HTTPClientError
from pynamodb.connection import Connection
from pynamodb.exceptions import PynamoDBException

from chalicelib.domain.errors import TemporarilyUnavailable

THREADS = 4  # calls under way at once; more of them only fight for the interpreter, see decision 0004
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
        "TransactionInProgressException",
    }
)
Item = dict[str, Any]  # an item in DynamoDB's typed JSON: {"pk": {"S": "..."}, ...}
Result = TypeVar("Result")


def hot_client(region: str) -> Any:
    """A DynamoDB client for raw calls, safe to share between threads. Requests must be in DynamoDB's typed JSON."""
    client: Any = Connection(
        region=region,
        connect_timeout_seconds=CONNECT_TIMEOUT,
        read_timeout_seconds=READ_TIMEOUT,
        max_retry_attempts=0,
        max_pool_connections=THREADS,
    ).client
    client._serializer = _WireSerializer()
    agent = client._user_agent_creator.to_string()
    client._user_agent_creator.to_string = lambda: agent  # built anew for each request it takes a tenth of the CPU
    return client


class _WireSerializer:
    """Takes the place of botocore's serializer, which walks every value of a request to bring it into the form that
    our requests have already. It was a quarter of the CPU of a large push; a test compares the two."""

    def serialize_to_request(self, parameters: dict[str, Any], operation_model: Any) -> dict[str, Any]:
        """The HTTP request of a call: DynamoDB's JSON 1.0 protocol."""
        target = f"{operation_model.metadata['targetPrefix']}.{operation_model.name}"
        return {
            "url_path": "/",
            "query_string": "",
            "method": "POST",
            "headers": {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.0"},
            "body": orjson.dumps(parameters),
        }


class Deadline:
    """The moment after which nothing more is started. Seconds from now, by a clock that never jumps."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._end = clock() + seconds

    def remaining(self) -> float:
        """Seconds left, negative when passed."""
        return self._end - self._clock()

    def has_passed(self) -> bool:
        """Whether the moment is over."""
        return self._clock() >= self._end

    def apart(self, seconds: float) -> "Deadline":
        """A deadline of its own by the same clock, that many seconds from now."""
        return Deadline(seconds, self._clock)

    def pause(self, attempt: int) -> None:
        """Wait before the next attempt (0 is the first retry), or give up when the deadline would pass meanwhile."""
        delay = random.uniform(0, min(_MAX_DELAY, _BASE_DELAY * 2**attempt))  # noqa: S311 - jitter, not a secret
        if delay >= self.remaining():
            raise TemporarilyUnavailable
        time.sleep(delay)


def is_retriable(error: Exception) -> bool:
    """Whether the call may succeed when it is sent again: throttled, or AWS out of reach."""
    if isinstance(error, ClientError):
        return error.response["Error"]["Code"] in _RETRIABLE or (
            error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= 500
        )
    return isinstance(error, ConnectionError | HTTPClientError)


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
