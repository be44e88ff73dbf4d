"""Logs and metrics. Every metric the product sends is declared here."""

from dataclasses import asdict

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from chalicelib.domain.receipt import Receipt

logger = Logger(service="freshwire", use_rfc3339=True)
metrics = Metrics(service="freshwire", namespace="Freshwire")

METRICS = frozenset({"RecordsWritten", "RecordsUnchanged", "RecordsDeleted", "RecordsRejected", "PushesAccepted"})


def count(name: str, value: int) -> None:
    """Add to a declared metric."""
    if name not in METRICS:
        raise KeyError(f"metric {name} is not declared")
    metrics.add_metric(name=name, unit=MetricUnit.Count, value=value)


def report_batch(dataset_id: str, receipt: Receipt) -> None:
    """Log and count an accepted batch."""
    counts = receipt.counts
    fields = {"action": receipt.operation, "dataset_id": dataset_id, "batch_id": receipt.batch_id}
    logger.info("batch accepted", extra={**fields, "counts": asdict(counts)})
    count("PushesAccepted", 1)
    count("RecordsWritten", counts.created + counts.updated)
    count("RecordsUnchanged", counts.unchanged)
    count("RecordsDeleted", counts.deleted)
    count("RecordsRejected", counts.rejected)
    metrics.flush_metrics()
