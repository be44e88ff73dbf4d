"""Sending mails, by SES."""

from functools import cached_property
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionError, HTTPClientError

from chalicelib.domain.errors import TemporarilyUnavailable
from chalicelib.domain.mail_layout import Mail
from chalicelib.store.aws import aws_client
from chalicelib.store.dynamodb import CONNECT_TIMEOUT, READ_TIMEOUT, is_retriable

# What is wrong with SES or the account, not with one mail: the others would fare no better.
_NOT_NOW = frozenset(
    {
        "AccountSuspendedException",
        "LimitExceededException",
        "MailFromDomainNotVerifiedException",
        "SendingPausedException",
        "TooManyRequestsException",
    }
)


class MailRefused(Exception):  # noqa: N818 - it says what happened; it refuses no request
    """SES does not take this mail; the message is SES's."""


class Mailer:
    """Sends mails from one address. The identity behind it is verified in SES by those who run the deployment."""

    def __init__(self, sender: str, configuration_set: str | None, region: str, client: Any = None) -> None:
        self._sender, self._configuration_set, self._region = sender, configuration_set, region
        self._given_client = client

    def send(self, mail: Mail) -> None:
        """Hand a mail over to SES, once. Raises MailRefused, or TemporarilyUnavailable when it may be taken later."""
        try:
            self._client.send_email(**self.request(mail))
        except ClientError as error:
            if error.response["Error"]["Code"] in _NOT_NOW or is_retriable(error):
                raise TemporarilyUnavailable from error
            raise MailRefused(str(error)) from error
        except (ConnectionError, HTTPClientError) as error:
            raise TemporarilyUnavailable from error

    def request(self, mail: Mail) -> dict[str, Any]:
        """The mail as SES is asked to send it."""
        headers = [{"Name": name, "Value": value} for name, value in mail.headers.items()]
        content = {
            "Subject": {"Data": mail.subject, "Charset": "UTF-8"},
            "Body": {
                "Text": {"Data": mail.text, "Charset": "UTF-8"},
                "Html": {"Data": mail.html, "Charset": "UTF-8"},
            },
            **({"Headers": headers} if headers else {}),
        }
        named = {"ConfigurationSetName": self._configuration_set} if self._configuration_set else {}
        return {
            "FromEmailAddress": self._sender,
            "Destination": {"ToAddresses": [mail.to]},
            "Content": {"Simple": content},
            "EmailTags": [{"Name": name, "Value": value} for name, value in mail.tags.items()],
            **named,
        }

    @cached_property
    def _client(self) -> Any:
        # A call that is repeated by botocore could send a mail twice: the outbox repeats.
        config = Config(connect_timeout=CONNECT_TIMEOUT, read_timeout=READ_TIMEOUT, retries={"total_max_attempts": 1})
        return self._given_client or aws_client("sesv2", self._region, config)
