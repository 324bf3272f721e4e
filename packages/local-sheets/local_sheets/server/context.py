"""Everything that a running server consists of, in one object that routes and the page are given."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from local_sheets.engine import Engine
from local_sheets.model.transaction import Transaction
from local_sheets.server.auth import Gate
from local_sheets.server.events import Events, change_message
from local_sheets.server.faults import Faults
from local_sheets.server.quota import UNLIMITED, Limits, Quota
from local_sheets.server.request_log import RequestLog
from local_sheets.server.script_limits import ScriptLimits


@dataclass(frozen=True, slots=True)
class Options:
    """How a server was started."""

    data_dir: Path
    host: str = "127.0.0.1"
    port: int = 0
    limits: Limits = UNLIMITED
    auth: bool = True
    latency_seconds: float = 0.0
    #: Further host names under which requests are taken.
    allowed_hosts: tuple[str, ...] = ()
    #: Where edits made on the page are announced.
    announce_url: str | None = None
    #: Start of the spreadsheets' own addresses in answers.
    site: str = "https://docs.google.com"
    #: How long, how often and how many at once the spreadsheets' scripts may run.
    script_limits: ScriptLimits = field(default_factory=ScriptLimits)
    #: How long after a change Drive's channels are told of it.
    notify_after_seconds: float = 10.0
    #: Stop when the process that started the server is gone.
    stop_with_parent: bool = False


@dataclass(slots=True)
class Server:
    """The parts of a running server."""

    options: Options
    engine: Engine = field(init=False)
    gate: Gate = field(init=False)
    quota: Quota = field(init=False)
    faults: Faults = field(default_factory=Faults)
    log: RequestLog = field(default_factory=RequestLog)
    events: Events = field(default_factory=Events)
    #: The loop that the server runs in, once it does.
    loop: asyncio.AbstractEventLoop | None = None

    def __post_init__(self) -> None:
        self.engine = Engine(self.options.data_dir)
        self.gate = Gate(self.options.data_dir, enabled=self.options.auth)
        self.quota = Quota(self.options.limits)
        self.engine.listeners.append(self._tell_change)
        self.engine.result_listeners.append(self._tell_change)
        self.engine.behind_listeners.append(self._catch_up_later)
        self.log.listeners.append(lambda entry: self.events.publish("request", entry.as_json))

    @property
    def endpoint(self) -> str:
        """Our own address."""
        host = f"[{self.options.host}]" if ":" in self.options.host else self.options.host
        return f"http://{'127.0.0.1' if host in ('0.0.0.0', '[::]') else host}:{self.options.port}"  # noqa: S104

    def _tell_change(self, tx: Transaction) -> None:
        self.events.publish("change", lambda: change_message(tx))

    def _catch_up_later(self, spreadsheet_id: str) -> None:
        """Compute what a spreadsheet imports although nobody asks for it: pages show it. From any thread."""
        if self.loop is not None:
            asyncio.run_coroutine_threadsafe(self._catch_up(spreadsheet_id), self.loop)

    async def _catch_up(self, spreadsheet_id: str) -> None:
        if spreadsheet_id in self.engine:
            async with self.engine.lock(spreadsheet_id):
                await asyncio.to_thread(self.engine.open, spreadsheet_id)

    def close(self) -> None:
        self.engine.close()
