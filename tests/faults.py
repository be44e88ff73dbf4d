"""Faults between any two AWS calls: a process that dies, or another one that comes between."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import pytest

from chalicelib.store.catalog.drafts import DatasetItem
from chalicelib.store.stores import Stores


class Crash(BaseException):
    """The process died here."""


EVERY = 4
STARTS = pytest.mark.parametrize("first", [0, *(pytest.param(n, marks=pytest.mark.long) for n in range(1, EVERY))])
"""Of those who die between two calls: every fourth call, from the `first` on; all calls in the long tests."""


_IS_UNCOUNTED = ContextVar("is_uncounted", default=False)


class CallCounter:
    """Counts AWS calls. Before the call of number `fatal` (from 0) happens, `then` does: by default the process dies,
    and the call never happens. What happens meanwhile is not counted."""

    def __init__(self, fatal: int | None = None, then: Callable[[], None] | None = None) -> None:
        self.calls, self.fatal = 0, fatal
        self._then = then
        self._is_inside = False

    def __call__(self, **_: Any) -> None:
        if self._is_inside or _IS_UNCOUNTED.get():
            return
        self.calls += 1
        if self.calls - 1 == self.fatal:
            self._is_inside = True
            try:
                self._happen()
            finally:
                self._is_inside = False

    def _happen(self) -> None:
        if self._then is None:
            raise Crash
        self._then()


class WriteCounter(CallCounter):
    """Counts those calls alone that change something: who dies before a read dies before the next of them as well."""

    def __call__(self, model: Any = None, **more: Any) -> None:
        if model.name not in ("Query", "GetItem"):
            super().__call__(**more)


@contextmanager
def uncounted() -> Iterator[None]:
    """What a test asks AWS itself is no call of the product's: nobody dies of it."""
    token = _IS_UNCOUNTED.set(True)
    try:
        yield
    finally:
        _IS_UNCOUNTED.reset(token)


@contextmanager
def counted(stores: Stores, counter: CallCounter, *, schedules: bool = False) -> Iterator[CallCounter]:
    """Count all calls to AWS inside, whatever the service; those of schedules too when they are asked for."""
    managing = DatasetItem._get_connection().connection.client
    buckets = [store._client for store in (stores.jobs, stores.files, stores.sources, stores.backups.bucket)]
    buckets.append(stores.backups.bucket._patient_client)
    mailers = [stores.mailer._client] if stores.mailer and "mailer" in vars(stores) else []  # of those who send mails
    clients = [stores.client._client, managing, stores.bell._client, *buckets, *mailers]
    if schedules:
        clients += [stores.scheduler._client, stores.refresh_function._client]
    for client in clients:
        client.meta.events.register("before-call", counter)
    try:
        yield counter
    finally:
        for client in clients:
            client.meta.events.unregister("before-call", counter)
