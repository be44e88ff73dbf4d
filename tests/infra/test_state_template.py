"""The template of what holds state, and that the stack the other tests stand on comes from it."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from moto import mock_aws

from chalicelib.store.aws import aws_client
from infra.deploy import STATE_TEMPLATE
from infra.local.environments import ROOT
from tests.deployment import REGION, create_state


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's short tags as plain values."""


_Loader.add_multi_constructor("!", lambda _, tag, node: f"{tag} {node.value}")


@pytest.fixture(scope="module")
def resources() -> dict[str, Any]:
    return dict(yaml.load(STATE_TEMPLATE.read_text(), _Loader)["Resources"])


def of_type(resources: dict[str, Any], kind: str) -> dict[str, Any]:
    return {name: resource for name, resource in resources.items() if resource["Type"] == kind}


@mock_aws
def test_moto_makes_the_tables_with_string_keys_and_on_demand():
    create_state()
    dynamodb = aws_client("dynamodb", REGION)
    for name in ("catalog", "records", "activity"):
        table = dynamodb.describe_table(TableName=f"freshwire-test-{name}")["Table"]
        assert table["KeySchema"] == [
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ]
        assert {each["AttributeName"] for each in table["AttributeDefinitions"]} >= {"pk", "sk"}
        assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"


@mock_aws
def test_moto_makes_the_buckets_encrypted():
    create_state()
    s3 = aws_client("s3", REGION)
    names = {bucket["Name"].split("-")[2] for bucket in s3.list_buckets()["Buckets"]}
    assert names == {"files", "sources", "backups", "exports", "lane", "packages"}
    for bucket in s3.list_buckets()["Buckets"]:
        (rule,) = s3.get_bucket_encryption(Bucket=bucket["Name"])["ServerSideEncryptionConfiguration"]["Rules"]
        assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"


def test_nothing_that_cannot_be_made_again_is_deleted_with_the_stack(resources: dict[str, Any]):
    kept = {name for name, resource in resources.items() if resource.get("DeletionPolicy") == "Retain"}
    tables = {"CatalogTable", "RecordsTable", "ActivityTable"}
    assert kept >= tables | {"FilesBucket", "SourcesBucket", "BackupsBucket", "PushKeys"}
    assert all(resources[name]["UpdateReplacePolicy"] == "Retain" for name in kept)


def test_every_bucket_refuses_the_public_and_plain_http(resources: dict[str, Any]):
    policies = of_type(resources, "AWS::S3::BucketPolicy")
    for name, bucket in of_type(resources, "AWS::S3::Bucket").items():
        properties = bucket["Properties"]
        assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
        assert properties["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
        policy = policies[f"{name}Policy"]["Properties"]
        assert policy["Bucket"] == f"!Ref {name}".removeprefix("!")
        assert policy["PolicyDocument"]["Statement"][0]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_abandoned_uploads_end_after_a_day_and_so_do_exports(resources: dict[str, Any]):
    for name, bucket in of_type(resources, "AWS::S3::Bucket").items():
        rules = {rule["Id"]: rule for rule in bucket["Properties"]["LifecycleConfiguration"]["Rules"]}
        assert rules["abort-incomplete-uploads"]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}
        assert all(rule["Status"] == "Enabled" for rule in rules.values())
        expiry = rules.get("expire-after-a-day", {}).get("ExpirationInDays")
        assert expiry == (1 if name == "ExportsBucket" else None)


def test_every_output_is_exported_under_the_name_of_its_stage():
    outputs = yaml.load(STATE_TEMPLATE.read_text(), _Loader)["Outputs"]
    for name, output in outputs.items():
        assert output["Export"]["Name"] == f"Sub freshwire-${{Stage}}-{name}"


def test_the_application_imports_only_what_is_exported():
    merge = (ROOT / "infra" / "app-merge.yaml").read_text()
    outputs = yaml.load(STATE_TEMPLATE.read_text(), _Loader)["Outputs"]
    variables = yaml.safe_load(merge)["Globals"]["Function"]["Environment"]["Variables"]
    imported = [value["Fn::ImportValue"]["Fn::Sub"] for value in variables.values() if "Fn::ImportValue" in value]
    assert len(imported) >= 7
    assert {name.removeprefix("freshwire-${Stage}-") for name in imported} <= set(outputs)


@pytest.mark.parametrize("stage", ["local", "prod"])
@pytest.mark.parametrize("function", ["api_handler", "apply", "tick", "refresh", "bounces_of_mails"])
def test_functions_may_do_what_they_need_on_their_own_stage_and_no_more(stage: str, function: str):
    config = json.loads((ROOT / ".chalice" / "config.json").read_text())["stages"][stage]["lambda_functions"]
    policy = json.loads((ROOT / ".chalice" / config[function]["iam_policy_file"]).read_text())
    for statement in policy["Statement"]:
        actions, named = statement["Action"], statement["Resource"]
        assert not any("*" in action for action in ([actions] if isinstance(actions, str) else actions))
        for resource in [named] if isinstance(named, str) else named:
            own = (f"freshwire-{stage}-", f"schedule/freshwire-{stage}/", f":parameter/freshwire/{stage}/")
            is_own = any(name in resource for name in own) or resource.endswith("/aws/lambda/freshwire-*")
            is_identity = resource == "arn:*:ses:*:*:identity/*"  # whose name only those know who deploy
            assert is_own or (is_identity and actions == "ses:SendEmail")
        if statement["Sid"] != "WriteLogs":
            (condition,) = statement["Condition"].items()
            assert condition[0] == "StringEquals"
            assert condition[1]["aws:ResourceAccount"] == "${aws:PrincipalAccount}"


def test_every_refusal_of_the_gateway_has_the_shape_of_our_errors():
    merge = yaml.safe_load(Path(ROOT / "infra" / "app-merge.yaml").read_text())
    body = merge["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]
    responses = body["x-amazon-apigateway-gateway-responses"]
    assert {"DEFAULT_4XX", "DEFAULT_5XX", "REQUEST_TOO_LARGE", "THROTTLED", "INTEGRATION_TIMEOUT"} <= set(responses)
    for response in responses.values():
        template = response["responseTemplates"]["application/json"]
        error = json.loads(template.replace("$context.error.messageString", '"sentence"'))
        assert set(error) == {"status", "error", "error_code", "message", "details", "request_id"}
        assert (error["status"], error["error"], error["details"]) == ("error", error["message"], [])
        assert response["responseParameters"]["gatewayresponse.header.Access-Control-Allow-Origin"] == "'*'"
