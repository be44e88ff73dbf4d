"""Where the models of the catalog lie."""

from pynamodb.models import Model

from chalicelib.store.aws import aws_session
from chalicelib.store.catalog.drafts import (
    ApiKeyItem,
    DatasetItem,
    ResourceItem,
    ScheduleItem,
    StackItem,
    UnsettledItem,
    UploadedFileItem,
)
from chalicelib.store.catalog.incoming import AcceptedRefreshItem, CopyItem, SourceSecretsItem, UploadItem
from chalicelib.store.catalog.published import LiveItem, PublicationItem, PublishedSourcesItem, SweepItem, WatchItem
from chalicelib.store.catalog.recovery import RecoveryAbortItem, RecoveryItem
from chalicelib.store.dynamodb import CONNECT_TIMEOUT, READ_TIMEOUT

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
