"""How long the processors of a dataset may take for one request: whoever configures slow ones gets a refusal that says
so, and no time-out of the gateway."""

from chalicelib.store.dynamodb import Deadline

SECONDS = 8.0
"""Counted from when processing begins, so that a slow storage is never taken for slow processors. One application of
a processor may still begin at its end and last some seconds more (`regexp_replace.MAX_STEPS`): together they leave the
request time to be answered."""


def time_to_process(deadline: Deadline) -> Deadline:
    """The moment by which the records of a request must be processed; it goes by the clock of the request's."""
    return deadline.apart(SECONDS)
