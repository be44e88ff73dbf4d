"""Settings of a deployment, read once from the environment and refused loudly when bad. Only `wiring` imports this."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MAX_RECORDS = 10_000_000  # that the files of one publication may bring
FEATURES = frozenset({"push", "scheduling", "minute_schedules"})


def bell_queue(environment: Mapping[str, str] = os.environ) -> str:
    """The name of the queue that calls the worker; known when the application is packaged, before it has settings."""
    return f"freshwire-{environment.get('FRESHWIRE_STAGE', 'local')}-bell.fifo"


def mail_events(environment: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """The pattern of the events that tell what became of this deployment's mails; known as early as the queue's
    name."""
    stage = environment.get("FRESHWIRE_STAGE", "local")
    return {
        "source": ["aws.ses"],
        "detail-type": ["Email Bounced", "Email Complaint Received"],
        "detail": {"mail": {"tags": {"ses:configuration-set": [f"freshwire-{stage}-mails"]}}},
    }


class BadSettings(Exception):  # noqa: N818 - stops the start, is no refusal of a request
    """The environment of the deployment is incomplete or wrong."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Where this deployment keeps what, and what it offers."""

    stage: str
    region: str
    catalog_table: str
    records_table: str
    activity_table: str
    files_bucket: str
    sources_bucket: str
    exports_bucket: str
    lane_bucket: str
    backups_bucket: str
    bell_queue_url: str
    push_secret_id: str
    schedule_group: str
    scheduler_role_arn: str
    refresh_function_arn: str
    public_url: str | None
    features: frozenset[str]
    max_records: int
    mail_from: str | None = None
    mail_configuration_set: str | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """The settings that the environment describes; BadSettings names every variable that is missing."""
        names = {
            "stage": "FRESHWIRE_STAGE",
            "region": "AWS_REGION",
            "catalog_table": "CATALOG_TABLE",
            "records_table": "RECORDS_TABLE",
            "activity_table": "ACTIVITY_TABLE",
            "files_bucket": "FILES_BUCKET",
            "sources_bucket": "SOURCES_BUCKET",
            "exports_bucket": "EXPORTS_BUCKET",
            "lane_bucket": "LANE_BUCKET",
            "backups_bucket": "BACKUPS_BUCKET",
            "bell_queue_url": "BELL_QUEUE_URL",
            "push_secret_id": "PUSH_SECRET_ID",
            "schedule_group": "SCHEDULE_GROUP",
            "scheduler_role_arn": "SCHEDULER_ROLE_ARN",
            "refresh_function_arn": "REFRESH_FUNCTION_ARN",
        }
        missing = sorted(variable for variable in names.values() if not environment.get(variable))
        if missing:
            raise BadSettings(f"set these environment variables of the Lambda functions: {', '.join(missing)}")
        features = frozenset(environment.get("FRESHWIRE_FEATURES", "push,scheduling").replace(" ", "").split(","))
        if unknown := features - FEATURES - {""}:
            raise BadSettings(f"FRESHWIRE_FEATURES has unknown {sorted(unknown)}; it may list {sorted(FEATURES)}")
        public_url = environment.get("FRESHWIRE_PUBLIC_URL") or None
        if public_url and not public_url.startswith(("http://", "https://")):
            raise BadSettings("FRESHWIRE_PUBLIC_URL must begin with https:// (or http:// on one machine)")
        max_records = environment.get("FRESHWIRE_MAX_RECORDS") or str(MAX_RECORDS)
        if not (max_records.isdecimal() and int(max_records) > 0):
            raise BadSettings("FRESHWIRE_MAX_RECORDS must be a whole number, at least 1")
        mail_from = environment.get("FRESHWIRE_MAIL_FROM") or None
        if mail_from and not _SENDER.fullmatch(mail_from):
            raise BadSettings("FRESHWIRE_MAIL_FROM must be an address, or a name and one: Freshwire <ann@example.org>")
        values = {name: environment[variable] for name, variable in names.items()}
        return cls(
            **values,
            public_url=public_url and public_url.rstrip("/"),
            features=features,
            max_records=int(max_records),
            mail_from=mail_from,
            mail_configuration_set=environment.get("MAIL_CONFIGURATION_SET") or None,
        )


_SENDER = re.compile(r"[^\s<>@,;\"]+@[^\s<>@,;\"]+|[\w .&'-]+ <[^\s<>@,;\"]+@[^\s<>@,;\"]+>")
