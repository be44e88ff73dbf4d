"""Settings are complete or refused loudly."""

import pytest

from chalicelib.config import BadSettings, Settings
from chalicelib.services.publication.plan import LIMITS

COMPLETE = {
    "FRESHWIRE_STAGE": "test",
    "AWS_REGION": "eu-west-3",
    "CATALOG_TABLE": "c",
    "RECORDS_TABLE": "r",
    "ACTIVITY_TABLE": "a",
    "FILES_BUCKET": "f",
    "SOURCES_BUCKET": "s",
    "EXPORTS_BUCKET": "e",
    "LANE_BUCKET": "l",
    "BACKUPS_BUCKET": "backups",
    "BELL_QUEUE_URL": "b",
    "PUSH_SECRET_ID": "p",
    "SCHEDULE_GROUP": "g",
    "SCHEDULER_ROLE_ARN": "arn:role",
    "REFRESH_FUNCTION_ARN": "arn:function",
}


def test_settings_come_from_the_environment() -> None:
    settings = Settings.from_environment({**COMPLETE, "FRESHWIRE_PUBLIC_URL": "https://data.example.org/api/"})
    assert (settings.catalog_table, settings.public_url) == ("c", "https://data.example.org/api")
    assert settings.features == {"push", "scheduling"}
    assert Settings.from_environment({**COMPLETE, "FRESHWIRE_FEATURES": ""}).features == {""}
    assert settings.max_records == LIMITS.records == 10_000_000
    assert Settings.from_environment({**COMPLETE, "FRESHWIRE_MAX_RECORDS": "5000"}).max_records == 5000


@pytest.mark.parametrize("name", sorted(COMPLETE))
def test_a_missing_variable_is_named(name: str) -> None:
    with pytest.raises(BadSettings, match=name):
        Settings.from_environment({**COMPLETE, name: ""})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FRESHWIRE_FEATURES", "push,teleport"),
        ("FRESHWIRE_PUBLIC_URL", "data.example.org"),
        ("FRESHWIRE_MAX_RECORDS", "0"),
        ("FRESHWIRE_MAX_RECORDS", "many"),
    ],
)
def test_a_bad_value_is_refused(name: str, value: str) -> None:
    with pytest.raises(BadSettings, match=name):
        Settings.from_environment({**COMPLETE, name: value})
