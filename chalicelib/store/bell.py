"""The bell: a FIFO queue whose messages only say which dataset has something to do. What it is lies in the tables."""

from functools import cached_property
from typing import Any

import orjson
from botocore.config import Config

from chalicelib.store.aws import aws_client


class Bell:
    """Rings for a dataset. `group` keeps apart what may be done at the same time: messages of one group are handled
    one after the other. Losing a ring loses time only: the tick rings again."""

    def __init__(self, queue_url: str, region: str) -> None:
        self._queue_url, self._region = queue_url, region

    @cached_property
    def _client(self) -> Any:
        config = Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 2, "mode": "standard"})
        return aws_client("sqs", self._region, config)

    def ring(self, task: str, name: str, *, group: str, token: str) -> None:
        """Say that there is a task (`lane`, ...) for `name`. Rings with the same token within five minutes are one."""
        self._client.send_message(
            QueueUrl=self._queue_url,
            MessageBody=orjson.dumps({"task": task, "name": name}).decode(),
            MessageGroupId=group,
            MessageDeduplicationId=token,
        )

    def hush(self, receipt_handle: str, seconds: int) -> None:
        """Let a message that could not be handled come back after so many seconds, and not only after the queue's
        visibility time-out."""
        self._client.change_message_visibility(
            QueueUrl=self._queue_url, ReceiptHandle=receipt_handle, VisibilityTimeout=seconds
        )
