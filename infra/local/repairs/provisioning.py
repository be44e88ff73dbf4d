"""CloudFormation: properties of tables and schedules that the emulator's provisioners drop."""

from collections.abc import Callable, Mapping
from typing import Any

from ministack.services import dynamodb, scheduler
from ministack.services.cloudformation import provisioners

_SCHEDULE_PROPERTIES = ("ScheduleExpressionTimezone", "StartDate", "EndDate", "ActionAfterCompletion")


def apply() -> None:
    """Make tables keep their TTL, recovery and encryption, and schedules their zone and dates."""
    _complete("AWS::DynamoDB::Table", _complete_table)
    _complete("AWS::Scheduler::Schedule", _complete_schedule)


def _complete(kind: str, complete: Callable[[str, Mapping[str, Any]], None]) -> None:
    handler = provisioners._RESOURCE_HANDLERS[kind]
    create, update = handler["create"], handler["update"]

    def create_whole(logical_id: str, props: Mapping[str, Any], stack_name: str) -> Any:
        result = create(logical_id, props, stack_name)
        complete(result[0], props)
        return result

    def update_whole(
        physical_id: str, old_props: Mapping[str, Any], new_props: Mapping[str, Any], stack_name: str, **named: Any
    ) -> Any:
        result = update(physical_id, old_props, new_props, stack_name, **named)
        complete(result[0], new_props)
        return result

    handler["create"], handler["update"] = create_whole, update_whole


def _complete_table(name: str, props: Mapping[str, Any]) -> None:
    calls = {
        "TimeToLiveSpecification": dynamodb._update_ttl,
        "PointInTimeRecoverySpecification": dynamodb._update_continuous_backups,
    }
    for key, call in calls.items():
        if props.get(key):
            _accepted(call({"TableName": name, key: props[key]}), name)
    if props.get("SSESpecification"):
        encryption = {"Enabled": bool(props["SSESpecification"].get("SSEEnabled"))}
        _accepted(dynamodb._update_table({"TableName": name, "SSESpecification": encryption}), name)


def _accepted(response: Any, name: str) -> None:
    if response[0] >= 400:
        raise ValueError(f"Table {name} could not be completed: {response[2]!r}")


def _complete_schedule(name: str, props: Mapping[str, Any]) -> None:
    record = scheduler._schedules.get(f"{props.get('GroupName', 'default')}/{name}")
    if record is not None:
        record.update({key: props[key] for key in _SCHEDULE_PROPERTIES if props.get(key)})
