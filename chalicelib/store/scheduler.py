"""EventBridge Scheduler: the schedules that call the function that refreshes.

API: Scheduler API reference, CreateSchedule. An update replaces the whole schedule.
"""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from functools import cached_property
from typing import Any

import orjson
from botocore.config import Config

from chalicelib.domain.paris_time import TIMEZONE
from chalicelib.domain.scheduler_expression import SchedulerExpression
from chalicelib.store.aws import aws_client

SCHEDULED_TIME = "<aws.scheduler.scheduled-time>"
"""What Scheduler replaces by the time the occurrence was due, in UTC."""

_RETRIES = {"MaximumEventAgeInSeconds": 3600, "MaximumRetryAttempts": 185}  # of a call that Lambda did not take


class Scheduler:
    """The schedules of one deployment: all in one group, and with one target."""

    def __init__(self, *, group: str, role_arn: str, function_arn: str, region: str) -> None:
        self._group, self._role_arn, self._function_arn, self._region = group, role_arn, function_arn, region

    @cached_property
    def _client(self) -> Any:
        config = Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 2, "mode": "standard"})
        return aws_client("scheduler", self._region, config)

    def put(self, name: str, expression: SchedulerExpression, payload: Mapping[str, Any], now: datetime) -> None:
        """Make the schedule of this name, or make it anew, to call the function with this payload."""
        request: dict[str, Any] = {
            "Name": name,
            "GroupName": self._group,
            "ScheduleExpression": expression.expression,
            "ScheduleExpressionTimezone": TIMEZONE,
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": {
                "Arn": self._function_arn,
                "RoleArn": self._role_arn,
                "Input": orjson.dumps(payload).decode(),
                "RetryPolicy": _RETRIES,
            },
        }
        if start := expression.start_date(now):
            request["StartDate"] = start
        try:
            self._client.create_schedule(**request)
        except self._client.exceptions.ConflictException:
            self._client.update_schedule(**request)

    def delete(self, name: str) -> None:
        """Delete the schedule of this name; that there is none is fine."""
        with suppress(self._client.exceptions.ResourceNotFoundException):
            self._client.delete_schedule(Name=name, GroupName=self._group)
