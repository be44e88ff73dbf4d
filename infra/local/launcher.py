"""Run the local cloud: the emulator on one port, the front on another, both in this process.

    python -m infra.local.launcher --front-fd 3 --endpoint-fd 4 [--ftp-fd 5] [--state FOLDER]
        [--until-parent-ends]

The file descriptors are listening sockets, bound by whoever starts it. SIGTERM saves (given a state folder) and
ends it. Runs in the emulator's own virtual environment.
"""

import argparse
import asyncio
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

from infra.local import demo_files, front, guard, mails
from infra.local.saves import Saves
from infra.local.snapshots import Snapshots

_GRACE_SECONDS = 2


def main() -> None:
    """Start the local cloud as the command line says and run it until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--front-fd", type=int, required=True)
    parser.add_argument("--endpoint-fd", type=int, required=True)
    parser.add_argument("--ftp-fd", type=int, help="serve the demo's files there, over FTP")
    parser.add_argument("--state", type=Path)
    parser.add_argument("--until-parent-ends", action="store_true", help="stop when whoever started it is gone")
    options = parser.parse_args()
    ports = [_port_of(options.front_fd), _port_of(options.endpoint_fd)]
    saves = Saves(options.state) if options.state else None
    _set_environment(endpoint_port=ports[1], saves=saves)
    try:
        guard.check()
    except guard.EmulatorMoved as moved:
        sys.exit(str(moved))
    if options.ftp_fd is not None:
        demo_files.serve_ftp(socket.socket(fileno=options.ftp_fd))
    asyncio.run(_serve(options, saves, front_port=ports[0]))


def _port_of(descriptor: int) -> int:
    with socket.socket(fileno=os.dup(descriptor)) as listening:
        return int(listening.getsockname()[1])


def _set_environment(*, endpoint_port: int, saves: Saves | None) -> None:
    """What the emulator reads when it is imported; everything it opens or writes stays on this machine and folder."""
    os.environ.update(
        GATEWAY_PORT=str(endpoint_port),
        MINISTACK_HOST="127.0.0.1",
        BIND_HOST="127.0.0.1",
        IOT_MTLS_ENABLED="0",
        SFTP_ENABLED="0",
        DOCKER_HOST="unix:///nonexistent",
        PERSIST_STATE="0" if saves is None else "1",
        S3_PERSIST="0" if saves is None else "1",
    )
    if saves is not None:
        os.environ.update(STATE_DIR=str(saves.restore()), S3_DATA_DIR=str(saves.s3))


class _Gateway:
    """The emulator's API Gateway, called as a function."""

    def __init__(self, module: Any) -> None:
        self._module = module

    def deployed_api(self) -> str | None:
        """The id of the API with the stage `api`; the newest, should a deployment just be replacing one."""
        stages = [
            (stage.get("createdDate", 0), key[-1])
            for key, by_name in list(self._module._stages_v1._data.items())
            for stage in [by_name.get(front.STAGE)]
            if stage
        ]
        return max(stages)[1] if stages else None

    async def execute(self, api_id: str, request: front.Request) -> Any:
        """Answer one request to the stage `api`."""
        return await self._module.handle_execute(
            api_id, front.STAGE, request.method, request.path, request.headers, request.body, request.query
        )


async def _serve(options: argparse.Namespace, saves: Saves | None, *, front_port: int) -> None:
    # The emulator reads the environment when it is imported. Hypercorn is not in the environment types are checked in.
    from hypercorn.asyncio import serve  # type: ignore[import-not-found]  # noqa: PLC0415
    from hypercorn.config import Config  # type: ignore[import-not-found]  # noqa: PLC0415
    from ministack import app as emulator  # noqa: PLC0415
    from ministack.services import apigateway_v1, ses  # noqa: PLC0415

    from infra.local import repairs  # noqa: PLC0415

    repairs.apply_all(time.time(), saves)
    snapshots = _snapshots(saves, repairs.saving.write_services)
    the_front = front.Front(
        gateway=_Gateway(apigateway_v1),
        sent_mails=lambda: mails.readable(_sent(ses)),
        save=snapshots.save_now,
        on_request=snapshots.note_request,
    )
    config = Config()
    config.bind = [f"fd://{options.front_fd}", f"fd://{options.endpoint_fd}"]
    config.graceful_timeout = _GRACE_SECONDS
    config.keep_alive_timeout = 75
    config.loglevel = "WARNING"
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, _stop, stopping, snapshots)
    aside = [asyncio.create_task(snapshots.run())] if saves else []
    if options.until_parent_ends:
        aside.append(asyncio.create_task(_stop_with_parent(stopping)))
    await serve(_both(the_front, emulator.app, front_port), config, shutdown_trigger=stopping.wait)
    for task in aside:
        task.cancel()
    logging.getLogger("freshwire.local").warning("The local cloud has stopped.")


def _snapshots(saves: Saves | None, write: Callable[[Path], None]) -> Snapshots:
    if saves is None:
        return Snapshots(lambda: None, lambda: None)
    return Snapshots(saves.begin, partial(saves.finish, write))


def _stop(stopping: asyncio.Event, snapshots: Snapshots) -> None:
    snapshots.stop()
    stopping.set()


async def _stop_with_parent(stopping: asyncio.Event) -> None:
    """A test run that is killed must not leave its cloud behind."""
    parent = os.getppid()
    while os.getppid() == parent:
        await asyncio.sleep(1)
    stopping.set()


def _sent(ses: Any) -> list[Any]:
    return [mail for key, sent in ses._sent_emails._data.items() if key[-1] == "entries" for mail in sent]


def _both(
    the_front: Callable[..., Awaitable[None]], emulator: Callable[..., Awaitable[None]], front_port: int
) -> Callable[..., Awaitable[None]]:
    """One application for both ports: the port a request came in on decides."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        at_front = scope["type"] == "http" and scope.get("server", ("", None))[1] == front_port
        await (the_front if at_front else emulator)(scope, receive, send)

    return application


if __name__ == "__main__":
    main()
