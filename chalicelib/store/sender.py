"""A lean sender of raw DynamoDB calls, in place of botocore's client on the hot path (decision 0006).

Requests and answers are DynamoDB's JSON as it goes over the wire, so binary values are base64 text. Faults are
botocore's exceptions. Only the way to the endpoint is short: one serialisation, one signature, one write. Nothing is
retried here (see `store/dynamodb.py`) but what certainly changes nothing twice.
"""

import time
import zlib
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any
from uuid import uuid4

import orjson
from botocore.configprovider import ConfiguredEndpointProvider
from botocore.endpoint_provider import EndpointProvider
from botocore.exceptions import ClientError, HTTPClientError, NoCredentialsError

from chalicelib.store.connections import Answer, Connections
from chalicelib.store.signature import Signer

_LEAST_SKEW = 60  # seconds; AWS takes signatures that are up to 5 minutes off
_SKEW_CODES = frozenset({"InvalidSignatureException", "RequestExpired", "RequestTimeTooSkewed"})


def endpoint_url(session: Any, region: str) -> str:
    """Where a botocore session's DynamoDB is: as the environment or the configuration file says
    (`AWS_ENDPOINT_URL_DYNAMODB`, `AWS_ENDPOINT_URL`), or by AWS's rules for the region."""
    if not session.get_config_variable("ignore_configured_endpoint_urls"):
        provider = ConfiguredEndpointProvider(session.full_config, session.get_scoped_config(), "dynamodb")
        if configured := provider.provide():
            return str(configured)
    loader = session.get_component("data_loader")
    rules = loader.load_service_model("dynamodb", "endpoint-rule-set-1")
    resolved = EndpointProvider(rules, loader.load_data("partitions")).resolve_endpoint(
        Region=region,
        UseFIPS=session.get_config_variable("use_fips_endpoint") or False,
        UseDualStack=session.get_config_variable("use_dualstack_endpoint") or False,
    )
    return str(resolved.url)


def _operation(name: str) -> Callable[..., dict[str, Any]]:
    def call(self: "DynamoDBSender", **request: Any) -> dict[str, Any]:
        return self.call(name, request)

    return call


class DynamoDBSender:
    """Sends DynamoDB calls to one endpoint; safe to share between threads, and holds none of its own.

    Called like botocore's client: `sender.query(TableName=...)` answers the parsed JSON. Raises ClientError for what
    DynamoDB refuses, subclasses of botocore's ConnectionError and HTTPClientError for what goes wrong on the way.
    `credentials` are botocore's, asked for each call, so that they refresh themselves.
    """

    query = _operation("Query")
    get_item = _operation("GetItem")
    put_item = _operation("PutItem")
    update_item = _operation("UpdateItem")
    delete_item = _operation("DeleteItem")
    batch_get_item = _operation("BatchGetItem")
    batch_write_item = _operation("BatchWriteItem")

    def __init__(
        self, connections: Connections, region: str, credentials: Any, clock: Callable[[], float] = time.time
    ) -> None:
        if credentials is None:
            raise NoCredentialsError
        self._connections, self._credentials, self._clock = connections, credentials, clock
        self._signer = Signer(region, connections.host)
        self._skew = 0.0  # seconds the server's clock is ahead of ours

    def transact_write_items(self, **request: Any) -> dict[str, Any]:
        """A transaction. It gets a token, as botocore gives it one, by which DynamoDB knows it when it comes twice;
        a caller that repeats its call should give a `ClientRequestToken` of its own."""
        return self.call("TransactWriteItems", {"ClientRequestToken": str(uuid4()), **request})

    def close(self) -> None:
        """Close the connections that are idle."""
        self._connections.close()

    def call(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Send one call and answer its result."""
        body, is_repeatable = orjson.dumps(request), _is_repeatable(operation, request)
        signed_at = self._clock() + self._skew
        answer = self._exchange(operation, body, signed_at, is_repeatable)
        if answer.status >= 300 and self._learns_time(answer, signed_at):
            answer = self._exchange(operation, body, self._clock() + self._skew, is_repeatable)
        if answer.status >= 300:
            raise _refusal(operation, answer)
        return _parsed(answer)

    def _exchange(self, operation: str, body: bytes, at: float, is_repeatable: bool) -> Answer:
        credentials = self._credentials.get_frozen_credentials()
        signed = self._signer.headers(f"DynamoDB_20120810.{operation}", body, credentials, at)
        lines = "".join([f"{name}: {value}\r\n" for name, value in signed.items()])
        head = f"POST / HTTP/1.1\r\n{lines}accept-encoding: identity\r\ncontent-length: {len(body)}\r\n\r\n"
        answer = self._connections.exchange(head.encode() + body, is_repeatable=is_repeatable)
        checksum = answer.headers.get("x-amz-crc32")
        if checksum is not None and checksum != str(zlib.crc32(answer.body)):
            raise HTTPClientError(error="the answer does not match its checksum")
        return answer

    def _learns_time(self, answer: Answer, signed_at: float) -> bool:
        """Whether the call was refused because our clock is wrong, which is set right by the server's. Nothing was
        carried out: it can be sent again."""
        if "date" not in answer.headers or _code(answer) not in _SKEW_CODES:
            return False
        now = parsedate_to_datetime(answer.headers["date"]).timestamp()
        if abs(now - signed_at) < _LEAST_SKEW:
            return False
        self._skew = now - self._clock()
        return True


def _is_repeatable(operation: str, request: Mapping[str, Any]) -> bool:
    """Whether DynamoDB may get the request twice: it then changes nothing more, and the answer is the same."""
    return operation != "UpdateItem" and "ConditionExpression" not in request and "ReturnValues" not in request


def _parsed(answer: Answer) -> dict[str, Any]:
    try:
        parsed: dict[str, Any] = orjson.loads(answer.body)
    except orjson.JSONDecodeError as error:
        raise HTTPClientError(error="the answer is not JSON") from error
    return parsed


def _refusal(operation: str, answer: Answer) -> ClientError:
    """The exception for an answer that is no success. What DynamoDB tells beside code and message (`Item`,
    `CancellationReasons`) stands beside them as botocore has it."""
    content = _content(answer)
    error = {"Code": _code(answer), "Message": content.get("message", content.get("Message", ""))}
    metadata = {
        "RequestId": answer.headers.get("x-amzn-requestid", ""),
        "HTTPStatusCode": answer.status,
        "HTTPHeaders": answer.headers,
        "RetryAttempts": 0,
    }
    return ClientError({**content, "Error": error, "ResponseMetadata": metadata}, operation)


def _code(answer: Answer) -> str:
    """The name of a refusal, or the status of one that is not DynamoDB's."""
    return str(_content(answer).get("__type", answer.status)).rpartition("#")[2]


def _content(answer: Answer) -> dict[str, Any]:
    """The JSON of a refusal; an answer that is none (a load balancer's) is its own message."""
    try:
        content = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        content = None
    return content if isinstance(content, dict) else {"message": answer.body.decode("utf-8", "replace")}
