"""The worker of a local cloud: killing its processes, and how soon what it was doing is given to another one."""

import os
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path

import boto3


class Workers:
    """The processes of the function `apply` of one local cloud, by the environment of its functions."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._endpoint, self._queue = environment["AWS_ENDPOINT_URL"], environment["BELL_QUEUE_URL"]
        names = ("aws_access_key_id", "aws_secret_access_key")
        credentials = {name: environment[name.upper()] for name in names}
        self._sqs = boto3.client(
            "sqs", endpoint_url=self._endpoint, region_name=environment["AWS_REGION"], **credentials
        )

    def come_back_after(self, seconds: int) -> None:
        """Let messages that are received from now on come back so soon, unless they are done. A worker that outlives
        this is joined by another one: only for workers that are about to be killed."""
        self._sqs.set_queue_attributes(QueueUrl=self._queue, Attributes={"VisibilityTimeout": str(seconds)})

    def pids(self) -> set[int]:
        """Those that run now."""
        return set(self._find())

    def kill(self) -> int:
        """Kill them as the operating system would that runs out of memory, those that are idle too; how many."""
        pids = self.pids()
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        return len(pids)

    def _find(self) -> Iterator[int]:
        for folder in Path("/proc").iterdir():
            if not folder.name.isdigit():
                continue
            try:
                environment = (folder / "environ").read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue  # it has ended, or is somebody else's
            settings = dict(part.partition("=")[::2] for part in environment)
            name = settings.get("AWS_LAMBDA_FUNCTION_NAME", "")
            if settings.get("AWS_ENDPOINT_URL") == self._endpoint and "-Apply-" in name:
                yield int(folder.name)
