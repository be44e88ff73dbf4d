"""The hot client sends what botocore would, and tells faults that pass from faults that stay."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError
from botocore.session import get_session
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.errors import TemporarilyUnavailable
from chalicelib.store.dynamodb import (
    THREADS,
    Deadline,
    _WireSerializer,
    aws_faults_as_unavailable,
    hot_client,
    with_retries,
)

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
ITEMS = st.dictionaries(
    st.sampled_from(["pk", "sk", "d", "t", "f"]),
    st.fixed_dictionaries({"S": TEXTS})
    | st.fixed_dictionaries({"N": st.integers().map(str)})
    | st.fixed_dictionaries({"M": st.dictionaries(TEXTS, st.fixed_dictionaries({"S": TEXTS}), max_size=3)}),
    min_size=1,
)


@given(st.lists(ITEMS, min_size=1, max_size=5))
def test_requests_are_those_that_botocore_would_send(items: list[dict[str, Any]]) -> None:
    client = get_session().create_client("dynamodb", region_name="eu-west-3")
    operation = client.meta.service_model.operation_model("BatchWriteItem")
    request = {"RequestItems": {"records": [{"PutRequest": {"Item": item}} for item in items]}}
    ours = _WireSerializer().serialize_to_request(request, operation)
    theirs = client._serializer.serialize_to_request(request, operation)
    assert json.loads(ours.pop("body")) == json.loads(theirs.pop("body"))
    assert ours == {name: theirs[name] for name in ours}


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


def test_the_hot_client_neither_retries_nor_waits_long() -> None:
    config = hot_client("eu-west-3").meta.config
    assert config.retries["total_max_attempts"] == 1
    assert config.connect_timeout + config.read_timeout <= 7
    assert config.max_pool_connections == THREADS
