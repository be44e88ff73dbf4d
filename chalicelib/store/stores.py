"""All the stores of a deployment, each made at first use and kept for the life of the container."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from chalicelib.store.activity import ActivityLog
from chalicelib.store.backup_reader import BackupReader
from chalicelib.store.backups import BackupStore
from chalicelib.store.bell import Bell
from chalicelib.store.counts import CountStore
from chalicelib.store.due import DueIndex
from chalicelib.store.dynamodb import THREADS, hot_client
from chalicelib.store.lane import LaneStore
from chalicelib.store.live import LiveStore
from chalicelib.store.mailer import Mailer
from chalicelib.store.objects import ObjectStore
from chalicelib.store.outbox import OutboxStore
from chalicelib.store.recipients import RecipientStore
from chalicelib.store.record_reader import RecordReader
from chalicelib.store.records import RecordStore
from chalicelib.store.refresh_function import RefreshFunction
from chalicelib.store.runs import RunStore
from chalicelib.store.scheduler import Scheduler
from chalicelib.store.secrets import PushSecrets
from chalicelib.store.source_secrets import SourceSecretStore
from chalicelib.store.tick_mark import TickMark
from chalicelib.store.watches import WatchStore


@dataclass(frozen=True, kw_only=True)
class Names:
    """The names of a deployment's tables, buckets, queue, secret, schedules and functions; its stage and region; and
    where its mails come from (`mail_from` is None when it sends none)."""

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
    mail_from: str | None = None
    mail_configuration_set: str | None = None


class Stores:
    """The collaborators of the services. `client` is the raw DynamoDB client (tests pass a stricter one), `threads` how
    many batches of records are read or written at once."""

    def __init__(self, names: Names, client: Any = None, threads: int = THREADS) -> None:
        self.names = names
        self._given_client, self.threads = client, threads

    @cached_property
    def client(self) -> Any:
        """The DynamoDB client of the hot path."""
        return self._given_client or hot_client(self.names.region)

    @cached_property
    def live(self) -> LiveStore:
        """Live datasets."""
        return LiveStore(self.client, self.names.catalog_table)

    @cached_property
    def lane(self) -> LaneStore:
        """Pending jobs."""
        return LaneStore(self.client, self.names.catalog_table)

    @cached_property
    def due(self) -> DueIndex:
        """What somebody must look at by a certain time."""
        return DueIndex(self.client, self.names.catalog_table)

    @cached_property
    def bell(self) -> Bell:
        """What calls the worker."""
        return Bell(self.names.bell_queue_url, self.names.region)

    @cached_property
    def runs(self) -> RunStore:
        """Runs, and what is kept of them."""
        return RunStore(self.client, self.names.catalog_table, self.activity)

    @cached_property
    def scheduler(self) -> Scheduler:
        """What calls the function that refreshes, on time."""
        names = self.names
        return Scheduler(
            group=names.schedule_group,
            role_arn=names.scheduler_role_arn,
            function_arn=names.refresh_function_arn,
            region=names.region,
        )

    @cached_property
    def refresh_function(self) -> RefreshFunction:
        """The function that refreshes, to be called out of turn."""
        return RefreshFunction(self.names.refresh_function_arn, self.names.region)

    @cached_property
    def jobs(self) -> ObjectStore:
        """Prepared records of jobs, and uploads past the limit of a push."""
        return ObjectStore(self.names.lane_bucket, self.names.region)

    @cached_property
    def backups(self) -> BackupStore:
        """Accepted operations, for recovery."""
        bucket = ObjectStore(self.names.backups_bucket, self.names.region, connections=max(10, self.threads))
        return BackupStore(self.client, self.names.catalog_table, bucket)

    @cached_property
    def backup_reader(self) -> BackupReader:
        """Accepted operations, for those who recover them."""
        return BackupReader(self.backups, self.threads)

    @cached_property
    def records(self) -> RecordStore:
        """Marks and the writer of records."""
        return RecordStore(self.client, self.names.records_table, self.threads)

    @cached_property
    def reader(self) -> RecordReader:
        """Records for those who read them."""
        return RecordReader(self.client, self.names.records_table)

    @cached_property
    def activity(self) -> ActivityLog:
        """Receipts and refusals."""
        return ActivityLog(self.client, self.names.activity_table)

    @cached_property
    def watches(self) -> WatchStore:
        """Resources whose silence is an alert."""
        return WatchStore(self.client, self.names.catalog_table)

    @cached_property
    def outbox(self) -> OutboxStore:
        """What people are yet to be told."""
        return OutboxStore(self.client, self.names.catalog_table)

    @cached_property
    def recipients(self) -> RecipientStore:
        """Who takes mails."""
        return RecipientStore(self.client, self.names.catalog_table)

    @cached_property
    def tick_mark(self) -> TickMark:
        """When the tick ran last."""
        return TickMark(self.client, self.names.catalog_table)

    @cached_property
    def mailer(self) -> Mailer | None:
        """What sends mails, None when the deployment sends none."""
        names = self.names
        return Mailer(names.mail_from, names.mail_configuration_set, names.region) if names.mail_from else None

    @cached_property
    def counts(self) -> CountStore:
        """How many records there were a moment ago."""
        return CountStore(self.client, self.names.activity_table)

    @cached_property
    def files(self) -> ObjectStore:
        """Contents of file fields."""
        return ObjectStore(self.names.files_bucket, self.names.region)

    @cached_property
    def sources(self) -> ObjectStore:
        """Uploaded source files."""
        return ObjectStore(self.names.sources_bucket, self.names.region)

    @cached_property
    def exports(self) -> ObjectStore:
        """Exports too large for an answer."""
        return ObjectStore(self.names.exports_bucket, self.names.region)

    @cached_property
    def push_secrets(self) -> PushSecrets:
        """What push keys are derived from."""
        return PushSecrets(self.names.push_secret_id, self.names.region)

    @cached_property
    def source_secrets(self) -> SourceSecretStore:
        """Passwords, tokens and headers of remote sources."""
        return SourceSecretStore(self.names.stage, self.names.region)
