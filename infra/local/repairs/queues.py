"""SQS: a FIFO queue's groups were handled one after the other, so that one dataset's lane made all others wait.

The emulator keeps to one batch at a time since a batch may span groups. Of one message it cannot, and a group whose
message is being handled is passed over when the next one is received.
"""

from collections.abc import Callable, Mapping
from typing import Any

from ministack.services import lambda_svc

AT_ONCE = 4
"""Groups handled at the same time; Lambda takes as many as there are."""


def apply() -> None:
    """Handle several groups at once where each message comes alone."""
    lambda_svc._sqs_esm_concurrency = _in_parallel(lambda_svc._sqs_esm_concurrency)


def _in_parallel(concurrency: Callable[..., int]) -> Callable[..., int]:
    def in_parallel(esm: Mapping[str, Any], func_rec: Any, config: Any, queue: Mapping[str, Any] | None = None) -> int:
        if (queue or {}).get("is_fifo") and esm.get("BatchSize") == 1:
            return AT_ONCE
        return concurrency(esm, func_rec, config, queue)

    return in_parallel
