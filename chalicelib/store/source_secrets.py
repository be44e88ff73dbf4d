"""The secrets of remote sources: one SSM parameter (SecureString) each, and no table holds them."""

import secrets
from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError

from chalicelib.store.aws import aws_client
from chalicelib.store.dynamodb import aws_faults_as_unavailable

_DELETE_BATCH = 10
_MOST_KNOWN = 100


class SourceSecretStore:
    """Secrets under `/freshwire/{stage}/sources/`. A name is written once, so what was read is known for good: a
    container asks once for each. The client is made at first use, and waits for seconds only."""

    def __init__(self, stage: str, region: str) -> None:
        self._prefix, self._region = f"/freshwire/{stage}/sources", region
        self._known: dict[str, str] = {}

    @cached_property
    def _client(self) -> Any:
        retries = {"total_max_attempts": 2, "mode": "standard"}
        config = Config(connect_timeout=2, read_timeout=5, retries=retries)
        return aws_client("ssm", self._region, config)

    def new_name(self, dataset_uid: str, resource_uid: str, now: datetime) -> str:
        """A name that no secret has had; `made_at` tells its age."""
        return f"{self._prefix}/{dataset_uid}/{resource_uid}/{int(now.timestamp())}-{secrets.token_hex(8)}"

    def put(self, name: str, text: str) -> None:
        """Keep a secret of at most 4,096 bytes, encrypted by the account's key for parameters."""
        with aws_faults_as_unavailable():
            self._client.put_parameter(Name=name, Value=text, Type="SecureString", Tier="Standard", Overwrite=True)
        self._remember(name, text)

    def get(self, name: str) -> str | None:
        """The secret of that name, or None when there is none."""
        if name not in self._known:
            try:
                with aws_faults_as_unavailable():
                    answer = self._client.get_parameter(Name=name, WithDecryption=True)
            except ClientError as error:
                if error.response["Error"]["Code"] == "ParameterNotFound":
                    return None
                raise
            self._remember(name, answer["Parameter"]["Value"])
        return self._known[name]

    def delete(self, names: Sequence[str]) -> None:
        """Remove secrets; those that are not there are passed over."""
        for i in range(0, len(names), _DELETE_BATCH):
            with aws_faults_as_unavailable():
                self._client.delete_parameters(Names=list(names[i : i + _DELETE_BATCH]))
        for name in names:
            self._known.pop(name, None)

    def _remember(self, name: str, text: str) -> None:
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[name] = text


def made_at(name: str) -> int:
    """When a name was made, in seconds since 1970."""
    return int(name.rpartition("/")[2].partition("-")[0])
