"""Refuse to start on an emulator other than the one the repairs were written for.

The repairs replace functions of MiniStack that it never promised to keep. Everything they touch is listed here with
its signature, so that an upgrade fails at start with a sentence and not in the middle of a push.
"""

import importlib
import importlib.metadata
import inspect
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

VERSION = "1.5.33"

SIGNATURES = {
    "app._build_persistence_save_dict": "()",
    "app.app": "(scope, receive, send)",
    "core.lambda_runtime.Worker._drain_stderr_bounded": (
        "(self, first_line_wait: float = 0.05, idle_confirm: float = 0.005, hard_cap: float = 0.25) -> str"
    ),
    "app.save_all": "(services: dict) -> None",
    "core.persistence.save_all": "(services: dict) -> None",
    "services.apigateway_v1._GatewayError.__init__": "(self, response_type, message, error_type=None)",
    "services.apigateway_v1._build_lambda_event_v1": (
        "(api_id, stage_name, stage, resource, request_path, method, headers, body, query_params, path_params, *, "
        "binary_media_types=None, authorizer_context=None, caller_identity=None)"
    ),
    "services.apigateway_v1._call_lambda_raw": "(function_ref, event, *, account_id=None, region=None)",
    "services.apigateway_v1._execute_in_scope": (
        "(request, api_id, stage_name, method, path, headers, body, query_params, owner_account_id, owner_region)"
    ),
    "services.apigateway_v1._import_rest_api": "(spec, base_data=None)",
    "services.apigateway_v1._lambda_proxy_response": "(result)",
    "services.apigateway_v1._put_gateway_response": "(api_id, response_type, data)",
    "services.apigateway_v1._put_integration": "(api_id, resource_id, http_method, data)",
    "services.apigateway_v1._put_integration_response": "(api_id, resource_id, http_method, status_code, data)",
    "services.apigateway_v1._put_method_response": "(api_id, resource_id, http_method, status_code, data)",
    "services.apigateway_v1.handle_execute": "(api_id, stage_name, method, path, headers, body, query_params)",
    "services.dynamodb._item_size_bytes": "(item: dict) -> int",
    "services.dynamodb._query": "(data)",
    "services.dynamodb._update_continuous_backups": "(data)",
    "services.dynamodb._update_table": "(data)",
    "services.dynamodb._update_ttl": "(data)",
    "services.eventbridge._cron_next_fire": ("(fields, after_dt: datetime.datetime) -> datetime.datetime | None"),
    "services.eventbridge._invoke_target": "(target, event, rule, view=None)",
    "services.eventbridge._parse_cron_fields": "(expr: str)",
    "services.eventbridge._parse_rate_seconds": "(expr: str) -> int | None",
    "services.lambda_svc._sqs_esm_concurrency": (
        "(esm: dict, func_rec: dict, config: dict, queue: dict | None = None) -> int"
    ),
    "services.s3._atomic_write": "(fpath: str, data: bytes, *, text: bool = False)",
    "services.scheduler._create_schedule": "(name, body)",
    "services.scheduler._error": "(status, code, message)",
    "services.scheduler._tick_schedules": "()",
    "services.scheduler._to_epoch": "(value)",
    "services.scheduler._update_schedule": "(name, body)",
    "services.ses.get_state": "() -> dict",
    "services.ses.load_persisted_state": "(data)",
    "services.sqs.load_persisted_state": "(data)",
}
"""Functions the repairs replace, call or count on, below the package `ministack`, with their signatures."""

HANDLERS = {
    "AWS::DynamoDB::Table": {
        "create": "(logical_id, props, stack_name)",
        "update": "(physical_id, old_props, new_props, stack_name, logical_id=None)",
    },
    "AWS::Scheduler::Schedule": {
        "create": "(logical_id, props, stack_name)",
        "update": "(physical_id, old_props, new_props, stack_name)",
    },
}
"""CloudFormation's resource handlers that a repair completes."""

STORES = (
    "core.persistence.STATE_DIR",
    "services.apigateway_v1._resources",
    "services.apigateway_v1._rest_apis",
    "services.apigateway_v1._stages_v1",
    "services.dynamodb._DDB_PAGE_SIZE_BYTES",
    "services.dynamodb._tables",
    "services.lambda_svc.CODE_BLOB_DIR",
    "services.scheduler._SCHEDULE_TICK_INTERVAL",
    "services.scheduler._schedules",
    "services.ses._sent_emails",
    "services.sqs._queues",
)
"""Module variables that a repair reads or sets."""


class EmulatorMoved(Exception):  # noqa: N818 - it says what happened
    """The installed emulator is not the one the repairs were written for; the message names what moved."""


def check(installed: Callable[[], str] | None = None, find: Callable[[str], Any] | None = None) -> None:
    """Raise EmulatorMoved unless the emulator has the right version and every function and variable relied on.

    `installed` answers its version, `find` an object by its dotted path below `ministack` (AttributeError when gone).
    """
    version = (installed or _installed_version)()
    moved = list(_moved(find or find_in_ministack))
    if version != VERSION:
        moved.insert(0, f"its version is {version}, not {VERSION}")
    if moved:
        raise EmulatorMoved(
            "The local cloud cannot start, the emulator is not the one its repairs were written for: "
            + "; ".join(moved)
            + ". Install the versions of infra/local/requirements.txt (`make run` does after removing "
            ".local/ministack-venv), or bring infra/local/repairs and infra/local/guard.py in line with the new one."
        )


def find_in_ministack(path: str) -> Any:
    """The object at the dotted `path` below the package `ministack`; AttributeError when it is not there."""
    parts = path.split(".")
    depth = 1 if parts[0] == "app" else 2
    if path.startswith("services.cloudformation."):
        depth = 3
    found: Any = importlib.import_module("ministack." + ".".join(parts[:depth]))
    for name in parts[depth:]:
        found = getattr(found, name)
    return found


def _installed_version() -> str:
    return importlib.metadata.version("ministack")


def _moved(find: Callable[[str], Any]) -> Iterator[str]:
    for path, expected in SIGNATURES.items():
        yield from _differs(f"ministack.{path}", expected, partial(find, path))
    for kind, operations in HANDLERS.items():
        for operation, expected in operations.items():
            handler = partial(_handler, find, kind, operation)
            yield from _differs(f"CloudFormation's {operation} of {kind}", expected, handler)
    for path in STORES:
        try:
            find(path)
        except (AttributeError, ImportError):
            yield f"ministack.{path} is gone"


def _handler(find: Callable[[str], Any], kind: str, operation: str) -> Any:
    return find("services.cloudformation.provisioners._RESOURCE_HANDLERS")[kind][operation]


def _differs(name: str, expected: str, get: Callable[[], Any]) -> Iterator[str]:
    try:
        signature = str(inspect.signature(get()))
    except (AttributeError, ImportError, KeyError):
        yield f"{name} is gone"
        return
    if signature != expected:
        yield f"{name} takes {signature}, not {expected}"
