"""One execution from its start to its end: a process, the job it is given, the calls it makes, the time it may take."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import orjson

from local_sheets.api_error import ApiError
from local_sheets.apps_script.execution_log import ExecutionRecord, without_secrets
from local_sheets.apps_script.processes import ProcessPool, ScriptProcess
from local_sheets.apps_script.project import Project
from local_sheets.apps_script.sheet_services import SheetServices
from local_sheets.apps_script.state_services import SharedState, StateServices

if TYPE_CHECKING:
    from local_sheets.server.context import Server

#: Whose scripts they are: the person at this machine owns all that is bound to a spreadsheet here.
OWNER = "owner@localhost"
TIMED_OUT = "Exceeded maximum execution time"

#: Calls that wait for somebody: given up when the script is ended.
_WAITING = ("ui.dialog", "lock.take")
#: The event loop itself does not hold on to tasks.
_under_way: set[asyncio.Future[bytes]] = set()

Service = Callable[..., Awaitable[Any]]


@dataclass(slots=True)
class Run:
    """What is to run. ``event`` is that of a trigger, as ``runtime/9_run.js`` takes it."""

    project: Project
    record: ExecutionRecord
    parameters: Sequence[Any] = ()
    event: dict[str, Any] | None = None
    #: A simple trigger: no services that need authorization.
    limited: bool = False
    has_ui: bool = False
    #: Given beforehand to dialogs; None where people at the page are asked.
    answers: Sequence[Any] | None = None
    result: Any = field(default=None, init=False)


class Running:
    """Carries out one run."""

    def __init__(self, server: "Server", shared: SharedState, run: Run) -> None:
        self._run, self._shared = run, shared
        self._deadline: asyncio.Timeout | None = None
        self._left = 0.0
        user = run.record.user if run.limited else OWNER
        self._state = StateServices(shared, run.project, user, run.answers, self._pause)
        sheets = SheetServices(server, f"{OWNER} (Apps Script)")
        self._services: dict[str, Service] = {
            "spreadsheet.info": sheets.info,
            "sheet.grid": sheets.grid,
            "sheet.last": sheets.last,
            "metadata.find": sheets.metadata,
            "range.parse": sheets.parse,
            "range.get": sheets.get,
            "values.set": sheets.set_values,
            "batch": sheets.batch,
            "properties.get": self._state.get_properties,
            "properties.set": self._state.set_properties,
            "properties.delete": self._state.delete_properties,
            "cache.get": self._state.get_cached,
            "cache.put": self._state.put_cached,
            "cache.remove": self._state.remove_cached,
            "lock.take": self._state.take_lock,
            "lock.release": self._state.release_lock,
            "triggers.list": self._state.list_triggers,
            "triggers.create": self._state.create_trigger,
            "triggers.delete": self._state.delete_trigger,
            "ui.menu": self._state.menu,
            "ui.dialog": self._state.dialog,
            "toast": self._state.toast,
            "fetch.begin": self._begin_fetch,
        }

    async def carry_out(self, pool: ProcessPool, process: ScriptProcess) -> None:
        """Run to the end; ``record`` then says how it went."""
        record, limits = self._run.record, self._shared.limits
        seconds = limits.simple_seconds if self._run.limited else limits.execution_seconds
        try:
            async with asyncio.timeout(seconds) as self._deadline:
                await self._talk(process)
        except TimeoutError:
            record.status, record.error = "TIMED_OUT", {"name": "Exception", "message": TIMED_OUT, "stack": []}
            pool.drop(process)
        except asyncio.CancelledError:
            record.status = "CANCELED"
            pool.drop(process)
            raise
        finally:
            self._state.release_all()
            pool.give_back(process)

    async def _talk(self, process: ScriptProcess) -> None:
        record = self._run.record
        await process.send(orjson.dumps(self._job()))
        while (message := await process.receive()) is not None:
            if "log" in message:
                severity, text = message["log"]
                record.log(severity, text, self._run.project)
            elif "call" in message:
                await process.send(await self._answer(message["name"], message["call"]))
            else:
                self._finish(message["done"])
                return
        process.kill()
        record.status = "FAILED"
        record.error = {
            "name": "InternalError",
            "message": "The script's process ended: it took too much memory.",
            "stack": [],
        }

    def _finish(self, outcome: dict[str, Any]) -> None:
        record = self._run.record
        if (error := outcome.get("error")) is None:
            record.status, self._run.result = "COMPLETED", outcome.get("result")
            return
        record.status, record.error = (
            "FAILED",
            {**error, "message": without_secrets(error["message"], self._run.project)},
        )

    def _job(self) -> dict[str, Any]:
        run, project = self._run, self._run.project
        manifest = project.manifest
        zone = str(manifest.get("timeZone") or "Etc/GMT")
        job = {
            "limited": run.limited,
            "scopes": manifest.get("oauthScopes"),
            "event": run.event,
            "hasUi": run.has_ui,
            "spreadsheetId": project.spreadsheet_id,
            "scriptId": project.script_id,
            "user": run.record.user,
            "effectiveUser": run.record.user if run.limited else OWNER,
            "userKey": sha256(run.record.user.encode()).hexdigest()[:32],
            "timeZone": zone,
        }
        call = {"function": run.record.function, "parameters": list(run.parameters), "event": run.event}
        return {"timeZone": zone, "files": project.code, "job": job, "call": call}

    async def _answer(self, name: str, args: list[Any]) -> bytes:
        """Serve a call. What is begun is finished, also when the script is ended meanwhile: a spreadsheet is never half changed."""
        if name in _WAITING:
            return await self._serve(name, args)
        work = asyncio.ensure_future(self._serve(name, args))
        _under_way.add(work)
        work.add_done_callback(_under_way.discard)
        return await asyncio.shield(work)

    async def _serve(self, name: str, args: list[Any]) -> bytes:
        """The answer to one call: ``{"result"}`` or ``{"error"}``."""
        try:
            return orjson.dumps({"result": await self._services[name](*args)})
        except ApiError as error:
            return orjson.dumps({"error": error.message})
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            return orjson.dumps({"error": f"Invalid argument ({name}: {type(error).__name__})"})

    async def _begin_fetch(self, requests: int) -> None:
        await self._state.begin_fetch(requests)
        self._run.record.fetches += requests

    def _pause(self, stop: bool) -> None:
        """The clock stands while a person is asked."""
        if self._deadline is None:
            return
        now = asyncio.get_running_loop().time()
        if stop:
            self._left = (self._deadline.when() or now) - now
        self._deadline.reschedule(None if stop else now + self._left)
