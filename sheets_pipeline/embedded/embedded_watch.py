"""Keeps what is embedded running under ``sheets-pipeline dev``: started again where it ended, killed first where it hangs."""

import signal
import threading
import time

from sheets_pipeline.embedded.dev_output import say
from sheets_pipeline.embedded.postgres import Server
from sheets_pipeline.embedded.probes import Prober, http_probe, postgres_probe
from sheets_pipeline.embedded.services import embedded_servers, ensure_services
from sheets_pipeline.embedded.sheets_server import SheetsServer
from sheets_pipeline.embedded.supervision import Answer, Step, Watched
from sheets_pipeline.errors import SheetsPipelineError
from sheets_pipeline.processes import servers
from sheets_pipeline.settings import Settings

_PROBE_SECONDS = 5.0


class EmbeddedWatch:
    """A thread that looks after PostgreSQL and Local Sheets once a second."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stop = threading.Event()
        self._probers: dict[int, Prober] = {}
        self._watched: dict[int, Watched] = {}
        self._thread = threading.Thread(target=self._run, name="embedded", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look no more; returns when the last look is over."""
        self._stop.set()
        self._thread.join()
        for prober in self._probers.values():
            prober.stop()

    def _run(self) -> None:
        while not self._stop.wait(1):
            try:
                ensure_services(self._settings)
                self._look()
            except SheetsPipelineError as error:
                say(str(error))

    def _look(self) -> None:
        running = {name: server.running() for name, server in embedded_servers(self._settings).items()}
        for gone in self._probers.keys() - {server.pid for server in running.values() if server is not None}:
            self._probers.pop(gone).stop()
            del self._watched[gone]
        for name, server in running.items():
            if server is not None:
                self._look_at(name, server)

    def _look_at(self, name: str, server: Server | SheetsServer) -> None:
        pid, now = server.pid, time.monotonic()
        if pid not in self._probers:
            probe = postgres_probe(server.port) if isinstance(server, Server) else http_probe(server.endpoint)
            self._probers[pid], self._watched[pid] = Prober(probe, _PROBE_SECONDS, pid), Watched(now)
        watched = self._watched[pid]
        if (answer := self._probers[pid].latest) is not None:
            watched.saw(answer if answer is Answer.OK else Answer.SILENT, now)  # one that restarts itself is left alone
        step, why = watched.next_step(None, now)
        if step is Step.REPLACE:
            say(f"{name} {why} and is started again.")
            servers.send_signal(pid, signal.SIGKILL)
