"""Executions, past and under way, with what they logged."""

import re
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from local_sheets.apps_script.project import Project

MOST_KEPT = 500

_SECRET_NAME = re.compile(r"secret|token|passw|key|credential|auth", re.IGNORECASE)
#: Shorter values would hide ordinary text.
_LEAST_SECRET = 6
_HIDDEN = "[hidden: a script property]"


@dataclass(slots=True)
class ExecutionRecord:
    """One execution. ``process_type`` and ``status`` are those of the Apps Script API's ``processes``."""

    number: int
    spreadsheet_id: str
    script_id: str
    function: str
    process_type: str
    user: str
    #: The event that fired the trigger, such as ``ON_EDIT``; None for a run that somebody asked for.
    event_type: str | None = None
    started: float = field(default_factory=time.time)
    seconds: float = 0.0
    #: ``PENDING`` until it has a process.
    status: str = "PENDING"
    logs: list[dict[str, Any]] = field(default_factory=list)
    error: dict[str, Any] | None = None
    fetches: int = 0

    def as_json(self) -> dict[str, Any]:
        """For the page and the API."""
        return {
            "number": self.number,
            "spreadsheetId": self.spreadsheet_id,
            "functionName": self.function,
            "processType": self.process_type,
            "eventType": self.event_type,
            "user": self.user,
            "startTime": datetime.fromtimestamp(self.started, UTC)
            .isoformat(timespec="milliseconds")
            .replace("+00:00", "Z"),
            "seconds": round(self.seconds, 3),
            "processStatus": self.status,
            "logs": self.logs,
            "error": self.error,
            "fetches": self.fetches,
        }

    def log(self, severity: str, text: str, project: Project) -> None:
        """Add a line."""
        line = {"severity": severity, "message": without_secrets(text, project)}
        self.logs.append({**line, "time": round(time.time() - self.started, 3)})


def without_secrets(text: str, project: Project) -> str:
    """The text with the values of properties whose names tell that they are secret blotted out."""
    for values in project.properties.values():
        for name, value in values.items():
            if len(value) >= _LEAST_SECRET and value in text and _SECRET_NAME.search(name):
                text = text.replace(value, _HIDDEN)
    return text


class ExecutionLog:
    """The last executions of all scripts."""

    def __init__(self) -> None:
        self._kept: deque[ExecutionRecord] = deque(maxlen=MOST_KEPT)
        self._count = 0

    def begin(
        self, project: Project, function: str, process_type: str, user: str, event_type: str | None
    ) -> ExecutionRecord:
        """Note that an execution was asked for."""
        self._count += 1
        record = ExecutionRecord(
            self._count, project.spreadsheet_id, project.script_id, function, process_type, user, event_type
        )
        self._kept.append(record)
        return record

    def of(self, spreadsheet_id: str) -> Iterable[ExecutionRecord]:
        """Those of one spreadsheet's script, newest first."""
        return [one for one in reversed(self._kept) if one.spreadsheet_id == spreadsheet_id]

    def running_of(self, user: str) -> int:
        """How many of this person's run now."""
        return sum(1 for one in self._kept if one.status == "RUNNING" and one.user == user)
