"""AWS calls of one tick that finds 50 resources silent, among 50 and among 100,000 that are watched."""

import os
from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends

from chalicelib.domain.inactivity import Watch
from chalicelib.services.alerts.checks import look_for_silence
from chalicelib.services.alerts.outbox import deliver
from chalicelib.store.watches import watch_values
from tests.bench.report import Row, shown_counts
from tests.builders import NOW
from tests.deployment import CREDENTIALS, REGION, PatientDeadline, deployment

WATCHED, SILENT = 100_000, 50
MINUTE = 60_000


def measure() -> list[Row]:
    """A tick with nothing due, with 50 silent ones alone, and with these among many."""
    os.environ.update(CREDENTIALS)
    idle, alone = _counted(watched=SILENT, silent=0), _counted(watched=SILENT, silent=SILENT)
    among = _counted(watched=WATCHED, silent=SILENT)
    return [
        Row(what="nothing due", figure=sum(idle.values()), bound=24, remark=shown_counts(idle)),
        Row(what=f"{SILENT} of {SILENT} silent", figure=sum(alone.values()), remark=shown_counts(alone)),
        Row(
            what=f"{SILENT} of {WATCHED:,} silent",
            figure=sum(among.values()),
            bound=sum(alone.values()),
            remark=shown_counts(among),
        ),
    ]


def _counted(*, watched: int, silent: int) -> dict[str, int]:
    """The DynamoDB calls of a tick."""
    with deployment() as (stores, _):
        backend = dynamodb_backends[DEFAULT_ACCOUNT_ID][REGION]
        table = backend.tables[stores.names.catalog_table]
        for number in range(watched):
            table.put_item(_item(number, is_silent=number < silent))
        stores.client.calls.clear()
        checked = look_for_silence(stores, NOW, PatientDeadline(3600))
        assert len(checked.notices) == silent
        assert deliver(stores, checked.notices, NOW, PatientDeadline(3600)).sent == (1 if silent else 0)
        return dict(stores.client.calls)


def _item(number: int, *, is_silent: bool) -> dict[str, Any]:
    now, uid = int(NOW.timestamp() * 1000), f"re_{number:06d}"
    watch = Watch(threshold=5 * MINUTE, since=now - (6 if is_silent else 1) * MINUTE)
    values = {name: value for name, value in watch_values(uid, watch).items() if value is not None}
    said = {"dataset_uid": f"da_{number:06d}", "dataset_id": f"d{number}", "resource_uid": uid, "title": "T"}
    texts = {**said, "owner": "ann@example.org", "recipients": "[]", "base_url": "https://data.example.org/api"}
    keys = {"pk": f"dataset#da_{number:06d}", "sk": f"alert#{uid}"}
    return {name: _typed(value) for name, value in {**keys, **texts, **values}.items()}


def _typed(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"BOOL": value}
    return {"S": value} if isinstance(value, str) else {"N": str(value)}
