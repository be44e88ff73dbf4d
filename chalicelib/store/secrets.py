"""The secrets that push keys are derived from: read by the management API only, never by a push."""

from functools import cached_property

import orjson

from chalicelib.store.aws import aws_client


class PushSecrets:
    """The deployment's push-key secrets, by key id. The secret is JSON: {"current": "k1", "k1": "..."}."""

    def __init__(self, secret_id: str, region: str) -> None:
        self._secret_id, self._region = secret_id, region

    @cached_property
    def _secrets(self) -> dict[str, str]:
        client = aws_client("secretsmanager", self._region)
        secrets: dict[str, str] = orjson.loads(client.get_secret_value(SecretId=self._secret_id)["SecretString"])
        return secrets

    @property
    def current(self) -> str:
        """The key id that new push keys are derived with."""
        return self._secrets["current"]

    def get(self, key_id: str) -> str:
        """The secret of that key id, else KeyError. `current` names one and is none: it is no secret."""
        if key_id == "current":
            raise KeyError(key_id)
        return self._secrets[key_id]
