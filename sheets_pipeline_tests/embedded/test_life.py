"""What every embedded server does alike, shown with one that is as small as can be."""

import json
import signal
import sys
from pathlib import Path

import pytest

from sheets_pipeline.embedded.life import EmbeddedServer
from sheets_pipeline.errors import NotRunning
from sheets_pipeline.processes import servers

SERVING = "print('ready', flush=True); import time; time.sleep(60)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SERVING
TAKEN = "raise SystemExit('Port in use')"


class Small(EmbeddedServer):
    """Sleeps, and says before that it is ready."""

    name = "The small one"
    error = NotRunning
    port_taken = "port in use"
    start_seconds = 30
    ending = ((signal.SIGTERM, 0.3), (signal.SIGKILL, 10))

    def __init__(self, folder: Path, *programs: str) -> None:
        super().__init__(folder, ("state", "lock", "life", "log"))
        self.programs = list(programs)
        self.ports: list[int] = []

    def command(self, port: int) -> list[str]:
        self.ports.append(port)
        return [sys.executable, "-S", "-c", self.programs.pop(0)]

    def start(self) -> dict[str, object]:
        state = {"port": 47123, "kept": "yes"}
        return self._launch(state, self.command, lambda _port: "ready" in servers.last_lines(self._log))

    def state(self) -> dict[str, object]:
        return dict(json.loads(self._state_file.read_text()))

    def _stop(self) -> bool:
        pid = int(str(self.state()["pid"]))
        self._end(pid, lambda _pid: servers.is_held(self._life_lock))
        return True

    def _data_folders(self) -> set[Path]:
        return {self.folder / "data", self.folder / "not there"}


def test_where_another_program_took_the_port_it_starts_on_another(tmp_path: Path) -> None:
    server = Small(tmp_path, TAKEN, SERVING)
    state = server.start()
    assert len(set(server.ports)) == 2
    assert (state["port"], state["kept"], state["stopped"]) == (server.ports[1], "yes", False)
    assert server.state() == state
    server.stop()


def test_one_that_ends_for_another_reason_is_not_tried_again(tmp_path: Path) -> None:
    server = Small(tmp_path, "raise SystemExit('no such option')")
    with pytest.raises(NotRunning, match=r"The small one did not start.*no such option"):
        server.start()


def test_one_that_does_not_end_when_asked_is_killed_and_reset_takes_its_data(tmp_path: Path) -> None:
    server = Small(tmp_path, STUBBORN)
    server.start()
    (tmp_path / "data").mkdir()
    server.reset()
    assert not servers.is_held(server._life_lock)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["life", "lock", "log"]


def test_a_folder_that_is_not_there_is_neither_stopped_nor_made(tmp_path: Path) -> None:
    assert Small(tmp_path / "none").stop() is False
    Small(tmp_path / "none").reset()
    assert list(tmp_path.iterdir()) == []
