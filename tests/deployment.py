"""A deployment in memory: moto's AWS with the tables and buckets of the production template.

moto answers in place of the network inside botocore, which the sender of the hot path does without: the stores get
botocore's client, which takes and answers the same. The sender has its own tests, over HTTP.
"""

import copy
import errno
import json
import logging
import socket
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws
from moto.dynamodb.models import dynamodb_backends

from chalicelib import wiring
from chalicelib.services.publication.plan import Limits
from chalicelib.sources.address_guard import AddressGuard, dial
from chalicelib.sources.timed_socket import TimedSocket
from chalicelib.store.aws import aws_client
from chalicelib.store.catalog.binding import bind_models
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.stores import Names, Stores
from chalicelib.triggers.bell import handle
from tests import fast_moto, no_secrets
from tests.strict_dynamodb import StrictDynamoDB

REGION = "eu-west-3"
NOW = datetime(2026, 3, 29, 10, 30, tzinfo=UTC)
MAIL_FROM = "Freshwire <alerts@freshwire.example>"
TEMPLATE = Path(__file__).parent.parent / "infra" / "state.yaml"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION,
}
# The stack's outputs, by the name of the environment variable that carries them.
OUTPUTS = {
    "CATALOG_TABLE": "CatalogTable",
    "RECORDS_TABLE": "RecordsTable",
    "ACTIVITY_TABLE": "ActivityTable",
    "FILES_BUCKET": "FilesBucket",
    "SOURCES_BUCKET": "SourcesBucket",
    "EXPORTS_BUCKET": "ExportsBucket",
    "LANE_BUCKET": "LaneBucket",
    "BACKUPS_BUCKET": "BackupsBucket",
    "BELL_QUEUE_URL": "BellQueueUrl",
    "PUSH_SECRET_ID": "PushSecret",
    "SCHEDULE_GROUP": "ScheduleGroup",
    "SCHEDULER_ROLE_ARN": "SchedulerRoleArn",
    "REFRESH_FUNCTION_ARN": "RefreshFunctionArn",
}


def create_state() -> dict[str, str]:
    """Create the state stack and return the environment that the application reads."""
    cloudformation = aws_client("cloudformation", REGION)
    with warnings.catch_warnings():
        logging.getLogger("moto").setLevel(logging.ERROR)
        # moto's CloudFormation passes over secrets, schedule groups and policies: those are made by hand.
        warnings.filterwarnings("ignore", message="Tried to parse AWS::")
        cloudformation.create_stack(
            StackName="freshwire-test",
            TemplateBody=TEMPLATE.read_text(),
            Parameters=[{"ParameterKey": "Stage", "ParameterValue": "test"}],
        )
        stack = cloudformation.describe_stacks(StackName="freshwire-test")["Stacks"][0]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    outputs["PushSecret"] = "freshwire-test-push-keys"
    aws_client("secretsmanager", REGION).create_secret(
        Name=outputs["PushSecret"], SecretString=json.dumps({"current": "k1", "k1": "a secret of the tests"})
    )
    outputs["ScheduleGroup"] = "freshwire-test"
    aws_client("scheduler", REGION).create_schedule_group(Name=outputs["ScheduleGroup"])
    outputs["RefreshFunctionArn"] = f"arn:aws:lambda:{REGION}:123456789012:function:freshwire-test-refresh"
    aws_client("sesv2", REGION).create_email_identity(EmailIdentity="freshwire.example")
    return {
        "FRESHWIRE_STAGE": "test",
        "FRESHWIRE_MAIL_FROM": MAIL_FROM,
        "AWS_REGION": REGION,
        **{variable: outputs[name] for variable, name in OUTPUTS.items()},
    }


def stores_of(environment: dict[str, str]) -> Stores:
    """The stores over a state made by `create_state`, with a client as strict as AWS."""
    names = Names(
        stage=environment["FRESHWIRE_STAGE"],
        region=REGION,
        mail_from=environment.get("FRESHWIRE_MAIL_FROM"),
        **{variable.lower(): environment[variable] for variable in OUTPUTS},
    )
    bind_models(names.catalog_table, REGION)
    return Stores(names, strict_client())


def strict_client() -> StrictDynamoDB:
    """A client of moto's DynamoDB that is as strict as AWS."""
    return StrictDynamoDB(aws_client("dynamodb", REGION))


def _resolve_numbers(host: str, port: int, **options: Any) -> Any:
    try:
        return socket.getaddrinfo(host, port, flags=socket.AI_NUMERICHOST, **options)
    except socket.gaierror:
        raise socket.gaierror(socket.EAI_AGAIN, "the tests ask no resolver") from None


def _dial_loopback(family: int, address: Any, seconds: float) -> TimedSocket:
    if not ip_address(address[0]).is_loopback:
        raise OSError(errno.ENETUNREACH, "the tests stay on this machine")
    return dial(family, address, seconds)


LOOPBACK_ONLY = AddressGuard(allow_private=True, resolve=_resolve_numbers, dial=_dial_loopback)
LOOPBACK_LIMITS = Limits(guard=LOOPBACK_ONLY)
"""Lets tests fetch from servers of their own; all else is unreachable, and at once."""


@contextmanager
def deployment() -> Iterator[tuple[Stores, dict[str, str]]]:
    """Fresh state, the stores over it, and the application's environment."""
    fast_moto.install()
    with mock_aws():
        environment = create_state()
        yield stores_of(environment), environment
        no_secrets.inspect_kept(tables_text, "a table")


def tables_text() -> str:
    """All that moto's tables hold, as text."""
    tables = [table for regions in dynamodb_backends.values() for table in regions[REGION].tables.values()]
    return json.dumps([item.to_json() for table in tables for item in table.all_items()])


@contextmanager
def wired(environment: Mapping[str, str]) -> Iterator[None]:
    """The application's own wiring over a state made by `create_state`."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        _forget_wiring()
        wiring.stores().client = strict_client()
        patch.setattr(wiring, "address_guard", lambda: LOOPBACK_ONLY)
        yield
        _forget_wiring()


def _forget_wiring() -> None:
    wiring.settings.cache_clear()
    wiring.stores.cache_clear()
    wiring.worker_stores.cache_clear()


def work(
    stores: Stores,
    clock: Callable[[], datetime] = lambda: NOW,
    *,
    most: int = 100,
    limits: Limits = LOOPBACK_LIMITS,
    deadline: Callable[[], Deadline] = lambda: PatientDeadline(60),
    expect_silence: bool = True,
) -> int:
    """Do what the bell was rung for, as the worker does, until it is silent; how many messages that took. A message
    that fails stays invisible, as in the queue of a deployment."""
    sqs = aws_client("sqs", REGION)
    for number in range(most):
        asked = {"QueueUrl": stores.names.bell_queue_url, "AttributeNames": ["All"], "MaxNumberOfMessages": 1}
        messages = sqs.receive_message(**asked).get("Messages", [])
        if not messages:
            return number
        (message,) = messages
        event = {
            "body": message["Body"],
            "receiptHandle": message["ReceiptHandle"],
            "attributes": message["Attributes"],
        }
        try:
            handle(stores, event, clock, deadline(), limits)
        except BaseException:  # as when the visibility time-out has passed
            sqs.change_message_visibility(**_handle(stores, message), VisibilityTimeout=0)
            raise
        sqs.delete_message(**_handle(stores, message))
    if not expect_silence:
        return most
    raise AssertionError(f"the bell is still ringing after {most} messages")


def lose_rings(stores: Stores) -> None:
    """Let the bell's queue forget what it was told."""
    sqs, queue = aws_client("sqs", REGION), stores.names.bell_queue_url
    while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])


def _handle(stores: Stores, message: Mapping[str, Any]) -> dict[str, str]:
    return {"QueueUrl": stores.names.bell_queue_url, "ReceiptHandle": message["ReceiptHandle"]}


class PatientDeadline(Deadline):
    """A deadline under which nobody really waits."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds, sleep=lambda _seconds: None)


class Tables:
    """What moto's tables hold now, to be put back later: examples that share a deployment begin alike."""

    def __init__(self) -> None:
        self._items = {name: copy.deepcopy(table.items) for name, table in _tables().items()}

    def put_back(self) -> None:
        """Make the tables as they were."""
        for name, table in _tables().items():
            table.items = copy.deepcopy(self._items[name])


def _tables() -> dict[str, Any]:
    return {name: table for regions in dynamodb_backends.values() for name, table in regions[REGION].tables.items()}
