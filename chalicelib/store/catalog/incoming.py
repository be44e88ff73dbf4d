"""What is on its way into a dataset: pushed files, and copies of remote sources."""

from pynamodb.attributes import (
    BooleanAttribute,
    NumberAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
)
from pynamodb.models import Model

from chalicelib.store.catalog.attributes import JsonAttribute
from chalicelib.store.catalog.keys import SECRETS


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
