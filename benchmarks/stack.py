"""Everything that runs in production, in a folder of its own: databases, Local Sheets, Dagster's daemon.

What dies is started again at once, as systemd or Kubernetes would: the daemon by ``Keeper``, the services by
``ensure_services``, the rest by Dagster itself.
"""

import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import yaml

from benchmarks.environment import ROOT
from sheets_pipeline.embedded.services import Services, ensure_services, stop_services
from sheets_pipeline.errors import SheetsPipelineError
from sheets_pipeline.processes.family import end_family
from sheets_pipeline.processes.priority import MOST_NICE
from sheets_pipeline.processes.servers import FAMILY_MARK, free_port
from sheets_pipeline.settings import Settings, load_settings

#: Settings of the person who runs this must not leak in.
NOT_INHERITED = ("DATABASE_URL", "PIPELINE_DATABASE_URL", "DAGSTER_POSTGRES_URL", "SPREADSHEET_ID", "DAGSTER_HOME")

#: What a process is, by a word in its command line. Runs are forks of the warm process.
_WARM = "sheets_pipeline.dagster_runtime.warm_process"
_PARTS = {
    "daemon": "dagster-daemon",
    "code server": "api grpc",
    "Local Sheets": "local_sheets",
    "serve": "sheets-pipeline serve",
}
_PIPELINE = {"daemon", "code server", "warm process", "run"}


@dataclass
class Stack:
    """The running parts, and who keeps them running."""

    folder: Path
    settings: Settings
    services: Services
    mark: str = field(default_factory=lambda: secrets.token_hex(8))
    daemon: subprocess.Popen[bytes] | None = None
    code_server: subprocess.Popen[bytes] | None = None
    serve: subprocess.Popen[bytes] | None = None
    #: Times that something had to be started again.
    restarts: int = 0

    @property
    def data(self) -> Path:
        """Folder of the embedded services."""
        return self.folder / "data"

    def start_daemon(self) -> None:
        """Dagster's daemon with its schedules and sensors; it starts runs. Beside it, its code server."""
        workspace = self.folder / "workspace.yaml"
        if self.code_server is None or self.code_server.poll() is not None:
            self._start_code_server(workspace)
        self.daemon = self._start("dagster-daemon", "run", "-w", str(workspace))

    def start_serve(self) -> None:
        """The control API, at CONTROL_API_PORT; it takes edits in and applies them."""
        self.serve = self._start("sheets-pipeline", "serve")

    def _start_code_server(self, workspace: Path) -> None:
        """As Dagster's documentation advises for production: without one, the daemon starts another every minute."""
        if not workspace.exists():
            server = {"host": "127.0.0.1", "port": free_port(), "location_name": "sheets_pipeline"}
            workspace.write_text(yaml.safe_dump({"load_from": [{"grpc_server": server}]}))
        port = yaml.safe_load(workspace.read_text())["load_from"][0]["grpc_server"]["port"]
        module = ("-m", "sheets_pipeline.definitions", "--location-name", "sheets_pipeline")
        self.code_server = self._start("dagster", "api", "grpc", "-h", "127.0.0.1", "-p", str(port), *module)

    def _start(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        env = {**os.environ, FAMILY_MARK: self.mark}
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        with (self.folder / "daemon.log").open("ab") as log:
            return subprocess.Popen(
                [str(Path(sys.executable).with_name(program)), *arguments],
                cwd=ROOT,
                env=env,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    @contextmanager
    def held(self) -> Iterator[None]:
        """Daemon, code server and runs stand still (SIGSTOP) for the length of the block."""
        ours = [process for part, some in self.parts().items() if part in _PIPELINE for process in some]
        _signal(ours, signal.SIGSTOP)
        try:
            yield
        finally:
            _signal(ours, signal.SIGCONT)

    def mend(self) -> None:
        """Start again what is not there."""
        if self.code_server is not None and self.code_server.poll() is not None:
            self.restarts += 1
            self._start_code_server(self.folder / "workspace.yaml")
        if self.daemon is not None and self.daemon.poll() is not None:
            self.restarts += 1
            self.start_daemon()
        if self.serve is not None and self.serve.poll() is not None:
            self.restarts += 1
            self.start_serve()
        ensure_services(self.settings)

    def parts(self) -> dict[str, list[psutil.Process]]:
        """All processes of this stack by what they are; ``database`` is the server's first process."""
        processes: dict[str, list[psutil.Process]] = {}
        for process in psutil.process_iter():
            try:
                if part := self._part(process):
                    processes.setdefault(part, []).append(process)
            except (psutil.Error, OSError):
                continue  # it ended meanwhile, or is somebody else's
        return processes

    def _part(self, process: psutil.Process) -> str | None:
        command = " ".join(process.cmdline())
        if str(self.data) in command and "postgres" in command:
            return "database"
        if process.ppid() and process.name() == "postgres" and self._is_ours(process.parent()):
            return "database session"
        if not command or process.environ().get("LOCAL_DATA_DIR") != str(self.data):
            return None
        if _WARM in command:
            parent = process.parent()
            return "run" if parent is not None and _WARM in " ".join(parent.cmdline()) else "warm process"
        return next((part for part, word in _PARTS.items() if word in command), None)

    def _is_ours(self, parent: psutil.Process | None) -> bool:
        return parent is not None and str(self.data) in " ".join(parent.cmdline())


@contextmanager
def running_stack(name: str, **environment: str) -> Iterator[Stack]:
    """A stack without a daemon yet; all of it is ended and its folder removed afterwards. ``environment`` holds settings."""
    folder = Path(tempfile.mkdtemp(prefix=f"{name}-"))
    for setting in NOT_INHERITED:
        os.environ.pop(setting, None)
    os.environ.update(LOCAL_DATA_DIR=str(folder / "data"), DAGSTER_HOME=str(folder), **environment)
    shutil.copyfile(ROOT / "dagster.yaml", folder / "dagster.yaml")
    settings = load_settings()
    stack = Stack(folder, settings, ensure_services(settings))
    try:
        yield stack
    finally:
        end_family(stack.mark, [one.pid for one in (stack.daemon, stack.code_server, stack.serve) if one])
        stop_services(settings)
        shutil.rmtree(folder, ignore_errors=True)


def make_way(settings: Settings) -> None:
    """Local Sheets gets hardly any processor time that others want: Google's own computers take none of ours."""
    pid = json.loads((settings.local_data_dir / "local_sheets.json").read_text())["pid"]
    lay_out("apart", [pid])
    for thread in psutil.Process(pid).threads():  # beside a run it would take the second of two processors
        with contextlib.suppress(ProcessLookupError):  # it ended meanwhile
            os.sched_setaffinity(thread.id, sorted(os.sched_getaffinity(0))[-1:])


def lay_out(layout: str, pids: list[int], nice: int = 0) -> None:
    """Give these processes, each in a session of its own, and their children the lowest priority, or the usual one.

    That is ``apart``, or ``together``; ``nice`` is what is usual for them. The lowest is 19 steps of nice, which leaves
    the process a seventieth of what others want. (SCHED_IDLE would be lower still. But Linux takes a processor that runs such a process for an
    idle one and puts others there: measured, one busy process of that kind took the p95 of transactions from 3.1 to 5 ms,
    one of nice 19 from 3.1 to 3.0.)

    Linux shares the processor between *sessions* first, so a priority counts only within its session, unless the
    session's is set, too. Source: man 7 sched, "The autogroup feature".
    """
    steps = MOST_NICE if layout == "apart" else nice
    ours = Path("/proc/self/autogroup")
    for pid in pids:
        process = psutil.Process(pid)
        for one in (process, *process.children(recursive=True)):
            with contextlib.suppress(ProcessLookupError, FileNotFoundError, psutil.NoSuchProcess):  # it ended meanwhile
                for thread in one.threads():
                    os.setpriority(os.PRIO_PROCESS, thread.id, steps)
                session = Path(f"/proc/{one.pid}/autogroup")
                if ours.exists():
                    if session.read_text().split()[0] == ours.read_text().split()[0]:
                        raise RuntimeError(f"process {one.pid} is in our own session; start it in a new one")
                    session.write_text(str(steps))


def _signal(processes: list[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):  # it ended meanwhile
            process.send_signal(number)


class Keeper:
    """Mends the stack once a second until it is closed."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.complaints: list[str] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep, daemon=True)
        self._thread.start()

    def _keep(self) -> None:
        while not self._stop.wait(1):
            try:
                self.stack.mend()
            except SheetsPipelineError as error:  # the next second tries again
                self.complaints.append(str(error))

    def close(self) -> None:
        """Leave the stack alone."""
        self._stop.set()
        self._thread.join()
