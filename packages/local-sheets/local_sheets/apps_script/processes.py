"""The processes that scripts run in: as many as are needed at a time, warm ones first, each killed where it must be.

A process of its own is what makes a script that never ends, or takes all memory, harmless: the engine knows no other
way to stop one that calls services. See docs/decisions of the project.
"""

import asyncio
import contextlib
import json
import os
import sys
from collections import deque
from typing import Any

import orjson

from local_sheets.apps_script.frames import LENGTH

#: Processes kept waiting; others end when they have waited for so long.
_KEPT, _IDLE_SECONDS = 2, 20.0
#: Where as many run as there are processors, another one is started only after so long without any of them ending a job.
_PATIENCE_SECONDS = 0.2


class ScriptProcess:
    """One process; ``send`` and ``receive`` are its two pipes."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.idle_since = 0.0
        self._is_killed = False

    @property
    def is_alive(self) -> bool:
        return self._process.returncode is None and not self._is_killed

    async def send(self, message: bytes) -> None:
        if (pipe := self._process.stdin) is not None:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it is gone, which `receive` tells
                pipe.write(LENGTH.pack(len(message)) + message)
                await pipe.drain()

    async def receive(self) -> dict[str, Any] | None:
        """The next message; None where the process has ended."""
        pipe = self._process.stdout
        if pipe is None:
            return None
        try:
            (length,) = LENGTH.unpack(await pipe.readexactly(LENGTH.size))
            return _message(await pipe.readexactly(length))
        except (asyncio.IncompleteReadError, ConnectionResetError):
            return None

    def kill(self) -> None:
        self._is_killed = True
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()


def _message(body: bytes) -> dict[str, Any]:
    """The JSON of a frame. Halves of characters, which JavaScript has and UTF-8 has not, become question marks."""
    try:
        found: dict[str, Any] = orjson.loads(body)
    except orjson.JSONDecodeError:
        text = json.dumps(json.loads(body), ensure_ascii=False)
        found = orjson.loads(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
    return found


class ProcessPool:
    """Hands out processes and takes them back. All of it happens in the server's event loop."""

    def __init__(self) -> None:
        self._idle: deque[ScriptProcess] = deque()
        self._all: set[ScriptProcess] = set()
        self._waiting: deque[asyncio.Future[ScriptProcess]] = deque()
        self._at_first = max(2, os.cpu_count() or 2)
        self._starting = 0
        self._growing: asyncio.Task[None] | None = None
        #: How many jobs have ended.
        self._given_back = 0

    async def take(self) -> ScriptProcess:
        """A process that waits for a job, a new one, or the next one that is given back."""
        while self._idle:
            process = self._idle.pop()
            if process.is_alive:
                return process
            self._all.discard(process)
        if len(self._all) + self._starting < self._at_first:
            return await self._start()
        waiting: asyncio.Future[ScriptProcess] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        if self._growing is None or self._growing.done():
            self._growing = asyncio.create_task(self._grow())
        return await waiting

    async def _grow(self) -> None:
        """Start more processes while somebody waits and none of those that run ends: one, then two, then four."""
        count = 1
        while self._waiting:
            before = self._given_back
            await asyncio.sleep(_PATIENCE_SECONDS)
            if self._given_back != before:
                continue
            try:
                for _ in range(min(count, len(self._waiting))):
                    self.give_back(await self._start())
            except OSError:
                if not self._all:  # nobody will ever give one back
                    self._refuse_waiting()
            count *= 2

    def _refuse_waiting(self) -> None:
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_exception(OSError("no process can be started"))

    async def warm(self) -> None:
        """Have a process waiting, so that the next execution need not wait for one to start."""
        if not self._all:
            self.give_back(await self._start())

    async def _start(self) -> ScriptProcess:
        environment = {name: value for name, value in os.environ.items() if name not in ("TZ", "PYTHONSTARTUP")}
        self._starting += 1
        try:
            started = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "local_sheets.apps_script.worker",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env=environment,
                start_new_session=True,  # Ctrl-C is the server's affair
            )
        finally:
            self._starting -= 1
        process = ScriptProcess(started)
        self._all.add(process)
        return process

    def give_back(self, process: ScriptProcess) -> None:
        """After its job is done; one that was killed is only forgotten."""
        self._given_back += 1
        if not process.is_alive:
            self._all.discard(process)
            return
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_result(process)
                return
        loop = asyncio.get_running_loop()
        process.idle_since = loop.time()
        self._idle.append(process)
        loop.call_later(_IDLE_SECONDS, self._end_idle)

    def drop(self, process: ScriptProcess) -> None:
        """Kill one whose job is to end now."""
        process.kill()
        self._all.discard(process)

    def _end_idle(self) -> None:
        """End those that have waited long, but for a few."""
        before = asyncio.get_running_loop().time() - _IDLE_SECONDS
        while len(self._idle) > _KEPT and self._idle[0].idle_since <= before:
            self.drop(self._idle.popleft())

    def close(self) -> None:
        if self._growing is not None:
            self._growing.cancel()
        for process in list(self._all):
            self.drop(process)
        self._idle.clear()
