"""The whole push handler with a dataset to push to, and the events of an API Gateway that push."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from app import app
from chalicelib.domain.schema import Schema
from chalicelib.store.catalog.binding import bind_models
from tests.bench.endpoint import ENVIRONMENT
from tests.bench.invocation import run_handler
from tests.bench.weather import weather_schema
from tests.builders import a_dataset
from tests.fuzz.gateway import HttpRequest, proxy_event

Push = Callable[[dict[str, Any]], None]


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
