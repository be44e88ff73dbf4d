"""The product on a local cloud: deploy the application, make an API key, and throw-away clouds for tests."""

import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import parseaddr
from pathlib import Path

import boto3

from infra.deploy import Deployed, Deployer
from infra.local import environments, process
from infra.local.process import CloudProblem, Running
from infra.package import Package, make_package

STAGE = "local"
EMAIL = "you@example.org"
"""Of a first key whose holder names no address; mails are kept on this machine."""

REGION = "eu-west-3"
PERMISSIONS = "browse,edit,publish,admin"
MAIL_FROM = "Freshwire <freshwire@example.org>"
_POLL_SECONDS = 0.02
_CREDENTIALS = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
"""Any will do; the emulator looks at none."""


@dataclass(frozen=True, kw_only=True)
class LocalCloud:
    """A local cloud with the application deployed: where it answers and a key that may do everything."""

    base_url: str
    """The application, `http://127.0.0.1:<port>/api`, without a trailing slash."""
    front_url: str
    """The front: `/_local/mails` is below it."""
    endpoint_url: str
    """Where AWS clients go, with `environment` for the rest."""
    environment: Mapping[str, str]
    """The environment of the deployed function, plus what an AWS client needs to reach this cloud."""
    api_key: str = field(repr=False)


@contextmanager
def throw_away_cloud(*, project: Path = environments.ROOT, state: Path | None = None) -> Iterator[LocalCloud]:
    """A cloud of its own, on free ports, gone afterwards: the deployed application and an API key.

    In memory unless `state` names a folder to keep its state in. Independent of `make run` and of one another; for
    tests (session scope). Raises CloudProblem when the emulator's environment is missing.
    """
    with tempfile.TemporaryDirectory(prefix="throw-away-", dir=_local(project), ignore_cleanup_errors=True) as folder:
        log = Path(folder) / "cloud.log"
        package = make_package(stage=STAGE, project=project)
        running = process.start(python=emulator_python(project), project=environments.ROOT, log=log, state=state)
        try:
            deploy(running, package)
            yield LocalCloud(
                base_url=f"{running.url}/api",
                front_url=running.url,
                endpoint_url=running.endpoint_url,
                environment=function_environment(running),
                api_key=make_api_key(running, label="throw-away", email=EMAIL, project=project),
            )
        finally:
            process.stop(running)


def emulator_python(project: Path = environments.ROOT) -> Path:
    """The interpreter the emulator runs on. Raises CloudProblem when it is not installed, or not as pinned."""
    if not environments.is_current(environments.EMULATOR, project):
        raise CloudProblem(
            "The local cloud's own environment is missing or out of date: `make run` and `make test` install it."
        )
    return environments.python_of(environments.EMULATOR, project)


def deploy(running: Running, package: Package) -> Deployed:
    """Deploy the state and the application to a running cloud, and verify the address that its mails come from, as
    those who run a deployment on AWS do."""
    mails = _session().client("sesv2", endpoint_url=running.endpoint_url)
    mails.create_email_identity(EmailIdentity=parseaddr(MAIL_FROM)[1])
    deployer = Deployer(_session(), endpoint_url=running.endpoint_url, poll=_POLL_SECONDS)
    return deployer.deploy(package, stage=STAGE, public_url=f"{running.url}/api", mail_from=MAIL_FROM)


def function_environment(running: Running) -> dict[str, str]:
    """The environment variables of the deployed function, plus those that lead an AWS client to this cloud."""
    client = _session().client("lambda", endpoint_url=running.endpoint_url)
    name = Deployer(_session(), endpoint_url=running.endpoint_url).outputs(f"freshwire-{STAGE}-app")["APIHandlerName"]
    variables: dict[str, str] = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    return variables | {
        "AWS_ENDPOINT_URL": running.endpoint_url,
        **{name.upper(): value for name, value in _CREDENTIALS.items()},
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
    }


def make_api_key(
    running: Running,
    *,
    label: str,
    key: str | None = None,
    email: str | None = None,
    project: Path = environments.ROOT,
) -> str:
    """Make an API key that may do everything and answer it in clear; `key` chooses it, alerts go to `email`."""
    command = [sys.executable, "-m", "infra.apikey", "--label", label, "--permissions", PERMISSIONS]
    done = subprocess.run(
        [*command, *(["--key", key] if key else []), *(["--email", email] if email else [])],
        cwd=project,
        env={**os.environ, **function_environment(running)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise CloudProblem(f"The API key could not be made:\n{done.stderr}")
    return done.stdout.strip().splitlines()[-1]


def save(running: Running) -> bool:
    """Write the cloud's state to disk now; answer whether that worked."""
    request = urllib.request.Request(f"{running.url}/_local/save", method="POST")
    with urllib.request.urlopen(request, timeout=process.STOP_SECONDS) as answer:
        return bool(json.load(answer)["saved"])


def _session() -> boto3.session.Session:
    return boto3.session.Session(region_name=REGION, **_CREDENTIALS)


def _local(project: Path) -> Path:
    folder = project / ".local"
    folder.mkdir(exist_ok=True)
    return folder
