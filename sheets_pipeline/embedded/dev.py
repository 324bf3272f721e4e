"""``sheets-pipeline dev``: embedded services, Dagster and what else runs beside it, in one terminal.

Ctrl-C (or SIGTERM, or closing the terminal) ends all of it in order; the data stays, and the next start goes on from
there. A child that ends or hangs is replaced (``supervisor.py``). If this process is killed outright, the watchdog ends the
others in its place; if both are, the system does (on Linux), or the next start.
"""

import fcntl
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sheets_pipeline.embedded import dev_state
from sheets_pipeline.embedded.children import Child, children_of, choose_port
from sheets_pipeline.embedded.dev_output import say, write_json
from sheets_pipeline.embedded.embedded_watch import EmbeddedWatch
from sheets_pipeline.embedded.files import make_folder, make_private
from sheets_pipeline.embedded.services import Services, ensure_services, stop_services
from sheets_pipeline.embedded.supervisor import Supervisor, Watchdog
from sheets_pipeline.errors import SettingsError
from sheets_pipeline.processes import family, servers
from sheets_pipeline.processes.identity import start_of
from sheets_pipeline.settings import Settings
from sheets_pipeline.web.addresses import check_reachable_safely

#: How often the children are looked at, in seconds.
_LOOK_SECONDS = 0.5
#: Longest wait for an earlier one, whose watchdog may be ending its children.
_EARLIER_SECONDS = 90.0


def run_dev(
    settings: Settings, *, port: int | None = None, prepare: Callable[[Services], None] = lambda _: None
) -> int:
    """Run everything until somebody ends it.

    Args:
        settings: Decides what is embedded.
        prepare: Called once the services run, before all else starts.
        port: Port of the Dagster UI; default 3000, or the next free one.

    Returns:
        The exit code: 0 when ended by a signal, 1 when a part of it cannot start.

    Raises:
        SheetsPipelineError: Something cannot start, or it already runs for this data folder.
    """
    write_json(settings.log_format == "json")
    if port is not None:
        choose_port(port)
    check_reachable_safely(settings, settings.control_api_host)
    with _only_one(settings) as lock:
        stop = threading.Event()
        mark = family.new_mark(settings.local_data_dir)
        with _signals(stop), Watchdog(settings.local_data_dir.absolute(), mark, lock) as watchdog:
            supervisor: Supervisor | None = None
            try:
                services = _start_services(settings)
                prepare(services)
                supervisor = Supervisor(children_of(settings, port), mark, watchdog)
                return _run(settings, services, supervisor, stop)
            finally:
                say("Ending ...")
                if supervisor is not None:
                    supervisor.stop_dependents()
                family.end_family(mark, supervisor.heads if supervisor else ())
                stopped = stop_services(settings)
                dev_state.state_file(settings).unlink(missing_ok=True)
                say(f"Stopped {', '.join(['Dagster', *stopped])}. All data is kept in {settings.local_data_dir}.")


def stop_dev(settings: Settings) -> bool:
    """End the ``sheets-pipeline dev`` of this data folder, or what one that was killed has left; says whether there was any.

    Raises:
        SettingsError: It does not end.
    """
    if not settings.local_data_dir.is_dir():
        return False
    descriptor = os.open(dev_state.life_lock(settings), os.O_RDONLY | os.O_CREAT, 0o600)
    try:
        was_held = not _take(descriptor)
        if was_held:
            if (pid := _living_dev(settings)) is not None:
                servers.send_signal(pid, signal.SIGTERM)
            _wait_for_earlier(settings, descriptor)
        return family.end_leftovers(settings.local_data_dir) or was_held
    finally:
        os.close(descriptor)


def _start_services(settings: Settings) -> Services:
    say("Starting the embedded services (the first start creates the demo platform) ...")
    began = time.monotonic()
    services = ensure_services(settings)
    say(f"Databases and spreadsheet are ready after {time.monotonic() - began:.1f} s.")
    return services


def _run(settings: Settings, services: Services, supervisor: Supervisor, stop: threading.Event) -> int:
    """Keep the children and what is embedded running, tell where they are once they answer, wait for the end."""
    waiting = [child for child in supervisor.children if child.url_key]
    embedded = EmbeddedWatch(settings)
    try:
        while not stop.wait(_LOOK_SECONDS):
            if not supervisor.look():
                return 1
            for child in [child for child in waiting if supervisor.is_ready[child.name]]:
                waiting.remove(child)
                dev_state.announce(settings, **{child.url_key: child.url})
                if not waiting:
                    _tell_where(services, supervisor.children)
        return 0
    finally:
        embedded.stop()


def _tell_where(services: Services, children: list[Child]) -> None:
    places = [(f"{child.title or child.name} is at", child.url) for child in children if child.url_key]
    places.append(("the spreadsheet is at", services.spreadsheet_url))
    width = max(len(name) for name, _ in places)
    say("Ready. Ctrl-C ends everything.\n" + "\n".join(f"    {name:<{width}}  {url}" for name, url in places))


@contextmanager
def _only_one(settings: Settings) -> Iterator[int]:
    """Hold the lock of this data folder, or say who does; end what an earlier one has left."""
    make_folder(settings.local_data_dir)
    descriptor = os.open(dev_state.life_lock(settings), os.O_RDONLY | os.O_CREAT, 0o600)
    try:
        if not servers.wait_until(lambda: _take(descriptor), seconds=0.5):
            if (pid := _living_dev(settings)) is not None:
                where = (dev_state.running_dev(settings) or {}).get("dagster_url", "still starting")
                raise SettingsError(
                    f"`sheets-pipeline dev` already runs for {settings.local_data_dir.absolute()} (process {pid}, "
                    f"{where}). End it first, or set LOCAL_DATA_DIR to another folder."
                )
            say("Waiting for an earlier `sheets-pipeline dev` to end ...")
            _wait_for_earlier(settings, descriptor)
        make_private(settings.local_data_dir.absolute())
        dev_state.state_file(settings).unlink(missing_ok=True)
        dev_state.announce(settings, pid=os.getpid(), start=start_of(os.getpid()))
        if family.end_leftovers(settings.local_data_dir):
            say("Ended what a killed `sheets-pipeline dev` had left running.")
        yield descriptor
    finally:
        os.close(descriptor)


def _wait_for_earlier(settings: Settings, descriptor: int) -> None:
    """Wait for the lock of one that ends, and take its watchdog's place where that hangs."""
    if servers.wait_until(lambda: _take(descriptor), seconds=_EARLIER_SECONDS, step=0.2):
        return
    if (pid := _living_dev(settings)) is not None:
        raise SettingsError(f"`sheets-pipeline dev` (process {pid}) does not end. End that process, then try again.")
    family.end_watchdogs(settings.local_data_dir)
    if not servers.wait_until(lambda: _take(descriptor), seconds=5):
        raise SettingsError(
            f"A process still holds {dev_state.life_lock(settings)}, perhaps in another container that shares this "
            "folder. End it, or set LOCAL_DATA_DIR to another folder."
        )


def _living_dev(settings: Settings) -> int | None:
    """The process of the ``dev`` that announced itself, if it lives."""
    pid: int | None = (dev_state.running_dev(settings) or {}).get("pid")
    return pid


def _take(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


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
