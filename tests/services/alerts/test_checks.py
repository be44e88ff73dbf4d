"""The check of every minute: what cannot be checked, long searches, a duty that fails."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.services.alerts.checks import MAX_PAGES, look_for_silence
from chalicelib.store.activity import ActivityLog
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.stores import Stores
from chalicelib.triggers.clock import do_duties
from tests.builders import NOW, at
from tests.deployment import PatientDeadline
from tests.services.alerts.watching import (
    mails,
    state,
    watched,
)


def test_one_that_cannot_be_checked_stops_no_other(stores: Stores) -> None:
    broken, fine = watched(stores), watched(stores)
    key = {"pk": {"S": f"dataset#{broken.dataset_uid}"}, "sk": {"S": f"alert#{broken.resource_uid}"}}
    stores.client.update_item(TableName=stores.names.catalog_table, Key=key, UpdateExpression="REMOVE threshold")
    checked = look_for_silence(stores, at(61), PatientDeadline(60))
    assert (list(checked.failed), len(checked.notices)) == ([f"{key['pk']['S']} {key['sk']['S']}"], 1)
    assert checked.notices[0].scope == fine.resource_uid
    assert look_for_silence(stores, at(120), PatientDeadline(60)).looked_at == 0
    assert look_for_silence(stores, at(3700), PatientDeadline(60)).failed


class Paged(ActivityLog):
    """A table whose pages hold one receipt each."""

    def batches_of(self, *args: Any) -> Iterator[tuple[list[int], int | None]]:
        for moments, _ in super().batches_of(*args):
            for moment in moments[:-1]:
                yield [moment], moment
            yield moments[-1:], None


def test_a_long_search_goes_on_at_the_next_check(stores: Stores) -> None:
    device = watched(stores)
    vars(stores)["activity"] = Paged(stores.client, stores.names.activity_table)
    for number in range(MAX_PAGES + 5):
        stores.activity.put_receipt(
            device.dataset_uid,
            f"{int(at(1 + number).timestamp() * 1000):012x}{'0' * 16}",
            {"resource_uid": device.resource_uid, "operation": "push", "state": "applied"},
            NOW,
            Deadline(5),
        )
    checked = look_for_silence(stores, at(90), PatientDeadline(60))
    assert (checked.looked_at, checked.notices) == (1, [])
    assert state(device)["last_received_at"] == at(MAX_PAGES).isoformat(timespec="milliseconds")
    (notice,) = look_for_silence(stores, at(90), PatientDeadline(60)).notices
    assert notice.facts["outage_since"] == int(at(MAX_PAGES + 5).timestamp() * 1000)


def test_the_tick_leaves_its_mark_and_does_every_duty_though_one_fails(stores: Stores) -> None:
    watched(stores)

    def refuse(operation: str) -> None:
        if operation == "update_item":
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": ""}}, "UpdateItem")

    stores.client.before = refuse
    try:
        with pytest.raises(ClientError):
            do_duties(stores, at(30), PatientDeadline(60))
    finally:
        stores.client.before = lambda _: None
    do_duties(stores, at(61), PatientDeadline(60))
    assert stores.tick_mark.last(Deadline(5)) == at(61)
    assert len(mails()) >= 1
