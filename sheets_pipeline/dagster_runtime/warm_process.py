"""The warm process: imports everything once, then forks a run worker whenever its launcher asks for one.

``python -m sheets_pipeline.dagster_runtime.warm_process FD`` with one end of a ``multiprocessing.Pipe`` as file descriptor
FD. It opens no other connection and no thread, as neither survives a fork; should an import bring one, it says so and ends, and runs start
cold. It ends when its launcher does. (PR_SET_PDEATHSIG would not do: that signal comes when the *thread* ends that
started us, and Dagster's daemon launches from a pool of threads.)
"""

import atexit
import contextlib
import gc
import importlib
import math
import os
import select
import sys
import threading
import time
from collections.abc import Callable, Iterable
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from types import ModuleType
from typing import NamedTuple

import dagster as dg
import psutil

from sheets_pipeline import tracing
from sheets_pipeline.processes import abandoned_threads
from sheets_pipeline.processes.identity import kill_group
from sheets_pipeline.processes.priority import lower
from sheets_pipeline.sheets import tokens

#: Numeric libraries start threads when they are imported, unless told not to: pools, and pyarrow (which pandas imports where it is
#: installed) one that gives memory back. Settings of users win.
_ONE_THREAD = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
}

#: Imported by every run, though by none of the modules that a user would name.
_ALWAYS_NEEDED = (
    "sheets_pipeline.dagster_runtime.worker",
    "dagster._core.storage.event_log",
    "dagster._core.storage.runs",
    "dagster._core.storage.schedules",
    "dagster._core.storage.local_compute_log_manager",
    "dagster._core.storage.fs_io_manager",
    "dagster._core.executor.in_process",
    "dagster._core.execution.plan.active",
    "dagster._core.instance.factory",
    "dagster._core.system_config.composite_descent",
    "dagster._core.utility_ops",
    "dagster._core.workspace.autodiscovery",
    "dagster._loggers",
    "upath.implementations.local",
)

#: Before each message of a ``multiprocessing`` connection stands its length.
_LENGTH_BYTES = 4

#: Raised where the launcher is gone.
_GONE = (EOFError, ConnectionError)

#: While workers run, ended ones are looked for this often (seconds).
_REAP_INTERVAL = 0.25

#: So long after a run that must not wait was launched, the next one's worker makes itself ready: not beside the start of that
#: run. A worker that stood by for long is replaced, as who is between it and a server may have forgotten its connections.
_STAND_BY_AFTER_SECONDS, _STAND_BY_SECONDS = 2.0, 600.0


class StandBy(NamedTuple):
    """A worker that waits for a run, and how it is told."""

    pid: int
    channel: Connection


class WarmProcess:
    """Forks workers on request, with their priority lowered by ``nice`` steps, and reports those that die."""

    def __init__(self, channel: Connection, nice: int = 0) -> None:
        self.channel, self.nice = channel, nice
        #: Workers tell the tokens that they got, and later ones begin with them.
        self.tokens, self._tokens_of_workers = Pipe(duplex=False)
        self.running: dict[int, str | None] = {}
        self.is_retired = False
        #: Arguments of the last run that must not wait, who stands by for the next one, and when there is to be another.
        self.expected = ""
        self.standing_by: StandBy | None = None
        self._stand_by_at = math.inf

    def serve(self) -> Callable[[], int] | None:
        """Answer requests until the launcher is gone, or we are retired and idle.

        In a fork this returns what the fork is to do; in the warm process itself None.
        """
        while not (self.is_retired and not self.running):
            told = wait([self.channel, self.tokens], self._seconds_to_wait())
            if self.tokens in told:
                tokens.learn(self.tokens.recv_bytes().decode())
            if self.channel in told:
                try:
                    message = self.channel.recv()
                except _GONE:
                    return None
                if "retire" in message:
                    self.is_retired, self._stand_by_at = True, math.inf
                    self._dismiss()
                elif "expect" in message:
                    _prepare(message["expect"], message["load_data"])
                    self.expected, self._stand_by_at = message["expect"], time.monotonic() + _STAND_BY_AFTER_SECONDS
                elif (task := self._start_worker(message["execute"], at_once=message["at_once"])) is not None:
                    return task
            if time.monotonic() >= self._stand_by_at and (task := self._stand_by()) is not None:
                return task
            if (task := self._reap()) is not None:
                return task
        return None

    def _seconds_to_wait(self) -> float | None:
        if self.running:
            return _REAP_INTERVAL
        return None if self._stand_by_at == math.inf else max(0.0, self._stand_by_at - time.monotonic())

    def _start_worker(self, serialized_args: str, *, at_once: bool) -> Callable[[], int] | None:
        pid = (self._told_to_who_stands_by(serialized_args) if at_once else None) or os.fork()
        if pid == 0:
            self._become_child()
            lower(self.nice)
            return lambda: _execute(serialized_args, at_once=at_once)
        self.running[pid] = serialized_args
        self.channel.send({"pid": pid})
        return None

    def _told_to_who_stands_by(self, serialized_args: str) -> int | None:
        """Its process id; None where nobody stands by."""
        worker, self.standing_by = self.standing_by, None
        if worker is None:
            return None
        try:
            with worker.channel:
                worker.channel.send(serialized_args)
        except OSError:  # it has died
            self.running[worker.pid] = None
            return None
        return worker.pid

    def _stand_by(self) -> Callable[[], int] | None:
        """Fork the worker of the next run that must not wait; it opens what it will need, and waits."""
        self._dismiss()
        self._stand_by_at = time.monotonic() + _STAND_BY_SECONDS
        theirs, ours = Pipe(duplex=False)
        pid = os.fork()
        if pid == 0:
            ours.close()
            self._become_child()
            lower(self.nice)
            expected = self.expected
            return lambda: _stand_by(expected, theirs)
        theirs.close()
        self.standing_by = StandBy(pid, ours)
        return None

    def _dismiss(self) -> None:
        """Nobody comes for who stands by: it ends."""
        if self.standing_by is not None:
            self.standing_by.channel.close()
            self.running[self.standing_by.pid] = None
            self.standing_by = None

    def _reap(self) -> Callable[[], int] | None:
        for pid in list(self.running):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if not ended:
                continue
            serialized_args = self.running.pop(pid)
            exit_code = os.waitstatus_to_exitcode(status)
            if exit_code == 0 or serialized_args is None:
                continue
            kill_group(pid)
            # Telling Dagster needs a connection, so a fork does it.
            reporter = os.fork()
            if reporter == 0:
                self._become_child()
                return lambda: _report(serialized_args, pid, exit_code)
            self.running[reporter] = None
        return None

    def _become_child(self) -> None:
        self.channel.close()
        self.tokens.close()
        if self.standing_by is not None:
            self.standing_by.channel.close()
        tokens.on_new = self._tell_token
        self.running.clear()
        os.setsid()
        _reseed()

    def _tell_token(self, text: str) -> None:
        """In a worker. What is written at once arrives as a whole, whoever else writes."""
        message = text.encode()
        if len(message) < select.PIPE_BUF - _LENGTH_BYTES:
            with contextlib.suppress(OSError):  # the warm process is gone, and nobody needs it
                self._tokens_of_workers.send_bytes(message)


def _prepare(serialized_args: str, load_data: str | None) -> None:
    """Build the job once more, for the next fork to find it in Dagster's cache (which holds one job)."""
    from sheets_pipeline.dagster_runtime.worker import job_of

    try:
        job_of(serialized_args, load_data).get_definition()
    except Exception:
        # Whatever is wrong with the job, its run says so; here only the next start gets no faster.
        sys.excepthook(*sys.exc_info())


def _execute(serialized_args: str, *, at_once: bool) -> int:
    from sheets_pipeline.dagster_runtime.at_once import begin_ahead, begin_beside
    from sheets_pipeline.dagster_runtime.worker import execute

    if at_once:
        begin_ahead()
        begin_beside()
    return execute(serialized_args)


def _stand_by(expected: str, channel: Connection) -> int:
    from sheets_pipeline.dagster_runtime.worker import stand_by

    return stand_by(expected, channel.recv)


def _report(serialized_args: str, pid: int, exit_code: int) -> int:
    from sheets_pipeline.dagster_runtime.worker import describe_exit, report_death

    report_death(serialized_args, f"process {pid}, {describe_exit(exit_code)}")
    return 0


def _reseed() -> None:
    """Give this fork random numbers of its own; Python's ``random`` looks after itself."""
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed()


def warm_up(modules: Iterable[str]) -> None:
    """Import what a run needs, and build the definitions once: that imports the rest of the project."""
    added = {name: value for name, value in _ONE_THREAD.items() if name not in os.environ}
    os.environ.update(added)
    try:
        for name in (*_ALWAYS_NEEDED, *modules):
            _build_definitions(importlib.import_module(name))
        tracing.import_ahead()
    finally:
        for name in added:
            del os.environ[name]
    gc.collect()
    gc.freeze()  # forks then share these pages for longer


def _build_definitions(module: ModuleType) -> None:
    from dagster.components.definitions import LazyDefinitions

    for lazy in list(vars(module).values()):
        if isinstance(lazy, LazyDefinitions) and not lazy.has_context_arg:
            definitions = lazy()
            if isinstance(definitions, dg.Definitions):
                definitions.get_repository_def().get_all_jobs()


def why_unfit() -> str | None:
    """What makes forking this process unsafe: threads or connections; None when nothing does."""
    process = psutil.Process()
    if (threads := process.num_threads()) > 1:
        names = ", ".join(thread.name for thread in threading.enumerate())
        return f"{threads} threads run after importing (of Python: {names})"
    if connections := process.net_connections(kind="inet"):
        return f"{len(connections)} network connections are open after importing"
    return None


def main(descriptor: int) -> int:
    """Warm up, report, serve; gives the exit code, in forks as well."""
    channel, started = Connection(descriptor), time.monotonic()
    try:
        wanted = channel.recv()
    except _GONE:
        return 0
    warm_up(wanted["modules"])
    reason = why_unfit()
    ready = {"ready": os.getpid(), "seconds": round(time.monotonic() - started, 2)}
    try:
        channel.send({"unfit": reason} if reason else ready)
        task = None if reason else WarmProcess(channel, wanted["nice"]).serve()
    except _GONE:
        return 0
    return task() if task else int(reason is not None)


def _leave(exit_code: int) -> None:
    """End as an interpreter does, without taking apart the heap that forks share."""
    abandoned_threads.end_process(exit_code)
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(exit_code)


if __name__ == "__main__":
    try:
        code = main(int(sys.argv[1]))
    except KeyboardInterrupt:
        code = 130
    except Exception:
        sys.excepthook(*sys.exc_info())
        code = 1
    _leave(code)
