"""Lambda: a function that logs nothing made every call wait 50 ms for its log."""

import functools

from ministack.core import lambda_runtime


def apply() -> None:
    """Wait 4 ms for the first line: what a handler printed before it answered is already in the pipe by then."""
    lambda_runtime.Worker._drain_stderr_bounded = functools.partialmethod(
        lambda_runtime.Worker._drain_stderr_bounded, first_line_wait=0.004, idle_confirm=0.002
    )
