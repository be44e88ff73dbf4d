"""`make run`, `make stop` and `make reset`: the local cloud that stays.

    python -m infra.local.run start|stop|reset [--port 8000]

Everything it keeps is in `.local/`: `cloud.json` (the process), `cloud.log`, `state/`. The state is what survives;
the process, the package and the environments can be made again at any time.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from infra.deploy import DeployFailed
from infra.local import cloud, process
from infra.local.environments import ROOT
from infra.local.process import CloudProblem, Running
from infra.package import CannotPackage, Package, make_package


class Keeper:
    """Starts, stops and empties the one local cloud of the project folder."""

    def __init__(self, project: Path = ROOT) -> None:
        self._project = project
        folder = project / ".local"
        folder.mkdir(exist_ok=True)
        self._record, self._log, self._state = folder / "cloud.json", folder / "cloud.log", folder / "state"
        self._key_was_made = self._state / "key-was-made"
        self._started: Running | None = None

    def start(self, port: int) -> None:
        """Start the cloud unless it runs, deploy what changed, and say where everything is."""
        with ThreadPoolExecutor(1) as aside:
            packaging = aside.submit(make_package, stage=cloud.STAGE, project=self._project)
            running = self._running_cloud(port)
            package = _packaged(packaging)
        with phase("deployed"):
            deployed = cloud.deploy(running, package)
        with phase("answered its first request"), urllib.request.urlopen(f"{running.url}/api/health", timeout=60):
            pass
        key = self._api_key(running, is_first=deployed.is_first)
        self._say_where(running, key if deployed.is_first or not os.environ.get("FRESHWIRE_API_KEY") else None)
        if key and deployed.is_first and os.environ.get("DEMO", "1") != "0":
            self._load_demo(running, key)
        if deployed.changed or key:
            with phase("saved"):
                cloud.save(running)
        print("ready")

    def stop(self) -> None:
        """Save and stop the cloud, or say that none runs."""
        running = self._find()
        if running is None:
            print("The local cloud does not run.")
        else:
            with phase("stopped and saved"):
                process.stop(running)
        self._record.unlink(missing_ok=True)

    def reset(self) -> None:
        """Stop the cloud and forget everything it held."""
        if self._find() is not None:
            self.stop()
        self._record.unlink(missing_ok=True)
        shutil.rmtree(self._state, ignore_errors=True)
        print("The local cloud is empty.")

    def _running_cloud(self, port: int) -> Running:
        found = self._find()
        if found is None or not process.answers_while_alive(found):
            return self._start_process(port)
        print(f"The local cloud already runs (process {found.pid}).")
        if found.port != port:
            print(f"It keeps its port, {found.port}: `make stop` first to change it.")
        return found

    def _start_process(self, port: int) -> Running:
        if self._record.exists():
            print("The local cloud had ended without `make stop`: it goes on from the state it saved last.")
            self._record.unlink()
        with phase("started the cloud"):
            running = process.start(
                python=cloud.emulator_python(self._project),
                project=self._project,
                log=self._log,
                state=self._state,
                port=port,
                endpoint_port=port + 1,
                ftp_port=port + 2,
                stays=True,
            )
        self._started = running
        where = {"pid": running.pid, "port": running.port, "endpoint_port": running.endpoint_port}
        self._record.write_text(json.dumps(where))
        return running

    def _find(self) -> Running | None:
        try:
            running = Running(**json.loads(self._record.read_text()))
        except (OSError, ValueError, TypeError):
            return None
        if self._started is not None and self._started.pid == running.pid:
            running = self._started  # as its parent, this process alone can tell that it has ended
        return running if process.is_alive(running) else None

    def _api_key(self, running: Running, *, is_first: bool) -> str | None:
        """A new API key on the first start of an empty state, or the chosen one; None when nothing was to be made."""
        chosen = os.environ.get("FRESHWIRE_API_KEY")
        if not chosen and not is_first and self._key_was_made.exists():
            return None
        with phase("made an API key"):
            email = os.environ.get("FRESHWIRE_EMAIL") or cloud.EMAIL
            key = cloud.make_api_key(running, label="demo", key=chosen, email=email, project=self._project)
        self._key_was_made.touch()
        return key

    def _load_demo(self, running: Running, key: str) -> None:
        environment = {**os.environ, "FRESHWIRE_URL": f"{running.url}/api", "FRESHWIRE_API_KEY": key}
        with phase("loaded the demo"):
            done = subprocess.run([sys.executable, "-m", "infra.demo"], cwd=self._project, env=environment, check=False)
        if done.returncode != 0:
            raise CloudProblem("The demo could not be loaded; the local cloud runs without it.")

    def _say_where(self, running: Running, key: str | None) -> None:
        print(f"""
  {running.url}                                   start here
  {running.url}/api/explore/v2.1/catalog/datasets the datasets
  {running.url}/_local/mails                      the mails it sent
  {running.endpoint_url}                                   AWS endpoint (AWS_ENDPOINT_URL), region {cloud.REGION}
  ftp://{process.HOST}:{running.port + 2}/airports.csv         the demo's files, over FTP
  {self._log.relative_to(self._project)}, `make stop` (keeps everything), `make reset` (empties it)""")
        if key:
            print(f"\n  API key, shown this once: {key}")
        print(flush=True)


def _packaged(packaging: "Future[Package]") -> Package:
    with phase("packaged the application") as say:
        package = packaging.result()
        say.append(f"{package.size:,} bytes" if package.is_new else "unchanged")
    return package


@contextmanager
def phase(name: str) -> Iterator[list[str]]:
    """Print how long the block took; what it appends to the list is printed behind."""
    started = time.perf_counter()
    remarks: list[str] = []
    yield remarks
    behind = f" ({', '.join(remarks)})" if remarks else ""
    print(f"  {time.perf_counter() - started:5.1f} s  {name}{behind}", flush=True)


def main() -> None:
    """Do what the command line says; problems are told in a sentence, without a traceback."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=["start", "stop", "reset"])
    parser.add_argument("--port", type=int, default=8000)
    options = parser.parse_args()
    keeper = Keeper()
    try:
        if options.action == "start":
            keeper.start(options.port)
        else:
            {"stop": keeper.stop, "reset": keeper.reset}[options.action]()
    except (CloudProblem, CannotPackage, DeployFailed) as problem:
        sys.exit(str(problem))


if __name__ == "__main__":
    main()
