"""SQS: a FIFO queue's groups were handled one after the other, so that one dataset's lane made all others wait; and
after a restart a message that had been handled meanwhile waited until its time-out, as if somebody were still at it.

The emulator keeps to one batch at a time since a batch may span groups. Of one message it cannot, and a group whose
message is being handled is passed over when the next one is received.
"""

from collections.abc import Callable, Mapping
from typing import Any

from ministack.services import lambda_svc, sqs

AT_ONCE = 4
"""Groups handled at the same time; Lambda takes as many as there are."""


def apply() -> None:
    """Handle several groups at once where each message comes alone, and anew what a stop has interrupted."""
    lambda_svc._sqs_esm_concurrency = _in_parallel(lambda_svc._sqs_esm_concurrency)
    sqs.load_persisted_state = _taking_back(sqs.load_persisted_state)


def _in_parallel(concurrency: Callable[..., int]) -> Callable[..., int]:
    def in_parallel(esm: Mapping[str, Any], func_rec: Any, config: Any, queue: Mapping[str, Any] | None = None) -> int:
        if (queue or {}).get("is_fifo") and esm.get("BatchSize") == 1:
            return AT_ONCE
        return concurrency(esm, func_rec, config, queue)

    return in_parallel


def _taking_back(load: Callable[[Any], None]) -> Callable[[Any], None]:
    def taking_back(data: Any) -> None:
        load(data)
        for queue in sqs._queues._data.values():
            for message in queue["messages"]:
                if message["receipt_handle"] is not None:  # those that were never received may be delayed
                    message["receipt_handle"] = None
                    message["visible_at"] = message["sent_at"]

    return taking_back
