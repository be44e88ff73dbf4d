"""The catalog table: datasets, resources, stacks, uploaded files, API keys and the live items.

| what            | pk                      | sk                    |
|-----------------|-------------------------|-----------------------|
| dataset         | `dataset`               | dataset uid           |
| field stack     | `dataset#{dataset_uid}` | `fields`              |
| processor stack | `dataset#{dataset_uid}` | `processors`          |
| resource        | `dataset#{dataset_uid}` | `resource#{uid}`      |
| uploaded file   | `dataset#{dataset_uid}` | `file#{uid}`          |
| published sources | `dataset#{dataset_uid}` | `sources`           |
| copy of a source | `dataset#{dataset_uid}` | `copy#{resource_uid}` |
| accepted refresh | `dataset#{dataset_uid}` | `accepted#{resource_uid}` |
| names of secrets | `dataset#{dataset_uid}` | `secrets`            |
| schedule        | `dataset#{dataset_uid}` | `schedule#{uid}`      |
| schedule to do  | `dataset#{dataset_uid}` | `unsettled#{uid}`     |
| run             | `dataset#{dataset_uid}` | `run#{run_id}`        |
| refreshing      | `dataset#{dataset_uid}` | `refreshing`          |
| upload          | `dataset#{dataset_uid}` | `upload#{upload_id}`  |
| publication     | `dataset#{dataset_uid}` | `publication`         |
| watch           | `dataset#{dataset_uid}` | `alert#{resource_uid}` |
| recovery        | `dataset#{dataset_uid}` | `recovery`, `recovery_abort` |
| backup log      | `backup#{dataset_uid}`  | `log`                 |
| API key         | `apikey`                | SHA-256 of the key    |
| sweep           | `sweep`                 | partition             |
| live dataset    | `live#{dataset_id}`     | `config`              |
| pending job     | `live#{dataset_id}`     | `job#{seq}`           |
| lane            | `live#{dataset_id}`     | `lane`                |
| notice          | `outbox#{notice_id}`    | `notice`              |
| who takes mails | `recipient#{address}`   | `*`, or what of       |
| tick            | `tick`                  | `last`                |

`revision` is pynamodb's optimistic lock; two edits at once make the second one fail with EditConflict.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
from pynamodb.attributes import (
    BooleanAttribute,
    JSONAttribute,
    NumberAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
    VersionAttribute,
)
from pynamodb.exceptions import DeleteError, PutError, TransactWriteError, UpdateError
from pynamodb.models import Model
from pynamodb.transactions import TransactWrite

from chalicelib.domain.errors import EditConflict
from chalicelib.store.aws import aws_session
from chalicelib.store.dynamodb import CONNECT_TIMEOUT, READ_TIMEOUT

DATASETS, API_KEYS, SWEEPS = "dataset", "apikey", "sweep"
FIELDS, PROCESSORS, PUBLICATION, CONFIG, LANE = "fields", "processors", "publication", "config", "lane"
SOURCES, SECRETS = "sources", "secrets"
COPY, ACCEPTED_REFRESH = "copy#", "accepted#"
RECOVERY, RECOVERY_ABORT = "recovery", "recovery_abort"
RESOURCE, FILE, SCHEDULE, UPLOADED, JOB = "resource#", "file#", "schedule#", "upload#", "job#"
UNSETTLED, RUN, WATCH = "unsettled#", "run#", "alert#"
REFRESHING = "refreshing"
WAITING, CHECKING, ACCEPTED, REFUSED = "waiting", "checking", "accepted", "refused"  # states of an upload


def dataset_pk(dataset_uid: str) -> str:
    """The pk of a dataset's parts."""
    return f"dataset#{dataset_uid}"


def live_pk(dataset_id: str) -> str:
    """The pk of a dataset's hot items."""
    return f"live#{dataset_id}"


class JsonAttribute(JSONAttribute):
    """JSON as UTF-8. As pynamodb writes it, every letter beyond ASCII is escaped and takes up to three times as many of
    the 400 KB that an item may have, and of the bytes that the services count."""

    def serialize(self, value: Any) -> str | None:
        """The text that is stored."""
        return None if value is None else orjson.dumps(value).decode()


class DatasetItem(Model):
    """A dataset's draft: its names, metadata and status."""

    class Meta:
        """Bound in `bind_models`."""

        table_name = ""

    pk = UnicodeAttribute(hash_key=True, default=DATASETS)
    uid = UnicodeAttribute(range_key=True, attr_name="sk")
    revision = VersionAttribute()
    dataset_id = UnicodeAttribute()
    metadata = JsonAttribute()
    is_restricted = BooleanAttribute(default=False)
    security = JsonAttribute(null=True)
    is_published = BooleanAttribute(default=False)
    created_at = UnicodeAttribute()
    updated_at = UnicodeAttribute()
    status = UnicodeAttribute(default="idle")
    previous_status = UnicodeAttribute(null=True)
    status_since = UnicodeAttribute()
    status_until = NumberAttribute(null=True)
    status_message = UnicodeAttribute(null=True)
    records_errors = JsonAttribute(null=True)


class StackItem(Model):
    """The ordered processors, or the ordered field configurations, of a dataset's draft."""

    class Meta:
        """Bound in `bind_models`."""

        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    revision = VersionAttribute()
    stack = JsonAttribute()


class ResourceItem(Model):
    """A resource of a dataset's draft. `key_id` and `key_nonce` derive its push key (realtime only), `file_uid` is
    its uploaded file. `source` says where a remote one is fetched from, `secret_name` names the SSM parameter with what
    is secret of that, and `source_problem` is what looking at it came to when it was saved."""

    class Meta:
        """Bound in `bind_models`."""

        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    revision = VersionAttribute()
    uid = UnicodeAttribute()
    resource_id = UnicodeAttribute()
    type = UnicodeAttribute()
    title = UnicodeAttribute()
    params = JsonAttribute()
    file_uid = UnicodeAttribute(null=True)
    source = JsonAttribute(null=True)
    secret_name = UnicodeAttribute(null=True)
    source_problem = UnicodeAttribute(null=True)
    source_fields = JsonAttribute()
    key_id = UnicodeAttribute(null=True)
    key_nonce = UnicodeAttribute(null=True)
    created_at = UnicodeAttribute()
    updated_at = UnicodeAttribute()


class UploadedFileItem(Model):
    """A file that was uploaded to be the source of a resource."""

    class Meta:
        """Bound in `bind_models`."""

        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    uid = UnicodeAttribute()
    filename = UnicodeAttribute()
    size = NumberAttribute()
    created_at = UnicodeAttribute()


class PublishedSourcesItem(Model):
    """The sources of the published version of a dataset, which its runs fetch, whatever has become of the draft."""

    class Meta:
        """Bound in `bind_models`."""

        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True, default=SOURCES)
    version = NumberAttribute()
    sources = JsonAttribute()


class SourceSecretsItem(Model):
    """The names of the secrets that were ever written for the sources of a dataset and not deleted since."""

    class Meta:
        """Bound in `bind_models`."""

        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True, default=SECRETS)
    names = UnicodeSetAttribute(null=True)


class CopyItem(Model):
    """What the records of a remote resource were made of: the job that wrote them (`batch_id`) for a generation and a
    published version, the copy of the file and the manifest in the sources bucket, and what tells that the file has
    not changed (`sha256` is null once that is forgotten). While another job is writing, `overwritten_by` is its id."""

    class Meta:
        """Bound in `bind_models`."""

        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    batch_id = UnicodeAttribute()
    generation = NumberAttribute()
    version = NumberAttribute()
    content_key = UnicodeAttribute(null=True)
    manifest_key = UnicodeAttribute()
    validators = JsonAttribute(null=True)
    sha256 = UnicodeAttribute(null=True)
    size = NumberAttribute()
    records = NumberAttribute()
    overwritten_by = UnicodeAttribute(null=True)


class AcceptedRefreshItem(Model):
    """The last refresh of a remote resource that was accepted as a job: by which run, and as what outcome."""

    class Meta:
        """Bound in `bind_models`."""

        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    run_id = UnicodeAttribute()
    batch_id = UnicodeAttribute()
    outcome = JsonAttribute()


class ScheduleItem(Model):
    """When the remote resources of a dataset are to be refreshed, Europe/Paris: unix cron expressions, one a line, and
    the recurrence they were made of, if any. `expressions` is the most of them that EventBridge Scheduler ever had.
    `owner` is the address of whoever set it up, `base_url` where that person reaches the product."""

    class Meta:
        """Bound in `bind_models`."""

        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    revision = VersionAttribute()
    uid = UnicodeAttribute()
    cron_schedule = UnicodeAttribute()
    recurrence = JsonAttribute(null=True)
    expressions = NumberAttribute(default=0)
    owner = UnicodeAttribute(null=True)
    base_url = UnicodeAttribute(null=True)
    created_at = UnicodeAttribute()


class UnsettledItem(Model):
    """A schedule that was changed, made or deleted: EventBridge Scheduler may not know of it yet. Who tells it claims
    this item until a moment (`claimed_until`), and deletes it when nothing has changed meanwhile: each change gives it
    another `nonce`. `due` and `due_at` make the tick see to it."""

    class Meta:
        """Bound in `bind_models`."""

        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    nonce = UnicodeAttribute()
    expressions = NumberAttribute()
    claimed_until = NumberAttribute(null=True)
    due = UnicodeAttribute()
    due_at = NumberAttribute()


class PublicationItem(Model):
    """A publication that waits for a worker: the draft as it was when it was asked for, and the version that was
    published when a worker last began with it. `due` and `due_at` make the tick ring for it again."""

    class Meta:
        """Bound in `bind_models`."""

        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    nonce = UnicodeAttribute()
    attempts = NumberAttribute(default=0)
    version = NumberAttribute(null=True)
    plan = JsonAttribute()
    due = UnicodeAttribute()
    due_at = NumberAttribute()


class UploadItem(Model):
    """A push past the limit of a request: its file lies in S3, and what became of it is here until it expires. `due`
    and `due_at` make the tick ring for it again while it is being checked."""

    class Meta:
        """Bound in `bind_models`."""

        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    dataset_id = UnicodeAttribute()
    resource_uid = UnicodeAttribute()
    format = UnicodeAttribute(null=True)
    state = UnicodeAttribute()
    is_lenient = BooleanAttribute(default=False)
    attempts = NumberAttribute(default=0)
    batch_id = UnicodeAttribute(null=True)
    records = NumberAttribute(null=True)
    rejected = NumberAttribute(null=True)
    estimated_seconds = NumberAttribute(null=True)
    message = UnicodeAttribute(null=True)
    details = JsonAttribute(null=True)
    expires_at = NumberAttribute()
    due = UnicodeAttribute(null=True)
    due_at = NumberAttribute(null=True)


class SweepItem(Model):
    """A generation of a dataset, `{dataset_uid}.{generation}`, that is out of reach and to be removed."""

    class Meta:
        """Bound in `bind_models`."""

        table_name = ""

    pk = UnicodeAttribute(hash_key=True, default=SWEEPS)
    partition = UnicodeAttribute(range_key=True, attr_name="sk")
    due = UnicodeAttribute()
    due_at = NumberAttribute()


class RecoveryItem(Model):
    """The recovery of a dataset that is under way, or was the last one. `nonce` names its parts, `scope` is what it
    recovers; `high`, `cursor` and `since` say where in the log it began, how far down it is, and from when on (epoch
    milliseconds) the log is read again when the job is applied. `visit` counts the workers that came for it: only the
    last of them may write. `outcomes` are those of the recoveries before. `due` and `due_at` make the tick ring."""

    class Meta:
        """Bound in `bind_models`."""

        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    nonce = UnicodeAttribute()
    resource_uid = UnicodeAttribute()
    scope = JsonAttribute()
    is_dry = BooleanAttribute(default=False)
    state = UnicodeAttribute()
    message = UnicodeAttribute(null=True)
    started_at = UnicodeAttribute()
    moved_at = UnicodeAttribute()
    version = NumberAttribute(null=True)
    generation = NumberAttribute(null=True)
    high = NumberAttribute(default=0)
    cursor = NumberAttribute(default=0)
    since = NumberAttribute(default=0)
    parts = NumberAttribute(default=0)
    chunks = NumberAttribute(default=0)
    visit = NumberAttribute(default=0)
    attempts = NumberAttribute(default=0)
    counts = JsonAttribute()
    details = JsonAttribute()
    batch_id = UnicodeAttribute(null=True)
    outcomes = JsonAttribute()
    due = UnicodeAttribute(null=True)
    due_at = NumberAttribute(null=True)


class RecoveryAbortItem(Model):
    """That the recovery of this nonce is to stop: an item of its own, which no worker writes."""

    class Meta:
        """Bound in `bind_models`."""

        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    nonce = UnicodeAttribute()


class ApiKeyItem(Model):
    """An API key: its fingerprint, never the key."""

    class Meta:
        """Bound in `bind_models`."""

        table_name = ""

    pk = UnicodeAttribute(hash_key=True, default=API_KEYS)
    fingerprint = UnicodeAttribute(range_key=True, attr_name="sk")
    uid = UnicodeAttribute()
    label = UnicodeAttribute()
    prefix = UnicodeAttribute(null=True)
    permissions = JsonAttribute()
    created_at = UnicodeAttribute()
    last_used_at = UnicodeAttribute(null=True)
    valid_until = NumberAttribute(null=True)
    email = UnicodeAttribute(null=True)


class WatchItem(Model):
    """A realtime resource whose silence is an alert; what its moments mean, see `domain/inactivity.py`. Pushes and the
    tick write it raw, see `store/watches.py`. `owner` is the address of the API key that switched alerting on,
    `base_url` where the links in mails lead. `due` and `due_at` make the tick look at it."""

    class Meta:
        """Bound in `bind_models`."""

        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    revision = VersionAttribute()
    dataset_uid = UnicodeAttribute()
    dataset_id = UnicodeAttribute()
    resource_uid = UnicodeAttribute()
    title = UnicodeAttribute()
    owner = UnicodeAttribute(null=True)
    recipients = JsonAttribute()
    base_url = UnicodeAttribute()
    threshold = NumberAttribute()
    since = NumberAttribute()
    received = NumberAttribute(null=True)
    state = UnicodeAttribute()
    outage_since = NumberAttribute(null=True)
    silent_at = NumberAttribute(null=True)
    looked_at = NumberAttribute(null=True)
    heard_at = NumberAttribute(null=True)
    reminder = UnicodeAttribute()
    reminded_at = NumberAttribute(null=True)
    snoozed_until = NumberAttribute(null=True)
    is_paused = BooleanAttribute()
    searched_to = NumberAttribute(null=True)
    due = UnicodeAttribute(null=True)
    due_at = NumberAttribute(null=True)


class LiveItem(Model):
    """The one published configuration of a dataset, and its switches. Pushes read it raw, see `store/live.py`; what
    they mean, see `domain/live.py`. `published_version` is the version of `configuration`."""

    class Meta:
        """Bound in `bind_models`."""

        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True, default=CONFIG)
    revision = VersionAttribute()
    dataset_uid = UnicodeAttribute()
    version = NumberAttribute(default=0)
    generation = NumberAttribute(default=1)
    is_published = BooleanAttribute(default=False)
    is_restricted = BooleanAttribute(default=False)
    security = JsonAttribute(null=True)
    title = UnicodeAttribute()
    published_version = NumberAttribute(default=0)
    seq = NumberAttribute(default=0)
    configuration = JsonAttribute(null=True)
    coming = JsonAttribute(null=True)
    coming_generation = NumberAttribute(null=True)
    emptied = NumberAttribute(null=True)
    switches = JsonAttribute()


MODELS: tuple[type[Model], ...] = (
    DatasetItem,
    StackItem,
    ResourceItem,
    UploadedFileItem,
    PublishedSourcesItem,
    SourceSecretsItem,
    CopyItem,
    AcceptedRefreshItem,
    ScheduleItem,
    UnsettledItem,
    PublicationItem,
    UploadItem,
    SweepItem,
    RecoveryItem,
    RecoveryAbortItem,
    ApiKeyItem,
    WatchItem,
    LiveItem,
)


def bind_models(table: str, region: str) -> None:
    """Point every model at the deployment's catalog table. They share one connection, and so one client, of the
    session of all others: making a client costs more than most requests."""
    for model in MODELS:
        model.Meta.table_name = table
        model.Meta.region = region
        model.Meta.connect_timeout_seconds = CONNECT_TIMEOUT
        model.Meta.read_timeout_seconds = READ_TIMEOUT
        model.Meta.max_retry_attempts = 2
    DatasetItem._connection = None
    shared = DatasetItem._get_connection()
    shared.connection._local.session = aws_session()
    for model in MODELS:
        model._connection = shared


@contextmanager
def conflicts_as_edit_conflict() -> Iterator[None]:
    """Turn a lost optimistic lock (or a failed condition) into EditConflict; other errors pass."""
    try:
        yield
    except (PutError, UpdateError, DeleteError) as error:
        if error.cause_response_code in ("ConditionalCheckFailedException", "TransactionConflictException"):
            raise EditConflict from error
        raise
    except TransactWriteError as error:
        reasons = {reason.code for reason in error.cancellation_reasons if reason is not None}
        if reasons & {"ConditionalCheckFailed", "TransactionConflict"}:
            raise EditConflict from error
        raise


@contextmanager
def one_transaction() -> Iterator[TransactWrite]:
    """A transaction over the catalog: all of its writes, or none with EditConflict."""
    connection = DatasetItem._get_connection().connection
    with conflicts_as_edit_conflict(), TransactWrite(connection=connection) as transaction:
        yield transaction
