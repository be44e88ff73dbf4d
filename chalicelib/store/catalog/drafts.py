"""What publishers edit: datasets, their stacks, resources, files and schedules, and API keys."""

from pynamodb.attributes import (
    BooleanAttribute,
    NumberAttribute,
    UnicodeAttribute,
    VersionAttribute,
)
from pynamodb.models import Model

from chalicelib.store.catalog.attributes import JsonAttribute
from chalicelib.store.catalog.keys import API_KEYS, DATASETS


class DatasetItem(Model):
    """A dataset's draft: its names, metadata and status. `processed_since` is when a publication last changed what
    becomes of pushed records, after the first one."""

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
    processed_since = UnicodeAttribute(null=True)


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
