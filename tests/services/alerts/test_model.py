"""One outage, one alert and one recovery notice, none of them early, whatever happens between any two AWS calls
(invariant 7); and alerts that are built wrong in one of the known ways are found out."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.inactivity import Watch
from chalicelib.domain.mail_layout import Mail
from chalicelib.domain.mails import Signer, mail_of
from chalicelib.domain.notice import Notice
from chalicelib.store.activity import ActivityLog
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.mailer import Mailer
from chalicelib.store.outbox import OutboxStore
from chalicelib.store.records import TableWrite
from chalicelib.store.stores import Stores
from chalicelib.store.watches import Watched, WatchStore
from tests.histories import Step
from tests.services.alerts.world import START, World

CONTAINERS = st.integers(0, 1)
PUSHES = st.one_of(
    st.tuples(st.just("push"), CONTAINERS),
    st.tuples(st.just("heartbeat"), CONTAINERS),
    st.tuples(st.just("lost"), CONTAINERS),
)
EDITS = st.one_of(
    st.tuples(st.just("threshold"), st.sampled_from([1, 2, 5])),
    st.tuples(st.just("snooze"), st.sampled_from([None, 30, 300])),
    st.tuples(st.just("enable"), st.booleans()),
    st.tuples(st.just("enable"), st.booleans()),
    st.sampled_from([("publish",), ("unpublish",)]),
)
TICK = st.just(("tick",))
ACTS = st.one_of(TICK, TICK, PUSHES, EDITS)
CALLS = st.integers(0, 14)
STEPS = st.one_of(
    st.tuples(st.just("wait"), st.sampled_from([5, 9, 20, 40, 60, 61, 130, 400])),
    st.tuples(st.just("wait"), st.sampled_from([61, 130])),
    ACTS,
    ACTS,
    st.tuples(st.just("dying"), CALLS, ACTS),
    st.tuples(st.just("overtaken"), CALLS, ACTS, ACTS),
)
HISTORIES = st.lists(STEPS, min_size=2, max_size=8)

LATE: Step = ("wait", 61)
LOOK: Step = ("tick",)
PUSH: Step = ("push", 0)
# For each known way to build alerts wrong, histories of which at least one shows it.
TELLING: dict[str, list[list[Step]]] = {
    "no condition on the flip": [
        [LATE, ("overtaken", call, LOOK, other), LOOK] for call in range(2, 6) for other in (LOOK, PUSH)
    ],
    "mail before the flip": [[LATE, ("dying", call, LOOK), LOOK] for call in range(2, 6)],
    "notice apart from the flip": [[LATE, ("dying", call, LOOK), LOOK] for call in range(2, 6)],
    "claims not heeded": [[LATE, ("overtaken", call, LOOK, LOOK)] for call in range(2, 6)],
    "clock not re-armed on edit": [[("wait", 50), ("threshold", 2), ("wait", 80), LOOK]],
    "stale sign of life trusted": [[PUSH, ("wait", 9), PUSH, ("wait", 53), LOOK]],
}


@given(HISTORIES)
def test_one_outage_gives_one_alert_and_one_recovery(shared_stores: Stores, history: list[Step]) -> None:
    World(shared_stores).happen(history)


@pytest.mark.parametrize("mutant", TELLING)
def test_the_histories_that_tell_wrong_alerts_are_fine_with_ours(shared_stores: Stores, mutant: str) -> None:
    for history in TELLING[mutant]:
        World(shared_stores).happen(history)


class Unconditional(WatchStore):
    """Writes over whatever happened meanwhile."""

    def _update(self, watched: Watched, before: Watch, after: Watch) -> dict[str, Any]:
        update = super()._update(watched, before, after)
        del update["ConditionExpression"]
        values = update["ExpressionAttributeValues"]
        del values[":known"]
        values.pop(":heard", None)
        return update

    def write(self, watched: Watched, after: Watch, riders: Sequence[TableWrite], deadline: Deadline) -> bool:
        for rider in riders:
            self._client.put_item(TableName=rider.table, Item=rider.item)
        return super().write(watched, after, [], deadline)


class Apart(WatchStore):
    """Flips the state first, and puts the notice into the outbox afterwards."""

    def write(self, watched: Watched, after: Watch, riders: Sequence[TableWrite], deadline: Deadline) -> bool:
        is_written = super().write(watched, after, [], deadline)
        for rider in riders if is_written else ():
            self._client.put_item(TableName=rider.table, Item=rider.item)
        return is_written


class MailFirst(WatchStore):
    """Mails before the flip."""

    def __init__(self, client: Any, table: str, stores: Stores) -> None:
        super().__init__(client, table)
        self._stores = stores

    def write(self, watched: Watched, after: Watch, riders: Sequence[TableWrite], deadline: Deadline) -> bool:
        for rider in riders[:1]:
            notice = Notice.from_json(orjson.loads(rider.item["notice"]["S"]))
            assert self._stores.mailer is not None
            self._stores.mailer.send(mail_of(notice, notice.addresses[0], Signer(secret="s", key_id="k1")))
        return super().write(watched, after, riders, deadline)


class Once(Mailer):
    """Sends nothing that was sent before the flip again after it."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._sent: set[str] = set()

    def send(self, mail: Mail) -> None:
        if mail.subject not in self._sent:
            super().send(mail)
        self._sent.add(mail.subject)


class Grabbing(OutboxStore):
    """Sends what another one is sending."""

    def claim(self, pk: str, now: int, deadline: Deadline) -> Notice | None:
        return super().claim(pk, now + 10**6, deadline)

    def write(self, notice: Notice, now: int, *, claimed: bool = False) -> TableWrite:
        return super().write(notice, now - 120 if claimed else now, claimed=claimed)


class Trusting(ActivityLog):
    """Takes what was noted for all there is."""

    def batches_of(self, *_: Any) -> Iterator[tuple[list[int], int | None]]:
        yield [], None


class StaleClock(World):
    """Leaves the clock as it is when settings are edited."""

    def _edit(self, params: dict[str, Any]) -> None:
        super()._edit(params)
        if self.now > START:
            self.stores.client.update_item(
                TableName=self.stores.names.catalog_table,
                Key={
                    "pk": {"S": f"dataset#{self.device.dataset_uid}"},
                    "sk": {"S": f"alert#{self.device.resource_uid}"},
                },
                UpdateExpression="SET since = :since, due_at = :due",
                ExpressionAttributeValues={
                    ":since": {"N": str(self._milliseconds(START))},
                    ":due": {"N": str(self._milliseconds(START) // 1000)},
                },
            )


def a_wrong_world(shared: Stores, mutant: str) -> World:
    """A world in which one part of the product is built wrong."""
    stores, names = Stores(shared.names, shared.client), shared.names
    vars(stores).update(mailer=shared.mailer, push_secrets=shared.push_secrets)  # their clients take long to make
    tables = shared.client, names.catalog_table
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "no condition on the flip": lambda: {"watches": Unconditional(*tables)},
        "mail before the flip": lambda: {
            "watches": MailFirst(*tables, stores),
            "mailer": Once(names.mail_from, None, names.region),
        },
        "notice apart from the flip": lambda: {"watches": Apart(*tables)},
        "claims not heeded": lambda: {"outbox": Grabbing(*tables)},
        "stale sign of life trusted": lambda: {"activity": Trusting(shared.client, names.activity_table)},
    }
    if mutant not in parts:
        return StaleClock(stores)
    vars(stores).update(parts[mutant]())
    return World(stores)


@pytest.mark.parametrize("mutant", TELLING)
def test_alerts_that_are_built_wrong_are_found_out(shared_stores: Stores, mutant: str) -> None:
    def is_found_out(history: list[Step]) -> bool:
        try:
            a_wrong_world(shared_stores, mutant).happen(history)
        except AssertionError:
            return True
        return False

    assert any(is_found_out(history) for history in TELLING[mutant])
