"""Starts the children of ``sheets-pipeline dev`` under one mark, forwards what they print, and replaces those that fail."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO, Self

from dotenv import dotenv_values

from sheets_pipeline.embedded.children import Child
from sheets_pipeline.embedded.dev_output import forward, say
from sheets_pipeline.embedded.probes import Prober, is_stopped
from sheets_pipeline.embedded.supervision import Step, Watched
from sheets_pipeline.processes import family, servers


class Watchdog:
    """The process that ends the others when we are killed. It shares our lock: nobody starts anew before it is done.

    Source of its ways: ``watchdog.py``. One that is killed, or halted, is replaced.
    """

    def __init__(self, data_dir: Path, mark: str, lock: int) -> None:
        self._data_dir, self._mark, self._lock = data_dir, mark, lock
        self._heads: list[int] = []
        self._process = self._start()

    def note(self, head: int) -> None:
        """Name a child that it has to end."""
        self._heads.append(head)
        self._write(str(head))

    def keep(self) -> None:
        """Start another one where it is gone."""
        if self._process.poll() is None and not is_stopped(self._process.pid):
            return
        say("The watchdog has ended and is started again.")
        self._kill()
        self._process = self._start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, failure: type[BaseException] | None, *_: object) -> None:
        """Tell it that all is done; where something failed, let it do what we could not."""
        if failure is None:
            if self._process.poll() is None and is_stopped(self._process.pid):
                self._kill()
            self._write("done")
        with contextlib.suppress(BrokenPipeError):
            self._pipe.close()
        self._process.wait()

    def _start(self) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "sheets_pipeline.embedded.watchdog", self._mark, str(self._data_dir)],
            stdin=subprocess.PIPE,
            text=True,
            start_new_session=True,
            pass_fds=[self._lock],
            env={**os.environ, family.WATCHDOG_MARK: self._mark},
        )
        if process.stdin is None:
            raise AssertionError("the watchdog was started with a pipe")
        self._pipe: IO[str] = process.stdin
        for head in self._heads:
            self._write(str(head))
        return process

    def _kill(self) -> None:
        self._process.kill()
        self._process.wait()
        with contextlib.suppress(BrokenPipeError):
            self._pipe.close()

    def _write(self, line: str) -> None:
        with contextlib.suppress(BrokenPipeError):  # it has ended: the next look starts another one
            self._pipe.write(f"{line}\n")
            self._pipe.flush()


class Supervisor:
    """The children, each with its process and what was seen of it. Use it from the main thread alone.

    Linux tells a child of its parent's end when the *thread* that started it ends.
    """

    def __init__(self, children: list[Child], mark: str, watchdog: Watchdog) -> None:
        self.children, self.mark, self.watchdog = children, mark, watchdog
        self.heads: list[int] = []
        self._processes: dict[str, subprocess.Popen[str]] = {}
        self._probers: dict[str, Prober] = {}
        self._watched: dict[str, Watched] = {}
        # As `dagster dev` does, for the code servers; a variable that is set goes before the file.
        self._env = {name: value for name, value in dotenv_values(".env").items() if value is not None} | os.environ

    @property
    def is_ready(self) -> dict[str, bool]:
        """Whether each child answers."""
        return {child.name: self._is_ready(child) for child in self.children}

    def look(self) -> bool:
        """Start those whose turn it is, replace those that fail; False where one cannot even start once."""
        self.watchdog.keep()
        for child in self.children:
            if child.name not in self._processes:
                if all(self._is_ready(first) for first in self.children if first.goes_first) or child.goes_first:
                    self._start(child)
                continue
            watched, process = self._watched[child.name], self._processes[child.name]
            now = time.monotonic()
            if (answer := self._probers[child.name].latest) is not None and process.poll() is None:
                watched.saw(answer, now)
            step, why = watched.next_step(process.poll(), now)
            if step is Step.GIVE_UP:
                say(f"{child.name} {why}; its last lines say why.")
                return False
            if step is Step.REPLACE:
                say(f"{child.name} {why} and is started again.")
                self._end(child)
                self._start(child)
        return True

    def stop_dependents(self) -> None:
        """Ask all but those that went first to end, so that nobody misses a code server at the end."""
        names = [child.name for child in self.children if not child.goes_first and child.name in self._processes]
        for prober in self._probers.values():
            prober.stop()
        for name in names:
            servers.send_signal(self._processes[name].pid, signal.SIGINT)
        servers.wait_until(
            lambda: all(self._processes[name].poll() is not None for name in names),
            seconds=family.HEADS_SECONDS,
            step=0.1,
        )

    def _is_ready(self, child: Child) -> bool:
        return child.name in self._watched and self._watched[child.name].was_ever_ready

    def _start(self, child: Child) -> None:
        """In a session of its own: Ctrl-C reaches it through us, once."""
        process = subprocess.Popen(
            [sys.executable, "-m", "sheets_pipeline.embedded.end_with_parent", str(os.getpid()), *child.command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
            env={**self._env, **child.env, servers.FAMILY_MARK: self.mark, "PYTHONUNBUFFERED": "1"},
        )
        self.heads.append(process.pid)
        self.watchdog.note(process.pid)
        threading.Thread(target=forward, args=(child.name, process.stdout), daemon=True).start()
        self._processes[child.name] = process
        self._probers[child.name] = Prober(child.probe(), child.probe_seconds, process.pid)
        if child.name in self._watched:
            self._watched[child.name].restarted(time.monotonic())
        else:
            self._watched[child.name] = Watched(time.monotonic(), is_essential=child.is_essential)

    def _end(self, child: Child) -> None:
        """End it with all of its session. It has ended, or hangs; polite requests were made by nobody, and need no answer."""
        process = self._processes[child.name]
        self._probers[child.name].stop()
        with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS: EPERM for a group of zombies
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
