"""``sheets-pipeline dev``: embedded services, Dagster and what else runs beside it, in one terminal.

Ctrl-C (or SIGTERM, or closing the terminal) ends all of it in order; the data stays, and the next start goes on from
there. If this process is killed outright, the watchdog does the same in its place.
"""

import fcntl
import http.client
import logging
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from sheets_pipeline.control.reach import check_reachable_safely
from sheets_pipeline.errors import SettingsError, SheetsPipelineError
from sheets_pipeline.local import dev_state, processes
from sheets_pipeline.local.family import end_family
from sheets_pipeline.local.files import make_folder
from sheets_pipeline.local.home import dagster_home
from sheets_pipeline.local.services import Services, ensure_services, stop_services
from sheets_pipeline.logs import JsonFormatter
from sheets_pipeline.settings import Settings

DAGSTER_PORT = 3000
_PORTS_TRIED = 50

#: A child that ends at once after each start is started again no more often than this.
_RESTART_SECONDS = 10.0
#: Lines of Dagster that come every few seconds or for every step, or that are about the folder which we chose for it.
_ROUTINE = re.compile(
    r"Checking for new runs for sensor|SensorDaemon.*skipped: |MonitoringDaemon.*Checking run|No cursor for event type"
    r"|Found a dagster instance configuration value|- DEBUG - (?!.*(RUN_(START|SUCCESS|FAILURE|CANCELED)|STEP_FAILURE))"
)
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Child:
    """A process to run beside the others, and the address that answers once it is ready."""

    name: str
    command: list[str]
    url: str
    url_key: str
    env: dict[str, str] = field(default_factory=dict)
    #: What people look for at the address, where that is not the name.
    title: str = ""
    #: Whether all ends with it; one that is not essential is started again.
    is_essential: bool = True


def run_dev(settings: Settings, *, port: int | None = None) -> int:
    """Run everything until somebody ends it.

    Args:
        settings: Decides what is embedded.
        port: Port of the Dagster UI; default 3000, or the next free one.

    Returns:
        The exit code: 0 when ended by a signal, 1 when Dagster ended by itself.

    Raises:
        SheetsPipelineError: Something cannot start, or it already runs for this data folder.
    """
    global _writes_json
    _writes_json = settings.log_format == "json"
    if port is not None:
        _choose_port(port)
    check_reachable_safely(settings, settings.control_api_host)
    with _only_one(settings) as lock:
        stop = threading.Event()
        with _signals(stop), _watchdog(settings, lock) as watch:
            try:
                services = _start_services(settings)
                children = [_dagster(settings, _choose_port(port)), _control(settings)]
                return _run(settings, services, children, watch, stop)
            finally:
                _say("Ending ...")
                end_family(watch.mark, watch.heads)
                stopped = stop_services(settings)
                dev_state.state_file(settings).unlink(missing_ok=True)
                _say(f"Stopped {', '.join(['Dagster', *stopped])}. All data is kept in {settings.local_data_dir}.")


def _start_services(settings: Settings) -> Services:
    _say("Starting what the settings leave out (the first time creates the demo platform) ...")
    began = time.monotonic()
    services = ensure_services(settings)
    _say(f"Databases and spreadsheet are ready after {time.monotonic() - began:.1f} s.")
    return services


def _dagster(settings: Settings, port: int) -> Child:
    home = dagster_home()
    command = [
        str(Path(sys.executable).with_name("dagster")),
        "dev",
        "--host=127.0.0.1",
        f"--port={port}",
        f"--workspace={home / 'workspace.yaml'}",
        f"--log-format={'json' if settings.log_format == 'json' else 'colored'}",
    ]
    url = f"http://127.0.0.1:{port}"
    env = {"DAGSTER_HOME": str(_private_home(settings, home)), "PYTHONWARNINGS": "ignore"}
    return Child("dagster", command, url, "dagster_url", env)


def _control(settings: Settings) -> Child:
    """The control API and dashboard; it finds Dagster's address in what we announce."""
    host, port = settings.control_api_host, _next_free_port(settings.control_api_port)
    command = [str(Path(sys.executable).with_name("sheets-pipeline")), "serve", f"--host={host}", f"--port={port}"]
    env = {"DAGSTER_HOME": str(_private_home(settings, dagster_home())), "PYTHONWARNINGS": "ignore"}
    reachable = "127.0.0.1" if host in ("0.0.0.0", "localhost") else host  # noqa: S104 - every address, this one too
    url = f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"
    return Child("control", command, url, "control_url", env, title="the dashboard", is_essential=False)


def _private_home(settings: Settings, home: Path) -> Path:
    """A folder for what Dagster leaves beside its configuration, so that the project's stays clean."""
    if "DAGSTER_HOME" in os.environ:
        return home
    private = make_folder(settings.local_data_dir.absolute() / "dagster") / "home"
    private.mkdir(exist_ok=True)
    shutil.copyfile(home / "dagster.yaml", private / "dagster.yaml")
    return private


def _choose_port(wanted: int | None) -> int:
    if wanted is not None:
        if processes.free_port(wanted) != wanted:
            raise SettingsError(f"Port {wanted} is taken by another program. Choose another one with --port.")
        return wanted
    return _next_free_port(DAGSTER_PORT)


def _next_free_port(first: int) -> int:
    for port in range(first, min(first + _PORTS_TRIED, 65_536)):
        if processes.free_port(port) == port:
            return port
    return processes.free_port()


def _run(settings: Settings, services: Services, children: list[Child], watch: "_Watch", stop: threading.Event) -> int:
    """Start the children, tell where they are once they answer, mend services that crash, wait for the end."""
    running = {child.name: watch.start(child) for child in children}
    started = dict.fromkeys(running, time.monotonic())
    waiting = list(children)
    dev_state.announce(settings, pid=os.getpid())
    while not stop.wait(1):
        for child in [child for child in children if running[child.name].poll() is not None]:
            ended = f"{child.name} ended by itself with exit code {running[child.name].returncode}"
            if child.is_essential:
                _say(f"{ended}; its last lines say why.")
                return 1
            if time.monotonic() - started[child.name] > _RESTART_SECONDS:
                _say(f"{ended} and is started again; its last lines say why.")
                running[child.name], started[child.name] = watch.start(child), time.monotonic()
        for child in [child for child in waiting if _answers(child.url)]:
            waiting.remove(child)
            dev_state.announce(settings, **{child.url_key: child.url})
            if not waiting:
                _tell_where(services, children)
        try:
            ensure_services(settings)
        except SheetsPipelineError as error:
            _say(f"{error}")
    return 0


def _tell_where(services: Services, children: list[Child]) -> None:
    places = [(f"{child.title or child.name} is at", child.url) for child in children]
    places.append(("the spreadsheet is at", services.spreadsheet_url))
    width = max(len(what) for what, _ in places)
    _say("Ready. Ctrl-C ends everything.\n" + "\n".join(f"    {what:<{width}}  {url}" for what, url in places))


class _Watch:
    """Starts children under one mark, forwards what they print, and keeps the watchdog informed."""

    def __init__(self, pipe: IO[str], mark: str) -> None:
        self.pipe, self.mark = pipe, mark
        self.heads: list[int] = []

    def start(self, child: Child) -> subprocess.Popen[str]:
        """Start a child in a session of its own: Ctrl-C reaches it through us, once."""
        process = subprocess.Popen(
            child.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
            env={**os.environ, **child.env, processes.FAMILY_MARK: self.mark, "PYTHONUNBUFFERED": "1"},
        )
        self.heads.append(process.pid)
        self.pipe.write(f"{process.pid}\n")
        self.pipe.flush()
        threading.Thread(target=_forward, args=(child.name, process.stdout), daemon=True).start()
        return process


@contextmanager
def _watchdog(settings: Settings, lock: int) -> Iterator[_Watch]:
    """The watchdog process. It shares our lock: nobody starts anew before it has cleaned up after us."""
    mark = secrets.token_hex(8)
    dog = subprocess.Popen(
        [sys.executable, "-m", "sheets_pipeline.local.watchdog", mark, str(settings.local_data_dir.absolute())],
        stdin=subprocess.PIPE,
        text=True,
        start_new_session=True,
        pass_fds=[lock],
    )
    pipe = dog.stdin
    if pipe is None:
        raise AssertionError("the watchdog was started with a pipe")
    try:
        yield _Watch(pipe, mark)
        pipe.write("done\n")
    finally:
        pipe.close()
        dog.wait()


@contextmanager
def _only_one(settings: Settings) -> Iterator[int]:
    """Hold the lock of this data folder, or say who does."""
    make_folder(settings.local_data_dir)
    descriptor = os.open(dev_state.life_lock(settings), os.O_RDONLY | os.O_CREAT, 0o600)
    try:
        if not processes.wait_until(lambda: _take(descriptor), seconds=0.5):
            other = dev_state.running_dev(settings) or {}
            pid = other.get("pid")
            if isinstance(pid, int) and _lives(pid):
                raise SettingsError(
                    f"`sheets-pipeline dev` already runs for {settings.local_data_dir.absolute()} (process {pid}, "
                    f"{other.get('dagster_url', 'still starting')}). End it first, or set LOCAL_DATA_DIR to another folder."
                )
            _say("Waiting for an earlier `sheets-pipeline dev` to end ...")
            if not processes.wait_until(lambda: _take(descriptor), seconds=90, step=0.2):
                raise SettingsError("An earlier `sheets-pipeline dev` does not end. Run `sheets-pipeline local stop`.")
        dev_state.state_file(settings).unlink(missing_ok=True)
        yield descriptor
    finally:
        os.close(descriptor)


def _take(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _lives(pid: int) -> bool:
    import psutil

    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


@contextmanager
def _signals(stop: threading.Event) -> Iterator[None]:
    """SIGINT, SIGTERM and SIGHUP ask for the end, however often they come."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _forward(name: str, output: IO[str]) -> None:
    for line in output:
        if not _ROUTINE.search(_ANSI.sub("", line)):
            _say(line.rstrip("\n"), name=name)


def _say(text: str, *, name: str = "sheets-pipeline") -> None:
    """Print one message; a terminal that is gone is no reason to stop ending things in order."""
    if not sys.stdout.isatty():
        text = _ANSI.sub("", text)
    try:
        sys.stdout.write(_as_json(name, text) if _writes_json else f"{name:>15} | {text}\n")
        sys.stdout.flush()
    except (OSError, ValueError):
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123 - stands in for the terminal until we end


#: Whether each line is to be a JSON object (LOG_FORMAT=json).
_writes_json = False


def _as_json(name: str, text: str) -> str:
    """What is a JSON object already stays as it is, all else becomes the message of one."""
    if text.startswith("{") and text.endswith("}"):
        return f"{text}\n"
    return JsonFormatter().format(logging.makeLogRecord({"name": name, "levelname": "INFO", "msg": text})) + "\n"


def _answers(url: str) -> bool:
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "127.0.0.1", place.port, timeout=2)
    try:
        connection.request("GET", "/server_info")
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
