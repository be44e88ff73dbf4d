"""What is published, or about to be: what pushes, readers and the tick see."""

from pynamodb.attributes import (
    BooleanAttribute,
    NumberAttribute,
    UnicodeAttribute,
    VersionAttribute,
)
from pynamodb.models import Model

from chalicelib.store.catalog.attributes import JsonAttribute
from chalicelib.store.catalog.keys import CONFIG, SOURCES, SWEEPS


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
    given_up = NumberAttribute(null=True)
    refreshed = UnicodeAttribute(null=True)
    fetching_until = NumberAttribute(null=True)
    switches = JsonAttribute()

    @property
    def next_generation(self) -> int:
        """The number of a generation that the dataset has never had."""
        return int(max(self.coming_generation or self.generation, self.given_up or 0)) + 1


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


class PublishedSourcesItem(Model):
    """The sources of the published version of a dataset, which its runs fetch, whatever has become of the draft."""

    class Meta:
        """Bound in `bind_models`."""

        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True, default=SOURCES)
    version = NumberAttribute()
    sources = JsonAttribute()


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


class SweepItem(Model):
    """A generation of a dataset, `{dataset_uid}.{generation}`, that is out of reach and to be removed; or, under
    `{dataset_uid}.{generation}/{note}`, file contents of one that are, unless a record refers to them."""

    class Meta:
        """Bound in `bind_models`."""

        table_name = ""

    pk = UnicodeAttribute(hash_key=True, default=SWEEPS)
    partition = UnicodeAttribute(range_key=True, attr_name="sk")
    due = UnicodeAttribute()
    due_at = NumberAttribute()
    contents = JsonAttribute(null=True)
