"""The management API v1.0: what publishers and their scripts set up. Authenticated by API keys."""

from chalicelib.api.automation import (
    apikeys,
    configuration,
    datasets,
    lane,
    recovery,
    resources,
    runs,
    schedules,
    security,
)
from chalicelib.api.automation.routing import routes

__all__ = [
    "apikeys",
    "configuration",
    "datasets",
    "lane",
    "recovery",
    "resources",
    "routes",
    "runs",
    "schedules",
    "security",
]
