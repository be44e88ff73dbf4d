"""API Gateway: limits, compressed bodies, and what an imported API says about mocks, binary types and refusals."""

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any
from urllib.parse import unquote

from ministack.services import apigateway_v1 as gateway

from infra.local import limits


class EventTooLarge(Exception):  # noqa: N818 - it says what happened
    """Lambda would refuse the event that the gateway built."""


class ApplicationFailed(Exception):  # noqa: N818 - it says what happened
    """The function raised, timed out, died, or answered more than Lambda returns."""


def apply() -> None:
    """Repair the gateway in this process."""
    gateway._import_rest_api = _importing_whole(gateway._import_rest_api)
    gateway._build_lambda_event_v1 = _decoding_parameters(gateway._build_lambda_event_v1)
    gateway._call_lambda_raw = _weighing(gateway._call_lambda_raw)
    gateway._lambda_proxy_response = _reporting_failure(gateway._lambda_proxy_response)
    gateway._execute_in_scope = within_limits(gateway._execute_in_scope)


def within_limits(execute: Any, *, seconds: float = limits.ANSWER_SECONDS) -> Any:
    """Make `execute` refuse what the real gateway refuses, as errors that the API's gateway responses then word."""

    async def execute_within_limits(request: dict[str, Any], api_id: str, stage_name: str, *call: Any) -> Any:
        stage = gateway._stages_v1.get(api_id, {}).get(stage_name)
        if stage is None:
            return await execute(request, api_id, stage_name, *call)
        request["stage"] = stage  # gateway responses are those of the stage's deployment
        method, path, headers, body, *scope = call
        try:
            body = _carried(body, headers)
            execution = execute(request, api_id, stage_name, method, path, headers, body, *scope)
            return await _in_time(execution, seconds)
        except (limits.TooLarge, EventTooLarge):
            return gateway._GatewayError("REQUEST_TOO_LARGE", "Request Too Long")
        except limits.NotCompressed as problem:
            return gateway._GatewayError("BAD_REQUEST_BODY", str(problem))
        except TimeoutError:
            return gateway._GatewayError("INTEGRATION_TIMEOUT", "Endpoint request timed out")
        except ApplicationFailed:
            return gateway._GatewayError("INTEGRATION_FAILURE", "Internal server error")

    return execute_within_limits


def _carried(body: bytes, headers: Mapping[str, str]) -> bytes:
    """The body as the application gets it: inflated. Raises TooLarge, NotCompressed."""
    if len(body) > limits.REQUEST_BYTES:
        raise limits.TooLarge
    return limits.inflated(body, headers.get("content-encoding", ""))


async def _in_time(execution: Coroutine[Any, Any, Any], seconds: float) -> Any:
    """Wait as long as the gateway waits. A function that overruns goes on, as on AWS: only its client is answered."""
    answer = asyncio.ensure_future(execution)
    answer.add_done_callback(_look_at)
    return await asyncio.wait_for(asyncio.shield(answer), seconds)


def _look_at(answer: asyncio.Future[Any]) -> None:
    """Take note of a late failure, which nobody waits for any more."""
    if not answer.cancelled():
        answer.exception()


def _weighing(call: Any) -> Any:
    async def weighing(function_ref: str, event: Any, *, account_id: Any = None, region: Any = None) -> Any:
        if limits.event_is_too_large(event):
            raise EventTooLarge
        result, problem = await call(function_ref, event, account_id=account_id, region=region)
        if result and limits.answer_is_too_large(result.get("body")):
            raise ApplicationFailed
        return result, problem

    return weighing


def _reporting_failure(shape: Any) -> Any:
    def reporting_failure(result: Any) -> Any:
        answer, problem = shape(result)
        if problem is not None:
            # The text is the function's stack trace; the gateway never shows one.
            gateway.logger.warning("The application failed: %s", problem)
            raise ApplicationFailed
        return answer, None

    return reporting_failure


def _decoding_parameters(build: Any) -> Any:
    """The front routes on the path as it was sent, so that `%2F` stays inside its segment; decode afterwards."""

    def decoding_parameters(*args: Any, **named: Any) -> Any:
        event = build(*args, **named)
        if event["pathParameters"]:
            event["pathParameters"] = {key: unquote(value) for key, value in event["pathParameters"].items()}
        return event

    return decoding_parameters


def _importing_whole(import_api: Any) -> Any:
    def importing_whole(spec: Mapping[str, Any], base_data: Mapping[str, Any] | None = None) -> Any:
        data = dict(base_data or {})
        data["binaryMediaTypes"] = (
            data.get("binaryMediaTypes") or spec.get("x-amazon-apigateway-binary-media-types") or []
        )
        api_id = import_api(spec, data)
        for name, response in (spec.get("x-amazon-apigateway-gateway-responses") or {}).items():
            _accepted(gateway._put_gateway_response(api_id, name, response), name)
        _import_mocks(api_id, spec.get("paths") or {})
        return api_id

    return importing_whole


def _import_mocks(api_id: str, paths: Mapping[str, Any]) -> None:
    """Chalice describes a CORS preflight as a mock whose responses carry the headers."""
    for resource_id, resource in gateway._resources.get(api_id, {}).items():
        for verb, operation in paths.get(resource["path"], {}).items():
            integration = (operation or {}).get("x-amazon-apigateway-integration") or {}
            if (integration.get("type") or "").lower() == "mock":
                _import_mock(api_id, resource_id, verb.upper(), integration)


def _import_mock(api_id: str, resource_id: str, verb: str, integration: Mapping[str, Any]) -> None:
    description = {
        "type": "MOCK",
        "requestTemplates": integration.get("requestTemplates", {}),
        "passthroughBehavior": integration.get("passthroughBehavior"),
    }
    _accepted(gateway._put_integration(api_id, resource_id, verb, description), verb)
    for pattern, response in integration.get("responses", {}).items():
        status = str(response.get("statusCode", "200" if pattern == "default" else pattern))
        parameters = response.get("responseParameters", {})
        declared = {"responseParameters": dict.fromkeys(parameters, False)}
        _accepted(gateway._put_method_response(api_id, resource_id, verb, status, declared), verb)
        mapped = {"responseParameters": parameters, "responseTemplates": response.get("responseTemplates", {})}
        _accepted(gateway._put_integration_response(api_id, resource_id, verb, status, mapped), verb)


def _accepted(response: Any, what: str) -> None:
    if response[0] >= 400:
        raise ValueError(f"The gateway refuses {what}: {response[2]!r}")
