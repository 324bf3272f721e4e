"""`sheets-pipeline dev`: one terminal, and no process left when it ends, however it ends."""

import contextlib
import json
import os
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

from sheets_pipeline.errors import SettingsError
from sheets_pipeline.local import dev, dev_state
from sheets_pipeline.local.dev_state import local_urls
from sheets_pipeline.local.family import members
from sheets_pipeline.local.processes import free_port, wait_until
from sheets_pipeline.local.services import running_services, stop_services
from sheets_pipeline.settings import Settings, load_settings

#: Runs dev with a small web server in the place of Dagster and of the control API each; they start processes that ignore
#: polite requests to end.
DEV = """
import sys
from sheets_pipeline.local import dev, family, services
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
    def log_message(self, *_): pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Page).serve_forever()
'''
def stand_in(settings, port):
    return dev.Child("dagster", [sys.executable, "-c", CHILD, str(port)], f"http://127.0.0.1:{port}", "dagster_url")
def control_stand_in(settings):
    port = dev.processes.free_port()
    command = [sys.executable, "-c", CHILD, str(port)]
    return dev.Child("control", command, f"http://127.0.0.1:{port}", "control_url", is_essential=False)
dev._dagster = stand_in
dev._control = control_stand_in
family.LEFT_SECONDS = 0.5
dev._RESTART_SECONDS = 0.5
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


def start(tmp_path: Path) -> subprocess.Popen[bytes]:
    with (tmp_path / "out.log").open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-c", DEV, str(free_port())],
            stdout=output,
            stderr=output,
            start_new_session=True,
            cwd=tmp_path,
        )


def facts(settings: Settings) -> dict[str, Any]:
    return dev_state.running_dev(settings) or {}


def family_of(watchdog_of: int) -> list[int]:
    """All processes that dev has started, by the mark that its watchdog was given."""
    import psutil

    for child in psutil.Process(watchdog_of).children():
        command = child.cmdline()
        if "sheets_pipeline.local.watchdog" in command:
            return members(command[command.index("sheets_pipeline.local.watchdog") + 1])
    raise AssertionError("no watchdog")


def is_running(pid: int) -> bool:
    import psutil

    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


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
        assert stop.wait(5)
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
    family = family_of(process.pid)
    assert len(family) == 4
    process.send_signal(ending)
    assert process.wait(timeout=40) == (-9 if ending == signal.SIGKILL else 0)
    assert wait_until(lambda: not any(is_running(pid) for pid in family), seconds=30), log.read_text()
    assert wait_until(lambda: set(running_services(settings).values()) == {None}, seconds=30)
    assert wait_until(lambda: dev_state.running_dev(settings) is None, seconds=10)
    if ending == signal.SIGKILL:
        again = start(tmp_path)
        wait_ready(settings, again, log)
        pages = {"dagster_url": None, "control_url": None}
        assert {**local_urls(settings), **pages} == {**urls, **pages}
        again.send_signal(signal.SIGINT)
        assert again.wait(timeout=40) == 0


def test_dagster_that_ends_by_itself_ends_everything_with_code_1(settings: Settings, tmp_path: Path):
    process = start(tmp_path)
    wait_ready(settings, process, tmp_path / "out.log")
    urllib.request.urlopen(facts(settings)["dagster_url"] + "/die", timeout=10)
    assert process.wait(timeout=40) == 1
    text = (tmp_path / "out.log").read_text()
    assert "dagster | answered /die" in text
    assert "dagster ended by itself with exit code 3" in text
    assert "\x1b" not in text


def test_a_dashboard_that_ends_by_itself_is_started_again(settings: Settings, tmp_path: Path):
    process = start(tmp_path)
    wait_ready(settings, process, tmp_path / "out.log")
    page = facts(settings)["control_url"]
    urllib.request.urlopen(page + "/die", timeout=10)

    def answers() -> bool:
        with contextlib.suppress(OSError):
            return urllib.request.urlopen(page, timeout=10).status == 200
        return False

    assert wait_until(answers, seconds=20)
    assert "control ended by itself with exit code 3 and is started again" in (tmp_path / "out.log").read_text()
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=40) == 0


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
            dev._choose_port(taken)
        monkeypatch.setattr(dev, "DAGSTER_PORT", taken)
        assert dev._choose_port(None) > taken
    assert free_port(taken) == taken


@pytest.mark.parametrize(
    ("line", "is_shown"),
    [
        ("INFO - Checking for new runs for sensor: quiz_submissions", False),
        ("SensorDaemon - INFO - Sensor quiz_submissions skipped: No events are pending.", False),
        ("- \x1b[34mDEBUG\x1b[0m - full_sync - 1 - STEP_START - Started execution of step", False),
        ("- DEBUG - full_sync - 1 - RUN_SUCCESS - Finished execution of run", True),
        ("SensorDaemon - INFO - Completed launch of run 1 for quiz_submissions", True),
    ],
)
def test_lines_that_come_every_few_seconds_are_left_out(
    line: str, is_shown: bool, capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    (tmp_path / "output").write_text(f"{line}\n")
    with (tmp_path / "output").open() as output:
        dev._forward("dagster", output)
    assert (line in capsys.readouterr().out) is is_shown
