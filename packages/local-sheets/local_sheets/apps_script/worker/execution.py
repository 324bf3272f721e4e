"""One execution in the engine: the script's files, its calls to services, its result or its error with a line."""

import json
import os
import re
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, BinaryIO

import quickjs

from local_sheets.apps_script.frames import read_frame, write_frame
from local_sheets.apps_script.worker.fetching import fetch
from local_sheets.apps_script.worker.service_error import ServiceError
from local_sheets.apps_script.worker.utilities import UTILITIES

MEMORY_BYTES = 256 * 1024 * 1024
STACK_BYTES = 1024 * 1024
#: Of the log of one execution.
MOST_LINES, MOST_CHARACTERS = 1_000, 100_000

_RUNTIME = Path(__file__).parents[1] / "runtime"
_PLACE = re.compile(r"^\s*at (?:(.*?) \()?<input>(?::(\d+))?(?::\d+)?\)?$", re.MULTILINE)
_SERVED_HERE: dict[str, Callable[..., Any]] = {**UTILITIES, "fetch": fetch}


def _runtime_text() -> str:
    parts = (path.read_text(encoding="utf-8") for path in sorted(_RUNTIME.glob("*.js")))
    return '(function () { "use strict";\n' + "\n".join(parts) + "\n})();"


_TEXT = _runtime_text()
#: Lines above this one are the script's own.
_RUNTIME_LINES = _TEXT.count("\n") + 1


class Context:
    """An engine with all services, before any script was read; ``host`` is set once there is one to call."""

    def __init__(self) -> None:
        self.host: Callable[[str, str], str] = lambda name, _: json.dumps({"error": f"{name} is not ready."})
        self._engine = quickjs.Context()
        self._engine.set_memory_limit(MEMORY_BYTES)
        self._engine.set_max_stack_size(STACK_BYTES)
        self._engine.add_callable("__host", lambda name, args: self.host(name, args))
        self._engine.eval(_TEXT)
        self.begin, self.run, self.outcome = (self._taken(name) for name in ("__begin", "__run", "__outcome"))

    def _taken(self, name: str) -> Callable[..., Any]:
        function: Callable[..., Any] = self._engine.get(name)
        self._engine.eval(f"delete globalThis.{name}")
        return function

    def load(self, source: str, first_line: int) -> None:
        """Read one file; its lines are counted from ``first_line``, so that each line of the project has its own number."""
        self._engine.eval("\n" * (first_line - 1) + source)

    def settle(self) -> None:
        """Carry out what promises wait for."""
        while self._engine.execute_pending_job():
            pass


def new_context() -> Context:
    """A fresh one; made before a job comes, so that no job waits for it."""
    return Context()


class Execution:
    """Runs one job; ``answers`` take calls, log lines and at last the outcome."""

    def __init__(self, context: Context, jobs: BinaryIO, answers: BinaryIO) -> None:
        self._context, self._jobs, self._answers = context, jobs, answers
        self._files: list[tuple[str, int, int]] = []
        self._lines, self._characters = 0, 0
        context.host = self._host

    def run(self, job_text: bytes) -> None:
        """Run it and tell the outcome: ``{"done": {"result"}}`` or ``{"done": {"error"}}``."""
        job = json.loads(job_text)
        os.environ["TZ"] = job["timeZone"]
        time.tzset()
        write_frame(self._answers, json.dumps({"done": self._outcome(job)}).encode())

    def _outcome(self, job: dict[str, Any]) -> dict[str, Any]:
        try:
            self._context.begin(json.dumps(job["job"]))
            self._load(job["files"])
            self._context.run(json.dumps(job["call"]))
            self._context.settle()
            outcome: dict[str, Any] = json.loads(self._context.outcome())
        except (quickjs.JSException, quickjs.StackOverflow) as error:
            outcome = {"error": _of_text(str(error))}
        if "error" in outcome:
            return {"error": self._placed(outcome["error"])}
        return outcome

    def _load(self, files: Iterable[tuple[str, str]]) -> None:
        line = _RUNTIME_LINES + 1
        for name, source in files:
            lines = source.count("\n") + 1
            self._files.append((name, line, line + lines))
            self._context.load(source, line)
            line += lines

    def _placed(self, error: dict[str, str]) -> dict[str, Any]:
        """The error with its places in the script's files, the innermost first."""
        stack = []
        for function, line in _PLACE.findall(error["stack"]):
            place = self._place_of(int(line or 0))
            if place is not None:
                file, in_file = place
                stack.append({"function": function.replace("<eval>", ""), "file": file, "lineNumber": in_file})
        return {"name": error["name"], "message": error["message"], "stack": stack}

    def _place_of(self, line: int) -> tuple[str, int] | None:
        for name, start, end in self._files:
            if start <= line < end:
                return name, line - start + 1
        return None

    # -- calls of services

    def _host(self, name: str, args: str) -> str:
        """Serve a call here or ask the server; an error goes back as one, as nothing may be raised into the engine."""
        try:
            if name == "log":
                self._log(args)
                return "{}"
            if (served := _SERVED_HERE.get(name)) is not None:
                return json.dumps({"result": served(*json.loads(args))})
            self._send(b"call", args, name)
            answer = read_frame(self._jobs)
        except ServiceError as error:
            return json.dumps({"error": str(error)})
        except Exception as error:
            return json.dumps({"error": f"Service error: {name}: {type(error).__name__}"})
        if answer is None:
            os._exit(1)
        return answer.decode()

    def _log(self, args: str) -> None:
        """Send a line, unless there were too many: a flood of them would keep the server from all else."""
        if self._lines > MOST_LINES:
            return
        severity, text = json.loads(args)
        self._lines += 1
        self._characters += len(text)
        if self._lines > MOST_LINES or self._characters > MOST_CHARACTERS:
            self._lines = MOST_LINES + 1
            severity, text = "WARNING", "Too much was logged; the rest is left out."
        self._send(b"log", json.dumps([severity, text]))

    def _send(self, kind: bytes, args: str, name: str = "") -> None:
        """The arguments go on as the engine wrote them."""
        of = f', "name": {json.dumps(name)}' if name else ""
        write_frame(self._answers, b'{"' + kind + b'": ' + args.encode() + of.encode() + b"}")


def _of_text(text: str) -> dict[str, str]:
    """An error of the engine that no script caught: ``SyntaxError: message``, then its places."""
    at = text.find("\n    at ")
    head, stack = (text[:at], text[at + 1 :]) if at >= 0 else (text.strip(), "")
    name, colon, message = head.partition(": ")
    if not colon:
        return {"name": "InternalError", "message": "out of memory" if head in ("null", "") else head, "stack": stack}
    return {"name": name, "message": message, "stack": stack}
