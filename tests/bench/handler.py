"""The whole push handler as Lambda runs it: `app.py` called with the events of an API Gateway."""

import json
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

from app import app
from chalicelib.domain.schema import Schema
from chalicelib.store.catalog import bind_models
from chalicelib.telemetry import logger
from tests.bench.endpoint import ENVIRONMENT
from tests.bench.weather import weather_schema
from tests.builders import a_dataset
from tests.fuzz.gateway import HttpRequest, LambdaContext, proxy_event

Push = Callable[[dict[str, Any]], None]


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


class Handler:
    """The application with a published dataset, one of weather unless another schema is given; needs the stub
    endpoint's environment."""

    def __init__(self, dataset_id: str = "nyc-weather", schema: Schema | None = None) -> None:
        bind_models(ENVIRONMENT["CATALOG_TABLE"], ENVIRONMENT["AWS_REGION"])
        target = a_dataset(dataset_id, schema=schema or weather_schema())
        self._path = f"/push/1.0/{target.dataset_id}/{target.resource_id}/push/?pushkey={target.push_key}"

    def event(self, records: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """The event of a push of these records."""
        request = HttpRequest(method="POST", path=self._path, body=json.dumps(records, separators=(",", ":")))
        event = proxy_event(app.routes, request)
        if event is None:
            raise LookupError("the application has no route for a push")
        return event

    def push(self, event: dict[str, Any]) -> None:
        """Run the handler; anything but its OK stops the bench."""
        run_handler(event)


def run_handler(event: dict[str, Any]) -> None:
    """Run the application for an event; anything but its OK stops the bench."""
    answer = app(event, LambdaContext())
    if (answer["statusCode"], answer["body"]) != (200, '{"status": "OK"}'):
        raise RuntimeError(f"the push was not accepted: {answer['statusCode']} {answer['body']}")
