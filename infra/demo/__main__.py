"""Set up the demo: `nyc-weather`, whose first weeks are pushed, and `airports`, a file that a schedule fetches every
minute.

    python -m infra.demo

Reads FRESHWIRE_URL (such as http://127.0.0.1:8000/api) and FRESHWIRE_API_KEY. Running it again is harmless.
"""

import json
import os
import sys
import urllib.request
from typing import Any

from infra.demo.weather_station import FEED, push_all, readings
from infra.local.demo_files import PATH

DATASET_ID, AIRPORTS = "nyc-weather", "airports"
FIRST_WEEKS_END = "2013-01-22"  # three weeks of three stations
UNIQUE_KEY = ("origin", "time_hour")
DOUBLES = ("precip", "visib")  # the sample has only whole numbers of them
LABELS = {"temp": "Temperature (°F)", "humid": "Relative humidity (%)", "wind_speed": "Wind speed (mph)"}


class Management:
    """The management API, as a script sees it."""

    def __init__(self, url: str, key: str) -> None:
        self._url, self._key = f"{url.rstrip('/')}/automation/v1.0", key

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """The parsed answer; a refusal ends the program with its sentence."""
        request = urllib.request.Request(
            self._url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Apikey {self._key}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refused:
            raise SystemExit(f"{method} {path}: {refused.code} {refused.read().decode(errors='replace')}") from None


def set_up(management: Management) -> str:
    """Create and publish the dataset unless it is there; return its push URL."""
    found = management.call("GET", f"/datasets/?dataset_id={DATASET_ID}")["results"]
    if not found:
        _create(management)
        found = management.call("GET", f"/datasets/?dataset_id={DATASET_ID}")["results"]
    resources = management.call("GET", f"/datasets/{found[0]['uid']}/resources/")["results"]
    push_url: str = resources[0]["params"]["push_url"]
    return push_url


def _create(management: Management) -> None:
    title = {"value": "New York airports: hourly weather"}
    dataset = management.call(
        "POST", "/datasets/", {"dataset_id": DATASET_ID, "metadata": {"default": {"title": title}}}
    )
    path = f"/datasets/{dataset['uid']}"
    sample = list(readings(FEED, "2013-01-01", "2013-01-04"))  # long enough that every field has a value
    management.call(
        "POST",
        f"{path}/resources/",
        {"type": "realtime", "title": "Stations", "params": {"bootstrap": sample, "null_values": ["NA"]}},
    )
    for name in UNIQUE_KEY:
        management.call(
            "POST", f"{path}/fields/", {"type": "annotate", "label": "id", "annotation": "id", "field": name}
        )
    for name in DOUBLES:
        management.call("POST", f"{path}/fields/", {"type": "type", "field": name, "type_param": "double"})
    for name, label in LABELS.items():
        configuration = {"type": "rename", "from_name": name, "to_name": name, "field_label": label}
        management.call("POST", f"{path}/fields/", configuration)
    management.call("POST", f"{path}/publish/")


def set_up_airports(management: Management, source: str) -> None:
    """Create and publish `airports` with its schedule, unless it is there; `source` is the address of its file."""
    if management.call("GET", f"/datasets/?dataset_id={AIRPORTS}")["results"]:
        return
    title = {"value": "Airports of the United States"}
    dataset = management.call("POST", "/datasets/", {"dataset_id": AIRPORTS, "metadata": {"default": {"title": title}}})
    path = f"/datasets/{dataset['uid']}"
    management.call(
        "POST", f"{path}/resources/", {"type": "csvfile", "title": "airports.csv", "datasource": {"url": source}}
    )
    key = {"type": "annotate", "label": "id", "annotation": "id", "field": "faa"}
    management.call("POST", f"{path}/fields/", key)
    management.call("POST", f"{path}/schedules/", {"cron_schedule": "* * * * *"})
    management.call("POST", f"{path}/publish/")


def main() -> int:
    """Set up the datasets and push the first weeks of the weather."""
    management = Management(os.environ["FRESHWIRE_URL"], os.environ["FRESHWIRE_API_KEY"])
    push_url = set_up(management)
    print(f"  dataset {DATASET_ID}: pushing its first weeks to {push_url.partition('?')[0]}")
    origin = os.environ["FRESHWIRE_URL"].removesuffix("/api")
    print(f"  dataset {AIRPORTS}: fetched every minute from {origin}{PATH}airports.csv")
    set_up_airports(management, f"{origin}{PATH}airports.csv")
    push_all(push_url, list(readings(FEED, "", FIRST_WEEKS_END)), batch=500)
    return 0


if __name__ == "__main__":
    sys.exit(main())
