"""One local cloud for the tests of this folder that need one."""

from collections.abc import Iterator

import boto3
import httpx
import pytest

from infra.local.process import Running
from tests.infra.emulator import echo_cloud

REGION = "eu-west-3"


@pytest.fixture(scope="session")
def echo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A local cloud with the small application of `echo_app.py`."""
    with echo_cloud(tmp_path_factory.mktemp("echo")) as running:
        yield running


@pytest.fixture
def client(echo: Running) -> Iterator[httpx.Client]:
    """HTTP to the application."""
    with httpx.Client(base_url=f"{echo.url}/api", timeout=60) as http:
        yield http


@pytest.fixture
def aws(echo: Running, monkeypatch: pytest.MonkeyPatch) -> boto3.session.Session:
    """AWS clients of the local cloud."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", echo.endpoint_url)
    return boto3.session.Session(aws_access_key_id="local", aws_secret_access_key="local", region_name=REGION)
