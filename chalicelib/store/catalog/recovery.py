"""The recovery of a dataset."""

from pynamodb.attributes import (
    BooleanAttribute,
    NumberAttribute,
    UnicodeAttribute,
)
from pynamodb.models import Model

from chalicelib.store.catalog.attributes import JsonAttribute


class RecoveryItem(Model):
    """The recovery of a dataset that is under way, or was the last one. `nonce` names its parts, `scope` is what it
    recovers; `high`, `cursor` and `since` say where in the log it began, how far down it is, and from when on (epoch
    milliseconds) the log is read again when the job is applied; `deleting` names the configurations of the deletes that
    were read. `visit` counts the workers that came for it: only the last of them may write. `outcomes` are those of the
    recoveries before. `due` and `due_at` make the tick ring."""

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
    deleting = JsonAttribute(null=True)
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
