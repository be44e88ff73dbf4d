"""The whole push handler as Lambda runs it: `app.py` called with the events of an API Gateway."""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

from chalicelib.store.catalog import bind_models
from tests.bench.endpoint import ENVIRONMENT
from tests.bench.weather import weather_schema
from tests.builders import a_dataset
from tests.fuzz.gateway import HttpRequest, LambdaContext, proxy_event

Push = Callable[[dict[str, Any]], None]


@contextmanager
def quiet() -> Iterator[None]:
    """Logs and metrics are written as ever, but to nowhere."""
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        yield


class Handler:
    """The application with a published dataset of weather; needs the stub endpoint's environment."""

    def __init__(self) -> None:
        bind_models(ENVIRONMENT["CATALOG_TABLE"], ENVIRONMENT["AWS_REGION"])
        target = a_dataset("nyc-weather", schema=weather_schema())
        self._path = f"/push/1.0/{target.dataset_id}/{target.resource_id}/push/?pushkey={target.push_key}"
        # Imported here: the logger takes hold of the standard output when it is made.
        from app import app  # noqa: PLC0415

        self._app = app

    def event(self, records: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """The event of a push of these records."""
        request = HttpRequest(method="POST", path=self._path, body=json.dumps(records))
        event = proxy_event(self._app.routes, request)
        if event is None:
            raise LookupError("the application has no route for a push")
        return event

    def push(self, event: dict[str, Any]) -> None:
        """Run the handler; anything but its OK stops the bench."""
        answer = self._app(event, LambdaContext())
        if (answer["statusCode"], answer["body"]) != (200, '{"status": "OK"}'):
            raise RuntimeError(f"the push was not accepted: {answer['statusCode']} {answer['body']}")
