"""Deploy a stage by CloudFormation change sets, on AWS as on the local cloud: `python -m infra.deploy --stage prod`.

Two stacks: `freshwire-<stage>-state` from `state.yaml`, then `freshwire-<stage>-app` from the packaged application,
which imports what the first one exports. What is unchanged is not touched.
"""

import argparse
import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import yaml  # type: ignore[import-untyped]  # PyYAML ships no types
from botocore.exceptions import ClientError

from infra.package import Package, make_package

STATE_TEMPLATE = Path(__file__).with_name("state.yaml")
_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]


class DeployFailed(Exception):  # noqa: N818 - it says what happened
    """CloudFormation refused a change; the message holds its reason."""


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """What a deployment did: whether the stage is new, whether anything changed, and the app stack's outputs."""

    is_first: bool
    changed: bool
    outputs: Mapping[str, str]


class Deployer:
    """Deploys stacks through the clients of `session` (a boto3 session); `poll` is seconds between looks."""

    def __init__(self, session: Any, *, endpoint_url: str | None = None, poll: float = 5.0) -> None:
        self._cloudformation = session.client("cloudformation", endpoint_url=endpoint_url)
        self._s3 = session.client("s3", endpoint_url=endpoint_url)
        self._poll = poll

    def deploy(self, package: Package, *, stage: str, public_url: str = "", mail_from: str = "") -> Deployed:
        """Deploy the state, then the application. Raises DeployFailed; CloudFormation then rolls back."""
        is_first = self._find(_state_stack(stage)) is None
        state_changed = self._bring(_state_stack(stage), STATE_TEMPLATE.read_text(), {"Stage": stage})
        bucket = self.outputs(_state_stack(stage))["PackagesBucket"]
        template = self._with_code(package, bucket)
        parameters = {"Stage": stage, "PublicUrl": public_url, "MailFrom": mail_from}
        app_changed = self._bring(_app_stack(stage), template, parameters, bucket=bucket)
        return Deployed(
            is_first=is_first, changed=state_changed or app_changed, outputs=self.outputs(_app_stack(stage))
        )

    def outputs(self, stack: str) -> dict[str, str]:
        """The outputs of a deployed stack."""
        found = self._find(stack) or {}
        return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}

    def _with_code(self, package: Package, bucket: str) -> str:
        """Upload the zip under its own hash and answer the template that names it there."""
        content = package.archive.read_bytes()
        key = f"{hashlib.sha256(content).hexdigest()}.zip"
        self._upload(bucket, key, content)
        template = yaml.safe_load(package.template.read_text())
        for resource in template["Resources"].values():
            if resource["Type"] == "AWS::Serverless::Function":
                resource["Properties"]["CodeUri"] = {"Bucket": bucket, "Key": key}
        return str(yaml.safe_dump(template, width=120))

    def _upload(self, bucket: str, key: str, content: bytes) -> None:
        try:
            self._s3.head_object(Bucket=bucket, Key=key)
        except ClientError:
            self._s3.put_object(Bucket=bucket, Key=key, Body=content)

    def _bring(self, stack: str, template: str, parameters: Mapping[str, str], *, bucket: str | None = None) -> bool:
        """Bring the stack to `template` and answer whether anything had to change.

        A template goes through `bucket` when there is one: inline ones may have 51,200 bytes only.
        """
        found = self._find(stack)
        if found is not None and self._is_current(found, template, parameters):
            return False
        change = self._create_change_set(stack, template, parameters, bucket, update=found is not None)
        if change is None:
            return False
        self._cloudformation.execute_change_set(ChangeSetName=change)
        self._wait_for_stack(stack)
        return True

    def _create_change_set(
        self, stack: str, template: str, parameters: Mapping[str, str], bucket: str | None, *, update: bool
    ) -> str | None:
        body: dict[str, str] = {"TemplateBody": template}
        if bucket is not None:
            key = f"{hashlib.sha256(template.encode()).hexdigest()}.yaml"
            self._upload(bucket, key, template.encode())
            body = {"TemplateURL": f"{self._s3.meta.endpoint_url}/{bucket}/{key}"}
        change: str = self._cloudformation.create_change_set(
            StackName=stack,
            ChangeSetName=f"deploy-{time.time_ns()}",
            ChangeSetType="UPDATE" if update else "CREATE",
            Capabilities=_CAPABILITIES,
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            **body,
        )["Id"]
        while True:
            described = self._cloudformation.describe_change_set(ChangeSetName=change)
            if described["Status"] == "CREATE_COMPLETE":
                return change
            if described["Status"] == "FAILED":
                self._cloudformation.delete_change_set(ChangeSetName=change)
                _refuse_unless_unchanged(stack, described.get("StatusReason", ""))
                return None
            time.sleep(self._poll)

    def _wait_for_stack(self, stack: str) -> None:
        while True:
            status = (self._find(stack) or {}).get("StackStatus", "DELETE_COMPLETE")
            if status in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
                return
            if not status.endswith("_IN_PROGRESS"):
                raise DeployFailed(f"{stack} is {status}: {self._first_failure(stack)}")
            time.sleep(self._poll)

    def _first_failure(self, stack: str) -> str:
        events = self._cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
        failed = [event for event in events if event["ResourceStatus"].endswith("_FAILED")]
        reasons = [f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}" for event in failed]
        return reasons[-1] if reasons else "CloudFormation gives no reason"

    def _is_current(self, found: Mapping[str, Any], template: str, parameters: Mapping[str, str]) -> bool:
        if found["StackStatus"] not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            return False
        given = {parameter["ParameterKey"]: parameter["ParameterValue"] for parameter in found.get("Parameters", [])}
        original = self._cloudformation.get_template(StackName=found["StackName"], TemplateStage="Original")
        return given == dict(parameters) and original["TemplateBody"] == template

    def _find(self, stack: str) -> Mapping[str, Any] | None:
        """The stack's description, or None when there is none, or only one that a change set is reviewed for."""
        try:
            found: Mapping[str, Any] = self._cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ValidationError":
                return None
            raise
        return None if found["StackStatus"] == "REVIEW_IN_PROGRESS" else found


def _refuse_unless_unchanged(stack: str, reason: str) -> None:
    if "didn't contain changes" in reason or "No updates" in reason:
        return
    raise DeployFailed(f"{stack}: {reason}")


def _state_stack(stage: str) -> str:
    return f"freshwire-{stage}-state"


def _app_stack(stage: str) -> str:
    return f"freshwire-{stage}-app"


def main() -> None:
    """Package and deploy the stage that the command line names, with the credentials of the environment."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stage", default="prod")
    parser.add_argument("--public-url", default="", help="the base URL people use, when it is not the gateway's own")
    parser.add_argument("--mail-from", default="", help="the address that mails come from, verified in SES")
    options = parser.parse_args()
    package = make_package(stage=options.stage)
    deployed = Deployer(boto3.session.Session()).deploy(
        package, stage=options.stage, public_url=options.public_url, mail_from=options.mail_from
    )
    print("deployed" if deployed.changed else "unchanged", deployed.outputs["EndpointURL"])


if __name__ == "__main__":
    main()
