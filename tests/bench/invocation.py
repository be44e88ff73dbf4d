"""Running the handler as Lambda runs it: `app.py` called with an event. Imports nothing that a function does not."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

from app import app
from chalicelib.telemetry import logger
from tests.fuzz.gateway import LambdaContext


@contextmanager
def quiet() -> Iterator[None]:
    """Logs and metrics are written as ever, but to nowhere."""
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        streams = [handler for handler in logger.handlers if isinstance(handler, logging.StreamHandler)]
        before = [handler.setStream(nowhere) for handler in streams]  # they took hold of the standard output before
        try:
            yield
        finally:
            for handler, stream in zip(streams, before, strict=True):
                handler.setStream(stream)


def run_handler(event: dict[str, Any]) -> None:
    """Run the application for an event; anything but its OK stops the bench."""
    answer = app(event, LambdaContext())
    if (answer["statusCode"], answer["body"]) != (200, '{"status": "OK"}'):
        raise RuntimeError(f"the push was not accepted: {answer['statusCode']} {answer['body']}")


def peak_memory() -> float:
    """Mebibytes that this process held at the most. `getrusage` would tell of its parent too."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024
