"""A watched resource, its devices in two containers, its editor and its checks, any of whom may die between two AWS
calls or be overtaken there.

`World` does to the product what a history says. What is true of the resource it takes from receipts and settings, never
from the watch; and at every step it holds the notices that were given against that truth.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from weakref import WeakKeyDictionary

import orjson
from botocore.exceptions import ClientError
from moto.core import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends
from moto.ses.models import ses_backends

from chalicelib.domain.errors import DatasetNotPublished, EditConflict, InvalidDatasetStatus, PushDisabled
from chalicelib.domain.inactivity import ALERT, RECOVERY, REMINDER
from chalicelib.services.alerts.checks import look_for_silence
from chalicelib.services.alerts.outbox import deliver
from chalicelib.services.alerts.settings import Requester
from chalicelib.services.publication.publication import publish, unpublish
from chalicelib.services.resources import push_switches, resources
from chalicelib.store.catalog.keys import CONFIG, RESOURCE, dataset_pk, live_pk
from chalicelib.store.due import DueIndex
from chalicelib.store.dynamodb import Deadline
from chalicelib.store.outbox import CLAIM_SECONDS
from chalicelib.store.stores import Stores
from tests.builders import at
from tests.deployment import REGION, PatientDeadline, Tables
from tests.faults import CallCounter, Crash, counted
from tests.histories import Step, act
from tests.services.devices import Device, a_device

OWNER = "ann@example.org"
ANN = Requester(email=OWNER, base_url="https://data.example.org/api")
BOOTSTRAP = {"key": 1}
START = 1000.0


@dataclass(frozen=True, kw_only=True)
class Truth:
    """What is true of the resource, in seconds: when its clock started, its threshold, until when it is quiet, and
    whether it can receive anything. `outage` is that of the alert that was given last and is not over."""

    clock: float
    threshold: float
    quiet_until: float
    is_open: bool
    outage: float | None

    def is_silent(self, now: float) -> bool:
        """Whether an alert is to be given."""
        is_over = now - self.clock > self.threshold and now >= self.quiet_until
        return self.is_open and self.outage is None and is_over

    def has_recovered(self) -> bool:
        """Whether a recovery is to be told."""
        return self.is_open and self.outage is not None and self.clock > self.outage


class World:
    """One dataset with one watched resource."""

    def __init__(self, stores: Stores) -> None:
        self.stores = stores
        self.containers = [Stores(stores.names, stores.client) for _ in range(2)]
        self.device = _device(stores)
        stores.__dict__.setdefault("due", WholeIndex(stores.client, stores.names.catalog_table))
        self._backend.sent_messages.clear()
        assert stores.mailer is not None
        self.now = START
        self.is_clean = True
        """Whether nobody has died in this step."""
        self.unsure_mails = self._dead_mails = 0
        self.unnoted = False
        """Whether a sign of life was lost: then the check alone finds out."""
        self.outage: float | None = None
        self.since = START
        self.seen: dict[str, dict[str, Any]] = {}
        self._settings = self._stored_settings()
        self.truth = self._truth()

    def happen(self, history: list[Step]) -> None:
        """Let all of it happen, then come to rest."""
        for step in history:
            self.step(step)
        for _ in range(4):
            self.step(("wait", CLAIM_SECONDS + 1))
            self.step(("tick",))
        if self.unnoted:
            for _ in range(3):
                self.step(("wait", 3700))
                self.step(("tick",))
        self._check_mails()

    def step(self, step: Step) -> None:
        """One step of a history, and what must be true after it."""
        before, self.is_clean, self._dead_mails = self.truth, True, 0
        act(self, step)
        self._note_settings()
        self._check_notices(before, is_tick=step[0] == "tick" and self.is_clean)
        self.truth = self._truth()
        assert len(self._backend.sent_messages) <= len(self.seen) + self.unsure_mails, "every mail has its notice"
        self.unsure_mails += self._dead_mails

    def wait(self, seconds: float) -> None:
        """Time goes by."""
        self.now += seconds

    def push(self, container: int) -> None:
        """Push a record from one of the containers."""
        device = replace(self.device, stores=self.containers[container], now=self._moment())
        with suppress(PushDisabled, DatasetNotPublished):
            device.push({"key": 1})

    def lost(self, container: int) -> None:
        """Push a record whose sign of life cannot be noted."""
        self.unnoted, self.stores.client.before = True, _failing
        try:
            self.push(container)
        finally:
            self.stores.client.before = _passing

    def heartbeat(self, container: int) -> None:
        """Push nothing."""
        device = replace(self.device, stores=self.containers[container], now=self._moment())
        with suppress(PushDisabled, DatasetNotPublished):
            device.push([])

    def tick(self) -> None:
        """Look for silence, and send what that gives."""
        checked = look_for_silence(self.stores, self._moment(), PatientDeadline(60))
        assert not checked.failed, checked.failed
        deliver(self.stores, checked.notices, self._moment(), PatientDeadline(60))

    def edit(self, **params: Any) -> None:
        """Change settings of the alert."""
        with suppress(EditConflict):
            self._edit(params)

    def _edit(self, params: dict[str, Any]) -> None:
        edit_alert(self.device, self._moment(), **params)

    def threshold(self, minutes: int) -> None:
        """Change the threshold."""
        self.edit(inactivity_minutes=minutes)

    def snooze(self, seconds: float | None) -> None:
        """Ask for quiet, or end it."""
        self.edit(alert_snoozed_until=None if seconds is None else at(self.now + seconds).isoformat())

    def enable(self, on: bool) -> None:
        """Let the resource take pushes, or not."""
        with suppress(EditConflict):
            push_switches.set_push_enabled(self.device.dataset_uid, self.device.resource_uid, on, self._moment())

    def publish(self) -> None:
        """Publish the draft."""
        with suppress(EditConflict, InvalidDatasetStatus):
            publish(self.stores, self.device.dataset_uid, self._moment(), Deadline(5))

    def unpublish(self) -> None:
        """Take the dataset off."""
        with suppress(EditConflict, InvalidDatasetStatus):
            unpublish(self.stores, self.device.dataset_uid, self._moment())

    def dying(self, call: int, act: Callable[[], None]) -> None:
        """Do something that dies before its AWS call of that number."""
        with self._dying(call):
            act()

    def overtaken(self, call: int, act: Callable[[], None], other: Callable[[], None]) -> None:
        """Do something, and the whole of another thing before its AWS call of that number; what that made of the
        settings the first may take back."""

        def overtake() -> None:
            other()
            self._note_settings()

        with counted(self.stores, CallCounter(call, then=overtake)):
            act()

    @contextmanager
    def _dying(self, call: int) -> Iterator[None]:
        mails = len(self._backend.sent_messages)
        try:
            with counted(self.stores, CallCounter(call)):
                yield
        except Crash:
            self.is_clean = False
            self.unnoted = True  # it may have been a push
            self._dead_mails = len(self._backend.sent_messages) - mails

    def _note_settings(self) -> None:
        """What the step made of the settings: the clock starts anew when they change, or when pushes come through
        again; what closes the resource ends an outage."""
        before, now = self._settings, self._stored_settings()
        is_opened = now["is_open"] and not before["is_open"]
        if is_opened or (now["params"] != before["params"] and self.outage is None):
            self.since = self.now
        if not now["is_open"]:
            self.outage = None
        self._settings = now

    def _truth(self) -> Truth:
        params = self._settings["params"]
        snoozed = params.get("alert_snoozed_until")
        quiet_until = (datetime.fromisoformat(snoozed) - at(0)).total_seconds() if snoozed else 0.0
        return Truth(
            clock=max([self.since, *self._received()]),
            threshold=60.0 * params["inactivity_minutes"],
            quiet_until=quiet_until,
            is_open=self._settings["is_open"],
            outage=self.outage,
        )

    def _check_notices(self, before: Truth, *, is_tick: bool) -> None:
        """Whatever was told in this step was true before or after it; and a check that nobody disturbed has told all
        that was true."""
        stored = self._notices()
        new = [notice for notice_id, notice in stored.items() if notice_id not in self.seen]
        self.seen = stored
        for notice in sorted(new, key=lambda notice: (notice["created_at"], notice["kind"] != RECOVERY)):
            after = self._truth()
            assert notice["created_at"] == self._milliseconds(self.now)
            since = (notice["facts"]["outage_since"] - self._milliseconds(0)) / 1000
            if notice["kind"] == ALERT:
                assert before.is_silent(self.now) or after.is_silent(self.now), f"an alert that is not true: {notice}"
                assert since in (before.clock, after.clock), "the alert tells when the silence began"
                self.outage = since if self._settings["is_open"] else None
            elif notice["kind"] == RECOVERY:
                assert before.has_recovered() or after.has_recovered(), f"a recovery that is not true: {notice}"
                assert since in (before.outage, after.outage)
                self.outage = None
            else:
                assert notice["kind"] == REMINDER
        after = self._truth()
        if is_tick:
            kinds = [notice["kind"] for notice in new]
            assert not before.is_silent(self.now) or ALERT in kinds, "a check tells of silence"
            assert not before.has_recovered() or RECOVERY in kinds or self.unnoted, "a check tells of a recovery"

    def _check_mails(self) -> None:
        """Every notice has been mailed, once; twice at the most when the sender died right behind a mail."""
        mailed = [message.subject for message in self._backend.sent_messages]
        alerts = [n for n in self.seen.values() if n["kind"] in (ALERT, REMINDER)]
        recoveries = [n for n in self.seen.values() if n["kind"] == RECOVERY]
        told = {True: len(recoveries), False: len(alerts)}
        for is_recovery, expected in told.items():
            sent = sum(("again" in subject) is is_recovery for subject in mailed)
            assert expected <= sent <= expected + self.unsure_mails, f"{expected} notices, mailed {mailed}"
        assert self.unnoted or self.outage is None or not self.truth.has_recovered()

    def _stored_settings(self) -> dict[str, Any]:
        items = rows(self.stores.names.catalog_table)
        resource = items[dataset_pk(self.device.dataset_uid), RESOURCE + self.device.resource_uid]
        live = items[live_pk(self.device.target.dataset_id), CONFIG]
        params, switches = orjson.loads(resource["params"]["S"]), orjson.loads(live["switches"]["S"])
        names = ("alerting", "inactivity_minutes", "alert_snoozed_until")
        return {
            "params": {name: params.get(name) for name in names},
            "is_open": live["is_published"]["BOOL"] and switches["realtime"]["push_enabled"],
        }

    def _received(self) -> list[float]:
        keys = rows(self.stores.names.activity_table)
        moments = [int(sk.removeprefix("batch#")[:12], 16) for _, sk in keys if sk.startswith("batch#")]
        return [(moment - self._milliseconds(0)) / 1000 for moment in moments]

    def _notices(self) -> dict[str, dict[str, Any]]:
        found = rows(self.stores.names.catalog_table)
        notices = [orjson.loads(item["notice"]["S"]) for (_, sk), item in found.items() if sk == "notice"]
        return {notice["id"]: notice for notice in notices}

    @property
    def _backend(self) -> Any:
        return ses_backends[DEFAULT_ACCOUNT_ID][REGION]

    def _moment(self) -> datetime:
        return at(self.now)

    def _milliseconds(self, seconds: float) -> int:
        return int(at(seconds).timestamp() * 1000)


class WholeIndex(DueIndex):
    """The index `due`, read at once: its shards have their own tests, and moto is slow."""

    def keys(self, kind: str, now: int, _deadline: Deadline) -> Iterator[tuple[str, str]]:
        for key, item in rows(self._table).items():
            if item.get("due", {}).get("S", "").startswith(f"{kind}#") and int(item["due_at"]["N"]) <= now:
                yield key


def rows(table: str) -> dict[tuple[str, str], dict[str, Any]]:
    """What moto's table holds now, by key."""
    items = dynamodb_backends[DEFAULT_ACCOUNT_ID][REGION].tables[table].all_items()
    found = [item.to_json()["Attributes"] for item in items]
    return {(item["pk"]["S"], item["sk"]["S"]): item for item in found}


def _passing(_operation: str) -> None:
    """Nothing is wrong with AWS."""


def _failing(operation: str) -> None:
    """A sign of life cannot be noted."""
    if operation == "update_item":
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "lost"}}, "UpdateItem")


def edit_alert(device: Device, now: datetime, **params: Any) -> None:
    """Change params of a device's resource, as Ann."""
    body = {"type": "realtime", "params": {"bootstrap": BOOTSTRAP, **params}}
    resources.edit_resource(device.stores, device.dataset_uid, device.resource_uid, body, now, requester=ANN)


def _device(stores: Stores) -> Device:
    """A published dataset that is watched since START. It is made once for a deployment, whose tables are put back
    then."""
    made = _made.get(stores.client._client)
    if made is None:
        device = a_device(stores, bootstrap=BOOTSTRAP)
        edit_alert(device, at(START), inactivity_minutes=1, alerting=True)
        made = _made[stores.client._client] = (device, Tables())
    device, tables = made
    tables.put_back()
    return replace(device, stores=stores)


_made: WeakKeyDictionary[Any, tuple[Device, Tables]] = WeakKeyDictionary()
