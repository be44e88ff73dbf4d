"""The function that refreshes, called out of turn: by who asks for a run, and for another attempt."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import orjson
from botocore.config import Config

from chalicelib.store.aws import aws_client


class RefreshFunction:
    """Calls the function without waiting for it. Losing a call loses time only: the tick calls again."""

    def __init__(self, arn: str, region: str) -> None:
        self._arn, self._region = arn, region

    @cached_property
    def _client(self) -> Any:
        config = Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 2, "mode": "standard"})
        return aws_client("lambda", self._region, config)

    def call(self, event: Mapping[str, Any]) -> None:
        """Let the function handle an event, some time soon."""
        self._client.invoke(FunctionName=self._arn, InvocationType="Event", Payload=orjson.dumps(event))
