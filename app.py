"""The inventory: the application, its APIs and its triggers. Every trigger is one delegating line."""

from typing import Any

from chalice.app import Chalice, CloudWatchEvent, ConvertToMiddleware, Rate, Response, SQSEvent

from chalicelib.api import automation, explore, mail_links, openapi, push, push_uploads  # noqa: F401 - declares its routes
from chalicelib.api.health import health_answer
from chalicelib.config import bell_queue, mail_events
from chalicelib.telemetry import logger
from chalicelib.triggers import bell, bounces, clock, schedule

app = Chalice(app_name="freshwire", configure_logs=False)
app.api.binary_types.append("multipart/form-data")  # uploaded files keep their bytes
app.register_middleware(ConvertToMiddleware(logger.inject_lambda_context))
app.register_blueprint(push.routes, url_prefix="/push/1.0")
app.register_blueprint(automation.routes, url_prefix="/automation/v1.0")
app.register_blueprint(explore.routes, url_prefix="/explore/v2.1")
app.register_blueprint(mail_links.routes)
app.register_blueprint(openapi.routes)


@app.on_sqs_message(queue=bell_queue(), batch_size=1)
def apply(event: SQSEvent) -> None:
    """What waits for a worker: jobs in a lane, publications with large files."""
    bell.on_bell(event.to_dict(), event.context)


@app.schedule(Rate(1, unit=Rate.MINUTES))
def tick(event: CloudWatchEvent) -> None:
    """What is due."""
    clock.on_tick(event.context)


@app.lambda_function(name="refresh")
def refresh(event: dict[str, Any], context: Any) -> None:
    """A run that is due: called by a dataset's schedule, or for one."""
    schedule.on_schedule(event, context)


@app.on_cw_event(mail_events())
def bounces_of_mails(event: CloudWatchEvent) -> None:
    """Mails that bounced, and complaints."""
    bounces.on_mail_event(event.to_dict())


@app.route("/health", content_types=["*/*"])
def health() -> Response:
    """Whether the API answers, and the tick runs."""
    return health_answer(app.current_request)
