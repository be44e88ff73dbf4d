"""The local cloud as a process: bind its ports, start it, wait for it, stop it."""

import contextlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

HOST = "127.0.0.1"
START_SECONDS = 60.0
STOP_SECONDS = 180.0
"""Saving takes 15 s for a quarter of a million records."""

_LOG_LINES = 15


class CloudProblem(Exception):  # noqa: N818 - it says what happened
    """The local cloud could not do what was asked; the message says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class Running:
    """A local cloud that answers: its process and its two ports."""

    pid: int
    port: int
    endpoint_port: int
    child: subprocess.Popen[bytes] | None = field(default=None, repr=False, compare=False)
    """The process, when this one started it."""

    @property
    def url(self) -> str:
        """The front, without a trailing slash."""
        return f"http://{HOST}:{self.port}"

    @property
    def endpoint_url(self) -> str:
        """Where AWS clients go (`AWS_ENDPOINT_URL`)."""
        return f"http://{HOST}:{self.endpoint_port}"


def bind(port: int) -> socket.socket:
    """A listening socket on this machine alone; port 0 picks a free one. Raises CloudProblem when it is taken."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
    except OSError as error:
        listening.close()
        raise CloudProblem(
            f"Port {port} cannot be opened ({error.strerror}): stop the program that uses it, "
            f"or choose another one, for example `make run PORT={port + 1000}`."
        ) from error
    listening.listen(512)
    return listening


def start(
    *,
    python: Path,
    project: Path,
    log: Path,
    state: Path | None,
    port: int = 0,
    endpoint_port: int = 0,
    ftp_port: int | None = None,
    stays: bool = False,
    command: Sequence[str] = ("-m", "infra.local.launcher"),
) -> Running:
    """Start a local cloud in the background and answer when it is ready.

    Without `state` it forgets on stop; unless it `stays` it ends with this process. With an `ftp_port` it serves the
    demo's files there. The folder of `log` is this cloud's alone. Raises CloudProblem when a port is taken or it does
    not start.
    """
    scratch = log.parent / "tmp"  # functions are unpacked here; what an ended cloud left behind goes first
    _end_functions(python, scratch)
    sockets = {"--front-fd": bind(port), "--endpoint-fd": bind(endpoint_port)}
    if ftp_port is not None:
        sockets["--ftp-fd"] = bind(ftp_port)
    log.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(scratch, ignore_errors=True)
    arguments = [str(python), *command]
    for option, listening in sockets.items():
        arguments += [option, str(listening.fileno())]
    with contextlib.ExitStack() as opened, log.open("ab") as output:
        front, endpoint, *_ = [opened.enter_context(listening) for listening in sockets.values()]
        process = subprocess.Popen(
            [*arguments, *(["--state", str(state)] if state else []), *([] if stays else ["--until-parent-ends"])],
            cwd=project,
            env=_environment(scratch),
            pass_fds=[listening.fileno() for listening in sockets.values()],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C in the terminal is not for it
        )
        running = Running(
            pid=process.pid, port=front.getsockname()[1], endpoint_port=endpoint.getsockname()[1], child=process
        )
    _wait_until_ready(running, process, log)
    return running


def stop(running: Running, *, patience: float = STOP_SECONDS) -> None:
    """Ask the cloud to save and end, and wait until it has. Raises CloudProblem when it does not."""
    deadline = time.monotonic() + patience
    with contextlib.suppress(ProcessLookupError):
        os.kill(running.pid, signal.SIGTERM)
    while is_alive(running):
        if time.monotonic() > deadline:
            raise CloudProblem(f"The local cloud (process {running.pid}) has not ended within {patience:.0f} s.")
        time.sleep(0.05)


def is_alive(running: Running) -> bool:
    """Tell whether the cloud runs; another program that got the number of a dead one does not count."""
    if running.child is not None:
        return running.child.poll() is None
    try:
        return b"infra.local.launcher" in Path(f"/proc/{running.pid}/cmdline").read_bytes()
    except OSError:
        return False


def answers_while_alive(running: Running, *, patience: float = START_SECONDS) -> bool:
    """Wait until the cloud answers (True) or has ended (False). Raises CloudProblem when it does neither."""
    deadline = time.monotonic() + patience
    while is_alive(running):
        if answers(running.port):
            return True
        if time.monotonic() > deadline:
            raise CloudProblem(
                f"The local cloud (process {running.pid}) does not answer: `make stop`, or end that process, and start."
            )
        time.sleep(0.05)
    return False


def answers(port: int) -> bool:
    """Tell whether a local cloud's front answers on `port`."""
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", "/_local/health")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _end_functions(python: Path, scratch: Path) -> None:
    """End the functions that outlived their cloud: they would go on with the next one, which knows nothing of what
    they have done so far."""
    while left := [
        pid for pid, program in _programs() if program[0] == str(python) and _is_below(scratch, program[1:])
    ]:
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


def _programs() -> Iterator[tuple[int, list[str]]]:
    """Every process that can be seen, with its command line."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            yield int(folder.name), os.fsdecode((folder / "cmdline").read_bytes()).split("\0")


def _is_below(folder: Path, arguments: Sequence[str]) -> bool:
    return bool(arguments) and Path(arguments[0]).is_relative_to(folder)


def _environment(scratch: Path) -> dict[str, str]:
    """Only what the emulator needs: functions inherit it, and must find no real credentials and none of our modules."""
    scratch.mkdir(parents=True, exist_ok=True)
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "LC_ALL", "TZDIR") if name in os.environ}
    return kept | {
        "TMPDIR": str(scratch),
        "LOG_LEVEL": os.environ.get("LOCAL_LOG_LEVEL", "WARNING"),
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _wait_until_ready(running: Running, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not answers(running.port):
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            process.wait()
            last = log.read_text(errors="replace").splitlines()[-_LOG_LINES:]
            raise CloudProblem("The local cloud did not start. The end of its log:\n" + "\n".join(last))
        time.sleep(0.05)
