"""Saves the local cloud's state while it runs, so that killing it loses a minute of work and not a day.

A forked child writes the state as it was at one instant while requests go on: writing a quarter of a million records
takes seconds.
"""

import asyncio
import ctypes
import logging
import os
import signal
import time
from collections.abc import Callable

IDLE_SECONDS = 60.0
_LOOK_EVERY = 5.0
_PATIENCE_SECONDS = 120.0
_PR_SET_PDEATHSIG = 1  # of prctl(2)

logger = logging.getLogger("freshwire.local")


class Snapshots:
    """Saves a minute after the last request, when there was one since the last save."""

    def __init__(self, begin: Callable[[], None], save: Callable[[], None]) -> None:
        """`begin` is called at the instant that is saved; `save` writes the whole state, in a child process."""
        self._begin, self._save = begin, save
        self._last_request: float | None = None
        self._child: int | None = None
        self._has_stopped = False
        self._one_at_a_time = asyncio.Lock()

    def note_request(self) -> None:
        """A request may have changed the state."""
        self._last_request = time.monotonic()

    async def run(self, idle_seconds: float = IDLE_SECONDS, look_every: float = _LOOK_EVERY) -> None:
        """Save whenever `idle_seconds` pass without a request; ends by being cancelled."""
        while True:
            await asyncio.sleep(look_every)
            since = self._last_request
            if since is None or time.monotonic() - since < idle_seconds:
                continue
            saved = await self.save_now()
            if saved and self._last_request == since:
                self._last_request = None

    async def save_now(self) -> bool:
        """Save; answer whether it worked. A child that hangs (it inherits the locks of that instant) is given up."""
        async with self._one_at_a_time:
            if self._has_stopped:
                return False
            try:
                self._begin()
            except OSError:
                logger.exception("The state could not be saved")
                return False
            parent = os.getpid()
            self._child = os.fork()
            if self._child == 0:
                self._save_and_exit(parent)
            return await self._saved(self._child)

    def stop(self) -> None:
        """End a save that is going on, and save no more: the state is about to be saved as the emulator ends."""
        self._has_stopped = True
        if self._child is not None:
            os.kill(self._child, signal.SIGKILL)
            os.waitpid(self._child, 0)  # the next one writes where it wrote
            self._child = None

    def _save_and_exit(self, parent: int) -> None:
        code = 1
        try:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)
            _end_with(parent)
            os.closerange(3, os.sysconf("SC_OPEN_MAX"))  # the ports, which a next cloud may want to open
            self._save()
            code = 0
        except Exception:
            logger.exception("The state could not be saved")
        finally:
            os._exit(code)  # never the parent's handlers, sockets or event loop

    async def _saved(self, child: int) -> bool:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while self._child == child:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                self._child = None
                if status:
                    logger.warning("The state could not be saved; the one saved before stays.")
                return status == 0
            if time.monotonic() > deadline:
                os.kill(child, signal.SIGKILL)
                deadline = float("inf")
            await asyncio.sleep(0.02)
        return False


def _end_with(parent: int) -> None:
    """Have the kernel kill this process when `parent` is gone: whatever starts then uses the same folder."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        raise OSError("the local cloud has ended")
