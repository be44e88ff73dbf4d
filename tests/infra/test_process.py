"""The local cloud as a process: ports, and who is alive."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from infra.local import process
from infra.local.environments import ROOT


def test_a_port_in_use_is_told_in_a_sentence():
    with process.bind(0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(process.CloudProblem, match=f"Port {port} cannot be opened .*PORT={port + 1000}"):
            process.bind(port)


def test_it_listens_on_this_machine_alone():
    with process.bind(0) as listening:
        assert listening.getsockname()[0] == "127.0.0.1"


def test_another_program_with_the_number_of_a_dead_cloud_does_not_count_as_alive():
    for pid in (os.getpid(), 2**22 + 1):
        assert not process.is_alive(process.Running(pid=pid, port=1, endpoint_port=2))


@pytest.mark.local_cloud
def test_a_cloud_ends_with_the_program_that_started_it_even_when_that_is_killed(tmp_path: Path):
    program = f"""
import os, signal
from pathlib import Path
from infra.local import cloud, process
running = process.start(
    python=cloud.emulator_python(), project=Path.cwd(), log=Path({str(tmp_path)!r}) / "cloud.log", state=None
)
print(running.pid, running.port, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    pid, port = map(int, done.stdout.split())
    orphan = process.Running(pid=pid, port=port, endpoint_port=0)
    deadline = time.monotonic() + 15
    while process.is_alive(orphan) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not process.is_alive(orphan)


@pytest.mark.parametrize(("seconds", "patience"), [(0, 20), (60, 0.3)], ids=["ends", "hangs"])
def test_a_cloud_that_neither_answers_nor_ends_is_not_waited_for_for_ever(seconds: float, patience: float):
    with process.bind(0) as silent, subprocess.Popen(["sleep", str(seconds)]) as child:
        running = process.Running(pid=child.pid, port=silent.getsockname()[1], endpoint_port=0, child=child)
        silent.close()
        if seconds:
            with pytest.raises(process.CloudProblem, match="does not answer"):
                process.answers_while_alive(running, patience=patience)
            child.kill()
        else:
            assert not process.answers_while_alive(running, patience=patience)


def test_nothing_answers_on_a_port_that_nobody_listens_on():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        assert not process.answers(free.getsockname()[1])


def test_a_cloud_that_cannot_start_says_what_its_log_says(tmp_path: Path):
    with pytest.raises(process.CloudProblem, match=r"did not start(.|\n)*the reason"):
        process.start(
            python=Path(sys.executable),
            project=ROOT,
            log=tmp_path / "cloud.log",
            state=None,
            command=("-c", "import sys; sys.exit('the reason')"),
        )  # fmt: skip - reads as a call


def test_a_function_that_outlived_its_cloud_ends_before_the_next_one_starts(tmp_path: Path):
    function = tmp_path / "tmp" / "function" / "worker.py"
    function.parent.mkdir(parents=True)
    function.write_text("import pathlib, time; pathlib.Path(__file__).with_name('begun').touch(); time.sleep(60)")
    stranger = tmp_path / "worker.py"
    stranger.write_text("import time; time.sleep(60)")
    with subprocess.Popen([sys.executable, function]) as left, subprocess.Popen([sys.executable, stranger]) as other:
        while not function.with_name("begun").exists():
            time.sleep(0.02)
        with pytest.raises(process.CloudProblem, match="did not start"):
            process.start(
                python=Path(sys.executable), project=ROOT, log=tmp_path / "cloud.log", state=None, command=("-c", "")
            )
        assert (left.wait(10), other.poll()) == (-signal.SIGKILL, None)
        other.kill()
