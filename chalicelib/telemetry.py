"""Logs and metrics. Every metric the product sends is declared here."""

from collections.abc import Mapping
from dataclasses import asdict

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit, single_metric

from chalicelib.domain.receipt import QUEUED, Receipt

logger = Logger(service="freshwire", use_rfc3339=True)
metrics = Metrics(service="freshwire", namespace="Freshwire")

METRICS = frozenset(
    {
        "RecordsWritten",
        "RecordsUnchanged",
        "RecordsDeleted",
        "RecordsRejected",
        "PushesAccepted",
        "PushesQueued",
        "JobsApplied",
        "JobsDropped",
        "LaneFailures",
        "LanePaused",
        "BellsRungAgain",
        "RunsTakenUp",
        "RunCallsFailed",
        "SchedulesSettled",
        "SchedulesNotSettled",
        "RunsSucceeded",
        "RunsFailed",
        "RunsSkipped",
        "TickRan",
        "SilenceNotices",
        "SilenceChecksFailed",
        "MailsSent",
        "MailsRefused",
        "NoticesGivenUp",
        "AddressesStopped",
    }
)


def count(values: Mapping[str, int]) -> None:
    """Send values of declared metrics."""
    if unknown := values.keys() - METRICS:
        raise KeyError(f"metrics {sorted(unknown)} are not declared")
    for name, value in values.items():
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=value)
    metrics.flush_metrics()


def count_tick(stage: str) -> None:
    """Send that the tick of a stage runs: an alarm waits for the lack of it (`infra/state.yaml`)."""
    with single_metric(
        name="TickRan",
        unit=MetricUnit.Count,
        value=1,
        namespace="Freshwire",
        default_dimensions={"service": "freshwire", "stage": stage},
    ):
        pass


def report_batch(dataset_id: str, receipt: Receipt) -> None:
    """Log and count an accepted batch. What a queued one comes to is counted when it is applied."""
    counts = receipt.counts
    fields = {"action": receipt.operation, "dataset_id": dataset_id, "batch_id": receipt.batch_id}
    logger.info("batch accepted", extra={**fields, "state": receipt.state, "counts": asdict(counts)})
    values = {"PushesAccepted": 1, "RecordsRejected": counts.rejected}
    if receipt.state == QUEUED:
        values["PushesQueued"] = 1
    else:
        values |= {
            "RecordsWritten": (counts.created or 0) + (counts.updated or 0),
            "RecordsUnchanged": counts.unchanged or 0,
            "RecordsDeleted": counts.deleted or 0,
        }
    count(values)
