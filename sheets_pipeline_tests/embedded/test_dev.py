"""`sheets-pipeline dev`: one terminal, and no process left when it ends, however it ends."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from sheets_pipeline.cli.local import local
from sheets_pipeline.embedded import children, dev, dev_output, dev_state
from sheets_pipeline.embedded.dev_state import local_urls
from sheets_pipeline.embedded.services import running_services, stop_services
from sheets_pipeline.errors import SettingsError
from sheets_pipeline.processes import family
from sheets_pipeline.processes.family import folder_id, members
from sheets_pipeline.processes.servers import free_port, wait_until
from sheets_pipeline.settings import Settings, load_settings

#: Runs dev with a small web server in the place of Dagster and of the control API each; they start processes that ignore
#: polite requests to end.
DEV = """
import sys, types
from sheets_pipeline.embedded import children, dev, probes, services, supervision
from sheets_pipeline.processes import family
from sheets_pipeline.settings import load_settings
services.fill_demo_platform = lambda url: None
CHILD = '''
import http.server, os, signal, subprocess, sys
stubborn = "import signal, time; signal.signal(15, signal.SIG_IGN); signal.signal(2, signal.SIG_IGN); time.sleep(600)"
subprocess.Popen([sys.executable, "-c", stubborn], start_new_session=True)
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.send_header("Content-Length", "2"); self.end_headers(); self.wfile.write(b"ok")
        print("\\x1b[32manswered\\x1b[0m " + self.path, flush=True)
        if self.path == "/die": os._exit(3)
        if self.path == "/hang": os.kill(os.getpid(), signal.SIGSTOP)
    def log_message(self, *_): pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Page).serve_forever()
'''
def stand_in(name, key, port, **more):
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-c", CHILD, str(port)]
    return children.Child(name, command, lambda: probes.http_probe(url), url, key, probe_seconds=0.2, **more)
def stand_ins(settings, port):
    if port == 1:
        return [children.Child("webserver", [sys.executable, "-c", "exit(3)"], lambda: lambda: None)]
    control = stand_in("control", "control_url", children.servers.free_port(), is_essential=False)
    return [stand_in("webserver", "dagster_url", port, goes_first=True), control]
dev.children_of = stand_ins
dev.choose_port = lambda port: port
supervision.SILENT_SECONDS = 0.5
probes._TIMEOUT_SECONDS = 3.0  # sooner, one that only waits for the processor would be replaced
family.LEFT_SECONDS = 0.5
if "bare" in sys.argv:
    dev._start_services = lambda settings: types.SimpleNamespace(spreadsheet_url="")
    dev.EmbeddedWatch = lambda settings: types.SimpleNamespace(stop=lambda: None)
sys.exit(dev.run_dev(load_settings(), port=int(sys.argv[1])))
"""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("LOCAL_DATA_DIR", str(tmp_path / "local"))
    monkeypatch.chdir(tmp_path)
    yield load_settings()
    stop_services(load_settings())


def start(tmp_path: Path, port: int | None = None, *, bare: bool = False) -> subprocess.Popen[bytes]:
    """With the children alone where ``bare``: nothing embedded, which takes its time."""
    with (tmp_path / "out.log").open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-c", DEV, str(port or free_port()), *(["bare"] if bare else [])],
            stdout=output,
            stderr=output,
            start_new_session=True,
            cwd=tmp_path,
        )


def facts(settings: Settings) -> dict[str, Any]:
    return dev_state.running_dev(settings) or {}


def watchdog_of(dev_pid: int) -> int:
    """The one there is; another one takes a moment to start."""
    import psutil

    def those() -> list[int]:
        found = []
        for child in psutil.Process(dev_pid).children():
            with contextlib.suppress(psutil.NoSuchProcess):  # it ends just now, or has and is not reaped yet
                if "sheets_pipeline.embedded.watchdog" in child.cmdline():
                    found.append(child.pid)
        return found

    assert wait_until(lambda: len(those()) == 1, seconds=30)
    return those()[0]


def family_of(settings: Settings) -> list[int]:
    """All processes that dev has started."""
    return members(folder_id(settings.local_data_dir))


def are_all_gone(settings: Settings) -> bool:
    """Of the family; who was killed may take a moment."""
    return wait_until(lambda: family_of(settings) == [], seconds=30)


def is_running(pid: int) -> bool:
    import psutil

    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_ready(settings: Settings, process: subprocess.Popen[bytes], log: Path) -> None:
    ready = wait_until(
        lambda: {"dagster_url", "control_url"} <= set(facts(settings)) or process.poll() is not None,
        seconds=60,
        step=0.05,
    )
    assert ready and process.poll() is None, log.read_text()  # noqa: PT018


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_each_of_three_signals_asks_for_the_end(number: signal.Signals):
    stop = threading.Event()
    before = signal.getsignal(number)
    with dev._signals(stop):
        os.kill(os.getpid(), number)
        assert stop.wait(30)
    assert signal.getsignal(number) == before


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_and_the_next_start_finds_everything(
    settings: Settings, tmp_path: Path, ending: signal.Signals
):
    log = tmp_path / "out.log"
    process = start(tmp_path)
    wait_ready(settings, process, log)
    urls = local_urls(settings)
    assert None not in {urls["dagster_url"], urls["control_url"], urls["database_url"], urls["spreadsheet_url"]}
    family = family_of(settings)
    assert len(family) == 4
    process.send_signal(ending)
    assert process.wait(timeout=40) == (-9 if ending == signal.SIGKILL else 0)
    assert wait_until(lambda: not any(is_running(pid) for pid in family), seconds=30), log.read_text()
    assert wait_until(lambda: set(running_services(settings).values()) == {None}, seconds=30)
    assert wait_until(lambda: dev_state.running_dev(settings) is None, seconds=30)
    if ending == signal.SIGKILL:
        again = start(tmp_path)
        wait_ready(settings, again, log)
        pages = {"dagster_url": None, "control_url": None}
        assert {**local_urls(settings), **pages} == {**urls, **pages}
        again.send_signal(signal.SIGINT)
        assert again.wait(timeout=40) == 0


def test_what_cannot_start_even_once_ends_everything_with_code_1(settings: Settings, tmp_path: Path):
    process = start(tmp_path, port=1, bare=True)
    assert process.wait(timeout=40) == 1
    assert "webserver ended by itself with exit code 3; its last lines say why" in (tmp_path / "out.log").read_text()
    assert family_of(settings) == []


def answers(page: str) -> bool:
    with contextlib.suppress(OSError):
        return bool(urllib.request.urlopen(page, timeout=10).status == 200)
    return False


def test_each_process_that_ends_or_hangs_is_replaced(settings: Settings, tmp_path: Path):
    process = start(tmp_path, bare=True)
    wait_ready(settings, process, tmp_path / "out.log")
    pages = facts(settings)
    for name, how in (("dagster_url", "/die"), ("control_url", "/die"), ("dagster_url", "/hang")):
        urllib.request.urlopen(pages[name] + how, timeout=10)
        assert wait_until(lambda: answers(pages[name]), seconds=30), name  # noqa: B023 - called here
    for number in (signal.SIGKILL, signal.SIGSTOP):
        watchdog = watchdog_of(process.pid)
        os.kill(watchdog, number)
        assert wait_until(lambda: not is_running(watchdog), seconds=30)  # noqa: B023 - called here
        assert wait_until(lambda: "watchdog has ended" in (tmp_path / "out.log").read_text(), seconds=30)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=40) == 0
    text = (tmp_path / "out.log").read_text()
    assert "webserver | answered /die" in text
    assert "\x1b" not in text
    assert "webserver ended by itself with exit code 3 and is started again" in text
    assert re.search(r"webserver does not answer \(for \d+ s\) and is started again", text)
    assert "control ended by itself with exit code 3 and is started again" in text
    assert are_all_gone(settings)


def test_what_a_killed_one_and_its_killed_watchdog_left_is_ended_before_the_next_starts(
    settings: Settings, tmp_path: Path
):
    process = start(tmp_path, bare=True)
    wait_ready(settings, process, tmp_path / "out.log")
    orphans = family_of(settings)
    os.kill(watchdog_of(process.pid), signal.SIGSTOP)  # it holds the lock, and does nothing
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert any(is_running(pid) for pid in orphans)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dev, "_EARLIER_SECONDS", 0.5)
        patch.setattr(family, "LEFT_SECONDS", 0.5)
        with dev._only_one(settings):
            assert wait_until(lambda: not any(is_running(pid) for pid in orphans), seconds=30)


def test_stop_ends_a_running_one_and_says_so(settings: Settings, tmp_path: Path):
    process = start(tmp_path, bare=True)
    wait_ready(settings, process, tmp_path / "out.log")
    stopped = CliRunner().invoke(local, ["stop"])
    assert "Stopped: sheets-pipeline dev" in stopped.output
    assert process.wait(timeout=30) == 0
    assert are_all_gone(settings)
    assert CliRunner().invoke(local, ["stop"]).output == "Nothing embedded was running.\n"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems tell nobody of a parent's end")
def test_a_child_ends_with_the_process_that_started_it(tmp_path: Path):
    child = [sys.executable, "-c", "import time; time.sleep(60)"]
    command = [sys.executable, "-m", "sheets_pipeline.embedded.end_with_parent"]
    code = "import os, signal, subprocess, sys, time\n"
    code += (
        "signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})\n"
    )
    code += f"print(subprocess.Popen([*{command}, str(os.getpid()), *{child}]).pid, flush=True); time.sleep(60)"
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout:
        pid = int(parent.stdout.readline())
    time.sleep(0.5)
    assert is_running(pid)
    parent.kill()
    parent.wait()
    assert wait_until(lambda: not is_running(pid), seconds=30)


def test_a_second_one_is_refused_and_services_that_crash_are_started_again(settings: Settings, tmp_path: Path):
    process = start(tmp_path)
    wait_ready(settings, process, tmp_path / "out.log")
    with pytest.raises(SettingsError, match=f"already runs .*process {process.pid}"):
        dev.run_dev(settings)
    assert process.poll() is None
    before = running_services(settings)
    for name in ("postgres/state.json", "local_sheets.json"):
        os.kill(json.loads((settings.local_data_dir / name).read_text())["pid"], signal.SIGKILL)
    time.sleep(0.5)
    assert wait_until(lambda: running_services(settings) == before, seconds=30)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=40) == 0


def test_a_port_that_is_taken_is_refused_by_name_and_passed_over_by_default(monkeypatch: pytest.MonkeyPatch):
    import socket

    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        with pytest.raises(SettingsError, match=f"Port {taken} is taken"):
            children.choose_port(taken)
        monkeypatch.setattr(children, "DAGSTER_PORT", taken)
        assert children.choose_port(None) > taken
    assert free_port(taken) == taken


@pytest.mark.parametrize(
    ("line", "is_shown"),
    [
        ("INFO - Checking for new runs for sensor: pending_events", False),
        ("SensorDaemon - INFO - Sensor pending_events skipped: No events are pending.", False),
        ("- \x1b[34mDEBUG\x1b[0m - full_sync - 1 - STEP_START - Started execution of step", False),
        ("- DEBUG - full_sync - 1 - RUN_SUCCESS - Finished execution of run", True),
        ("SensorDaemon - INFO - Completed launch of run 1 for pending_events", True),
    ],
)
def test_lines_that_come_every_few_seconds_are_left_out(
    line: str, is_shown: bool, capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    (tmp_path / "output").write_text(f"{line}\n")
    with (tmp_path / "output").open() as output:
        dev_output.forward("dagster", output)
    assert (line in capsys.readouterr().out) is is_shown
