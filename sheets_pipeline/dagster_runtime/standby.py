"""Dagster's daemon on one host at a time: Dagster itself expects that nobody starts a second one.

A lock in the pipeline's database says who runs it. It is taken back from a host that has not been heard of for some seconds,
and whoever loses it ends its daemon before anything else.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from sheets_pipeline.dagster_runtime.fingerprint import code_version
from sheets_pipeline.dagster_runtime.host_clock import clock_problem
from sheets_pipeline.dagster_runtime.presence import Presence
from sheets_pipeline.dagster_runtime.run_lock import run_locks
from sheets_pipeline.database.locks import named_lock
from sheets_pipeline.errors import DatabaseError, TabBusy
from sheets_pipeline.sync.hosts import DAEMON, HELD_BACK, STANDS_BY, WORKS

#: The daemon is another host's once we have said nothing for so long; we look so often whether it is ours, in seconds.
_LEASE_SECONDS, _LOOK_SECONDS = 15.0, 1.0

#: How often the clock is compared with the database's, in seconds.
_CLOCK_SECONDS = 10.0

#: How long the daemon may take to end after SIGTERM, in seconds; 0 where it is no longer ours.
_END_SECONDS = 20.0


def run_daemon(command: list[str], say: Callable[[str], None]) -> int:
    """Stand by until the daemon is ours, run it, and give its exit code; 0 after SIGTERM or Ctrl-C.

    Args:
        command: Runs the daemon.
        say: Is told what happens, in one line each.
    """
    locks, asked_to_end = run_locks(), threading.Event()

    def end(*_: Any) -> None:
        asked_to_end.set()

    for asked in (signal.SIGTERM, signal.SIGINT):
        signal.signal(asked, end)
    with Presence(locks, DAEMON) as presence:
        return _stand_by(command, locks, presence, asked_to_end, say)


def _stand_by(
    command: list[str], locks: sa.Engine, presence: Presence, asked_to_end: threading.Event, say: Callable[[str], None]
) -> int:
    is_told = False

    def clock() -> str | None:
        presence.is_now(WORKS, code=code_version())  # that of the runs which the daemon hands out from now on
        return clock_problem(locks)

    while not asked_to_end.is_set():
        if problem := clock_problem(locks):
            if not is_told:
                say(f"Dagster's daemon is not run here: {problem}.")
            is_told = True
            presence.is_now(HELD_BACK, problem=problem)
            asked_to_end.wait(_CLOCK_SECONDS)
            continue
        try:
            with named_lock(
                locks, "Dagster's daemon", timeout_seconds=_LOOK_SECONDS, lease_seconds=_LEASE_SECONDS
            ) as ours:
                say("Dagster's daemon runs here.")
                presence.is_now(WORKS, code=code_version())
                code = _run(command, ours, clock, asked_to_end)
                if code is not None:
                    return code
                is_told = False
                say("Another host may run Dagster's daemon now; it was ended here.")
        except TabBusy:
            if not is_told:
                say("Another host runs Dagster's daemon; this one stands by.")
                presence.is_now(STANDS_BY)
            is_told = True
        except (DatabaseError, sa.exc.OperationalError) as error:
            say(f"The database that says who runs Dagster's daemon is away ({type(error).__name__}).")
            asked_to_end.wait(_LOOK_SECONDS)
    return 0


def _run(
    command: list[str], ours: Callable[[], None], clock: Callable[[], str | None], asked_to_end: threading.Event
) -> int | None:
    """The daemon's exit code once it has ended, 0 where that was asked for; None when it is not ours to run any more."""
    end_with_us = [sys.executable, "-m", "sheets_pipeline.embedded.end_with_parent", str(os.getpid())]
    daemon = subprocess.Popen([*end_with_us, *command])
    looked_at = time.monotonic()
    try:
        while (code := daemon.poll()) is None and not asked_to_end.wait(_LOOK_SECONDS):
            try:
                ours()
            except TabBusy:
                daemon.kill()
                return None
            if time.monotonic() - looked_at > _CLOCK_SECONDS:
                looked_at = time.monotonic()
                if clock():
                    return None
        return 0 if asked_to_end.is_set() else code
    finally:
        daemon.terminate()
        try:
            daemon.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()
