"""Faults that pass are told from faults that stay."""

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

from chalicelib.domain.errors import TemporarilyUnavailable
from chalicelib.store.dynamodb import Deadline, aws_faults_as_unavailable, with_retries


def fault(code: str, status: int = 400) -> ClientError:
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "Query")  # type: ignore[typeddict-item]


@pytest.mark.parametrize(
    "passing",
    [fault("ThrottlingException"), fault("Unknown", 500), fault("SlowDown"), ConnectTimeoutError(endpoint_url="x")],
)
def test_a_fault_that_passes_is_tried_again_until_the_deadline(passing: Exception) -> None:
    faults = [passing, passing]

    def call() -> str:
        if faults:
            raise faults.pop()
        return "answer"

    assert with_retries(call, Deadline(5)) == "answer"

    def never() -> str:
        raise passing

    with pytest.raises(TemporarilyUnavailable):
        with_retries(never, Deadline(0.05))
    with pytest.raises(TemporarilyUnavailable), aws_faults_as_unavailable():
        never()


def test_a_fault_that_stays_is_raised_as_it_is() -> None:
    def call() -> str:
        raise fault("AccessDeniedException")

    with pytest.raises(ClientError):
        with_retries(call, Deadline(5))
    with pytest.raises(ClientError), aws_faults_as_unavailable():
        call()
