"""The local cloud keeps what the template says, and what it was told."""

import datetime as dt
import json
import os
import signal
import time
from pathlib import Path
from zoneinfo import ZoneInfo

import boto3
import httpx
import pytest

from infra.local import cloud, process
from infra.local.environments import ROOT
from infra.local.process import Running
from infra.package import make_package
from tests.infra.emulator import echo_project, in_emulator, running_process

pytestmark = pytest.mark.local_cloud

ROLE = "arn:aws:iam::000000000000:role/any"


@pytest.mark.parametrize(
    ("table", "expires", "recovers"), [("catalog", True, True), ("records", False, True), ("activity", True, False)]
)
def test_tables_expire_recover_and_are_encrypted_as_the_template_says(aws, table: str, expires: bool, recovers: bool):
    dynamodb, name = aws.client("dynamodb"), f"freshwire-local-{table}"
    ttl = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    assert (ttl["TimeToLiveStatus"] == "ENABLED") is expires
    assert ttl.get("AttributeName") == ("expires_at" if expires else None)
    status = backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"]
    assert (status == "ENABLED") is recovers
    assert dynamodb.describe_table(TableName=name)["Table"]["SSEDescription"]["Status"] == "ENABLED"


def test_the_secret_holds_a_key_of_letters_and_digits_and_says_which_is_current(aws):
    secret = aws.client("secretsmanager").get_secret_value(SecretId="freshwire-local-push-keys")["SecretString"]
    keys = json.loads(secret)
    assert set(keys) == {"current", "k1"}
    assert keys["current"] == "k1"
    assert len(keys["k1"]) == 64
    assert keys["k1"].isalnum()


def test_a_secret_of_a_source_is_kept_encrypted_and_deleted(aws):
    ssm, name = aws.client("ssm"), "/freshwire/local/sources/da_000000/re_000000/1-a"
    for value in ("x", "é" * 2000 + '["'):
        ssm.put_parameter(Name=name, Value=value, Type="SecureString", Tier="Standard", Overwrite=True)
        assert ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"] == value
        assert ssm.get_parameter(Name=name)["Parameter"]["Value"] != value
    deleted = ssm.delete_parameters(Names=[name, f"{name}b"])
    assert (deleted["DeletedParameters"], deleted["InvalidParameters"]) == ([name], [f"{name}b"])
    with pytest.raises(ssm.exceptions.ParameterNotFound):
        ssm.get_parameter(Name=name, WithDecryption=True)


@pytest.mark.parametrize("bucket", ["files", "sources", "backups", "exports", "packages"])
def test_buckets_are_private_and_refuse_plain_http(aws, bucket: str):
    s3, name = aws.client("s3"), f"freshwire-local-{bucket}-000000000000"
    block = s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
    assert len(block) == 4
    assert all(block.values())
    (statement,) = json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])["Statement"]
    assert (statement["Effect"], statement["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


def test_the_bell_gives_up_after_five_attempts_and_outlasts_its_worker(aws):
    sqs = aws.client("sqs")
    url = sqs.get_queue_url(QueueName="freshwire-local-bell.fifo")["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert (attributes["VisibilityTimeout"], attributes["FifoThroughputLimit"]) == ("330", "perMessageGroupId")
    redrive = json.loads(attributes["RedrivePolicy"])
    assert int(redrive["maxReceiveCount"]) == 5
    assert redrive["deadLetterTargetArn"].endswith(":freshwire-local-bell-dead.fifo")


def test_a_schedule_of_cloudformation_keeps_its_zone(aws):
    properties = {
        "Name": "in-paris",
        "ScheduleExpression": "cron(0 2 * * ? *)",
        "ScheduleExpressionTimezone": "Europe/Paris",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {"Arn": "arn:aws:sqs:eu-west-3:000000000000:none", "RoleArn": ROLE},
    }
    template = {"Resources": {"One": {"Type": "AWS::Scheduler::Schedule", "Properties": properties}}}
    cloudformation = aws.client("cloudformation")
    cloudformation.create_stack(StackName="one-schedule", TemplateBody=json.dumps(template))
    cloudformation.get_waiter("stack_create_complete").wait(StackName="one-schedule", WaiterConfig={"Delay": 1})
    assert aws.client("scheduler").get_schedule(Name="in-paris")["ScheduleExpressionTimezone"] == "Europe/Paris"


@pytest.mark.parametrize(
    ("expression", "zone"),
    [("cron(0 2 * * * *)", "UTC"), ("every day", "UTC"), ("at(soon)", "UTC"), ("rate(1 hour)", "Europe/Atlantis")],
)
def test_a_schedule_that_scheduler_would_refuse_is_refused(aws, expression: str, zone: str):
    scheduler = aws.client("scheduler")
    with pytest.raises(scheduler.exceptions.ValidationException, match="Invalid Schedule"):
        scheduler.create_schedule(
            Name="wrong",
            ScheduleExpression=expression,
            ScheduleExpressionTimezone=zone,
            FlexibleTimeWindow={"Mode": "OFF"},
            Target={"Arn": "arn:aws:sqs:eu-west-3:000000000000:q", "RoleArn": ROLE},
        )  # fmt: skip - reads as a call


def test_a_schedule_fires_once_in_its_zone_and_says_for_when(aws):
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName="fired")["QueueUrl"]
    due = time.time() + 3
    wall = dt.datetime.fromtimestamp(int(due), ZoneInfo("Asia/Tokyo")).strftime("%Y-%m-%dT%H:%M:%S")
    aws.client("scheduler").create_schedule(
        Name="once",
        ScheduleExpression=f"at({wall})",
        ScheduleExpressionTimezone="Asia/Tokyo",
        FlexibleTimeWindow={"Mode": "OFF"},
        ActionAfterCompletion="DELETE",
        Target={
            "Arn": "arn:aws:sqs:eu-west-3:000000000000:fired",
            "RoleArn": ROLE,
            "Input": '{"due": "<aws.scheduler.scheduled-time>"}',
        },
    )  # fmt: skip - reads as a call
    (message,) = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=15).get("Messages", [])
    expected = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(int(due)))
    assert json.loads(message["Body"]) == {"due": expected}
    assert not sqs.receive_message(QueueUrl=url, WaitTimeSeconds=3).get("Messages", [])


def test_real_expressions_follow_paris_through_both_changes_of_the_clock():
    program = """
import datetime as dt, json
from infra.local.repairs.scheduler import next_due
def due(expression, after, **more):
    schedule = {"ScheduleExpression": expression, "ScheduleExpressionTimezone": "Europe/Paris", "CreationDate": 0.0}
    schedule |= more
    found = next_due(schedule, dt.datetime.fromisoformat(after + "+00:00").timestamp())
    return found and dt.datetime.fromtimestamp(found, dt.UTC).strftime("%m-%dT%H:%M")
print(json.dumps([
    due("cron(30 2 * * ? *)", "2027-03-27T12:00:00"),
    due("cron(30 2 * * ? *)", "2027-10-30T12:00:00"),
    due("cron(30 2 * * ? *)", "2027-10-31T00:30:00"),
    due("cron(0 9 ? * MON-FRI *)", "2027-03-26T12:00:00"),
    due("rate(5 minutes)", "2027-10-31T00:57:00", StartDate=0.0),
    due("at(2027-07-14T08:00:00)", "2027-07-14T05:00:00"),
    due("at(2027-07-14T08:00:00)", "2027-07-14T06:00:00"),
]))
"""
    assert in_emulator(program) == [
        "03-29T00:30",
        "10-31T00:30",
        "11-01T01:30",
        "03-29T07:00",
        "10-31T01:00",
        "07-14T06:00",
        None,
    ]  # fmt: skip - one line is enough


def test_after_a_restart_schedules_do_not_catch_up():
    program = """
import json, time
from ministack.services import scheduler
from infra.local.repairs.scheduler import Ticker
fired = []
import infra.local.repairs.scheduler as repair
repair.fire = lambda key, schedule, due: fired.append(due)
now = time.time()
scheduler._schedules["default/missed"] = {
    "ScheduleExpression": "rate(1 minute)", "State": "ENABLED", "CreationDate": now - 86_400 + 30,
    "LastModificationDate": now - 86_400, "Target": {}, "Arn": "arn",
}
just_started, started_long_ago = Ticker(now), Ticker(now - 3600)
just_started.tick()
after_restart = len(fired)
for _ in range(3):
    started_long_ago.tick()
print(json.dumps([after_restart, len(fired)]))
"""
    assert in_emulator(program) == [0, 1]


def put(running: Running, value: str) -> None:
    _table(running).put_item(Item={"pk": "a", "sk": "b", "value": value})
    _session(running).client("s3", endpoint_url=running.endpoint_url).put_object(
        Bucket="freshwire-local-files-000000000000", Key="a/b", Body=value.encode()
    )


def kept(running: Running) -> tuple[str, str]:
    item = _table(running).get_item(Key={"pk": "a", "sk": "b"})["Item"]
    s3 = _session(running).client("s3", endpoint_url=running.endpoint_url)
    return item["value"], s3.get_object(Bucket="freshwire-local-files-000000000000", Key="a/b")["Body"].read().decode()


def _session(running: Running) -> boto3.session.Session:
    return boto3.session.Session(aws_access_key_id="local", aws_secret_access_key="local", region_name=cloud.REGION)


def _table(running: Running):
    resource = _session(running).resource("dynamodb", endpoint_url=running.endpoint_url)
    return resource.Table("freshwire-local-records")


def test_state_survives_a_stop_and_what_was_saved_survives_a_kill_all_of_one_moment(tmp_path: Path):
    state = tmp_path / "state"
    package = make_package(stage=cloud.STAGE, project=echo_project(tmp_path))
    with running_process(tmp_path, state=state) as running:
        assert cloud.deploy(running, package).is_first
        put(running, "stopped")
    with running_process(tmp_path, state=state) as running:
        assert kept(running) == ("stopped", "stopped")
        assert not cloud.deploy(running, package).is_first
        assert not cloud.deploy(running, package).changed
        assert httpx.get(f"{running.url}/api/health").json() == {"status": "OK"}
        put(running, "killed")
        assert cloud.save(running)
        put(running, "lost")
        os.kill(running.pid, signal.SIGKILL)
        while process.is_alive(running):
            time.sleep(0.05)
    with running_process(tmp_path, state=state) as running:
        assert kept(running) == ("killed", "killed")
        assert httpx.get(f"{running.url}/api/health").json() == {"status": "OK"}


def test_changed_code_is_deployed_and_the_state_stays(tmp_path: Path):
    project = echo_project(tmp_path)
    with running_process(tmp_path) as running:
        cloud.deploy(running, make_package(stage=cloud.STAGE, project=project))
        put(running, "kept")
        app = project / "app.py"
        app.write_text(app.read_text().replace('"OK"', '"changed"'))
        assert cloud.deploy(running, make_package(stage=cloud.STAGE, project=project)).changed
        assert httpx.get(f"{running.url}/api/health").json() == {"status": "changed"}
        assert kept(running) == ("kept", "kept")


def test_two_throw_away_clouds_hold_the_whole_product_and_know_nothing_of_each_other():
    with cloud.throw_away_cloud() as one, cloud.throw_away_cloud() as other:
        assert one.base_url != other.base_url
        assert one.api_key != other.api_key
        assert one.api_key not in repr(one)
        for each, stranger in ((one, other), (other, one)):
            assert httpx.get(f"{each.base_url}/health").status_code == 200
            url = f"{each.base_url}/automation/v1.0/datasets/"
            assert httpx.get(url, headers={"Authorization": f"Apikey {each.api_key}"}).status_code == 200
            assert httpx.get(url, headers={"Authorization": f"Apikey {stranger.api_key}"}).status_code == 401
    assert not list((ROOT / ".local").glob("throw-away-*/cloud.log"))


def test_a_save_without_one_of_the_services_is_none():
    program = """
import json, os, tempfile
from pathlib import Path
folder = Path(tempfile.mkdtemp())
os.environ.update(PERSIST_STATE="1", STATE_DIR=str(folder))
from ministack.services import sqs
from infra.local.repairs import saving
saving.write_services(folder)
written = (folder / "sqs.json").exists()
sqs.get_state = lambda: {"queues": object()}
try:
    saving.write_services(folder)
except saving.NotSaved as problem:
    print(json.dumps([written, str(problem)]))
"""
    assert in_emulator(program) == [True, "sqs"]
