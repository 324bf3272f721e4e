"""The scripts of all spreadsheets of a server: setting them, running them, firing their triggers."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from local_sheets.api_error import ApiError, invalid, not_found
from local_sheets.apps_script.execution_log import ExecutionLog, ExecutionRecord
from local_sheets.apps_script.processes import ProcessPool
from local_sheets.apps_script.project import Project, ProjectStore, Trigger, files_of, new_trigger
from local_sheets.apps_script.running import OWNER, Run, Running
from local_sheets.apps_script.state_services import SharedState
from local_sheets.server.script_limits import DailyUse

if TYPE_CHECKING:
    from local_sheets.server.context import Server

#: Kind of the events that pages are told.
SCRIPT_EVENT = "apps_script"
#: Functions that run without having been installed, by the event that fires them.
_SIMPLE = {"ON_EDIT": "onEdit", "ON_OPEN": "onOpen"}
_TICK_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Occurrence:
    """Something that a person did to a spreadsheet: ``fields`` are those of the event beside ``source`` and the like."""

    event_type: str
    fields: Mapping[str, Any]
    #: Who did it; empty where Google would not tell.
    user: str = OWNER


class Scripts:
    """The scripts of one server. All of it happens in the server's event loop."""

    def __init__(self, server: "Server") -> None:
        self._server = server
        self.limits = server.options.script_limits
        self.store = ProjectStore(server.options.data_dir)
        self.executions = ExecutionLog()
        self.state = SharedState(self.store, self.limits, self._tell)
        self._pool = ProcessPool()
        self._tasks: set[asyncio.Task[None]] = set()
        self._trigger_seconds: dict[str, DailyUse] = {}
        self._clock: asyncio.Task[None] | None = None
        self._due: dict[str, float] = {}

    def _tell(self, spreadsheet_id: str, message: dict[str, Any]) -> None:
        self._server.events.publish(SCRIPT_EVENT, lambda: {"spreadsheetId": spreadsheet_id, **message})

    async def start(self) -> None:
        """Begin to fire triggers of the clock; scripts of spreadsheets that are gone are removed."""
        for project in self.store.all():
            if project.spreadsheet_id not in self._server.engine:
                self.store.forget(project.spreadsheet_id)
        self._clock = asyncio.create_task(self._keep_time())
        if self.store.all():
            self._keep(asyncio.create_task(self._pool.warm()))

    async def stop(self) -> None:
        """End all that runs."""
        tasks = [*self._tasks, *([self._clock] if self._clock is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._pool.close()

    # -- what is set

    def project_of(self, spreadsheet_id: str) -> Project:
        """The spreadsheet's script, an empty one where none was set.

        Raises:
            ApiError: There is no such spreadsheet.
        """
        if spreadsheet_id not in self._server.engine:
            self.store.forget(spreadsheet_id)
            raise not_found()
        return self.store.get_or_make(spreadsheet_id)

    def set_content(self, project: Project, files: Any) -> None:
        """Replace all files; triggers and properties stay."""
        project.files = files_of(files)
        self.store.save(project)
        self.state.menus.pop(project.spreadsheet_id, None)
        self._tell(project.spreadsheet_id, {"kind": "state"})
        self._keep(asyncio.create_task(self._pool.warm()))

    def add_trigger(self, project: Project, wanted: Mapping[str, Any]) -> Trigger:
        """Install a trigger, as a person does on the page of triggers."""
        trigger = new_trigger(
            wanted.get("function"), wanted.get("eventType"), wanted.get("everySeconds"), wanted.get("afterSeconds")
        )
        project.triggers.append(trigger)
        self.store.save(project)
        self._tell(project.spreadsheet_id, {"kind": "state"})
        return trigger

    def remove_trigger(self, project: Project, uid: str) -> None:
        """Take a trigger away.

        Raises:
            ApiError: There is none with this id.
        """
        kept = [one for one in project.triggers if one.uid != uid]
        if len(kept) == len(project.triggers):
            raise ApiError(404, f"No trigger {uid}.")
        project.triggers = kept
        self.store.save(project)
        self._tell(project.spreadsheet_id, {"kind": "state"})

    # -- running

    async def call(
        self,
        project: Project,
        function: Any,
        parameters: Sequence[Any] = (),
        *,
        process_type: str,
        answers: Sequence[Any] | None = None,
    ) -> Run:
        """Run a function that a person or program asked for, and wait for its end.

        Raises:
            ApiError: The script has no such function, or its name is private.
        """
        if not isinstance(function, str) or function.endswith("_"):
            raise invalid(
                f"function is {function!r}: expected the name of a function that does not end with an underscore."
            )
        record = self.executions.begin(project, function, process_type, OWNER, None)
        has_ui = process_type != "EXECUTION_API" or answers is not None
        run = Run(project, record, parameters, has_ui=has_ui, answers=answers)
        await self._spawn(run)
        return run

    def fire(self, spreadsheet_id: str, occurrences: Sequence[Occurrence]) -> None:
        """Start the executions of all triggers that wait for what has happened; returns at once."""
        project = self.store.get(spreadsheet_id)
        if project is None:
            return
        for one in occurrences:
            simple = _SIMPLE.get(one.event_type)
            if simple is not None and simple in project.functions():
                record = self.executions.begin(project, simple, "SIMPLE_TRIGGER", one.user, one.event_type)
                event = _event(one, "LIMITED", None)
                self._spawn(Run(project, record, event=event, limited=True, has_ui=True))
            for trigger in project.triggers:
                if trigger.eventType == one.event_type:
                    self._fire(project, trigger, one)

    def _fire(self, project: Project, trigger: Trigger, occurrence: Occurrence) -> None:
        clock = trigger.eventType == "CLOCK"
        process_type = "TIME_DRIVEN" if clock else "TRIGGER"
        record = self.executions.begin(project, trigger.function, process_type, OWNER, trigger.eventType)
        self._spawn(Run(project, record, event=_event(occurrence, "FULL", trigger.uid), has_ui=not clock))

    def _spawn(self, run: Run) -> asyncio.Task[None]:
        return self._keep(asyncio.create_task(self._carry_out(run)))

    def _keep(self, task: asyncio.Task[None]) -> asyncio.Task[None]:
        """Hold on to a task until it is done: the event loop does not."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _carry_out(self, run: Run) -> None:
        record = run.record
        try:
            if not await self._spared_by_faults(record) or not self._may_start(record):
                return
            if self._are_too_many(record):
                return
            process = await self._pool.take()
            if self._are_too_many(record):
                self._pool.give_back(process)
                return
            record.status, record.started = "RUNNING", time.time()
            await Running(self._server, self.state, run).carry_out(self._pool, process)
        except OSError as error:
            _refuse(record, f"Local Sheets cannot start a process for the script ({error}).")
        finally:
            record.seconds = time.time() - record.started
            if record.process_type in ("TRIGGER", "TIME_DRIVEN"):
                self._trigger_seconds.setdefault(record.user, DailyUse()).add(record.seconds)
            self._tell(record.spreadsheet_id, {"kind": "execution", "number": record.number})

    def _are_too_many(self, record: ExecutionRecord) -> bool:
        """Whether as many of this person's run as may; those that wait for a process do not count."""
        if self.executions.running_of(record.user) < self.limits.at_once:
            return False
        _refuse(record, "There are too many scripts running simultaneously for this Google user account.")
        return True

    def _may_start(self, record: ExecutionRecord) -> bool:
        most = self.limits.trigger_seconds_per_day
        used = self._trigger_seconds.get(record.user)
        if most is None or used is None or record.process_type not in ("TRIGGER", "TIME_DRIVEN") or used.sum < most:
            return True
        _refuse(record, "Service using too much computer time for one day")
        return False

    async def _spared_by_faults(self, record: ExecutionRecord) -> bool:
        """Faults for ``script.triggers.on_edit`` and the like delay a trigger, or lose it."""
        if record.event_type is None:
            return True
        method = f"script.triggers.{record.event_type.lower()}"
        fault = self._server.faults.pick_named(method)
        if fault is None:
            return True
        self._server.faults.record(fault, method, applied=False)
        await asyncio.sleep(fault.seconds)
        if fault.action == "delay":
            return True
        _refuse(record, "The trigger was lost: a fault of Local Sheets wanted it.")
        return False

    # -- the clock

    async def _keep_time(self) -> None:
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            now = time.monotonic()
            for project in self.store.all():
                for trigger in [one for one in project.triggers if one.eventType == "CLOCK"]:
                    self._fire_when_due(project, trigger, now)

    def _fire_when_due(self, project: Project, trigger: Trigger, now: float) -> None:
        seconds = trigger.everySeconds or trigger.afterSeconds or 0.0
        due = self._due.setdefault(trigger.uid, now + seconds - _TICK_SECONDS)
        if now < due:
            return
        self._due[trigger.uid] = now + seconds
        if trigger.everySeconds is None:
            self.remove_trigger(project, trigger.uid)
        self._fire(project, trigger, Occurrence("CLOCK", {"clock": _clock_fields()}))


def _refuse(record: ExecutionRecord, message: str) -> None:
    record.status, record.error = "FAILED", {"name": "Exception", "message": message, "stack": []}


def _event(occurrence: Occurrence, auth_mode: str, trigger_uid: str | None) -> dict[str, Any]:
    return {
        "eventType": occurrence.event_type,
        "authMode": auth_mode,
        "triggerUid": trigger_uid,
        "user": occurrence.user,
        **occurrence.fields,
    }


def _clock_fields() -> dict[str, Any]:
    """The fields of a clock event, all in UTC."""
    now = datetime.now(UTC)
    return {
        "year": now.year,
        "month": now.month,
        "day-of-month": now.day,
        "day-of-week": now.isoweekday(),
        "week-of-year": now.isocalendar().week,
        "hour": now.hour,
        "minute": now.minute,
        "second": now.second,
        "timezone": "UTC",
    }
