"""Keeps one Celery worker running on this host: a new one where it died, and one with the new code where that has changed."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from sheets_pipeline.dagster_runtime.celery_app import broker_url, queues_of_host
from sheets_pipeline.dagster_runtime.fingerprint import code_fingerprint, code_version
from sheets_pipeline.dagster_runtime.host_clock import clock_problem
from sheets_pipeline.dagster_runtime.presence import Presence
from sheets_pipeline.dagster_runtime.run_launcher import DEFAULT_MODULES
from sheets_pipeline.dagster_runtime.run_lock import run_locks
from sheets_pipeline.settings import load_settings
from sheets_pipeline.sync.hosts import HELD_BACK, WORKER, WORKS

#: How often the worker and its code are looked at, and how soon after its start one that died is followed by another, in seconds.
_LOOK_SECONDS, _LEAST_SECONDS = 2.0, 5.0

#: How often the clock is compared with the database's, in seconds.
_CLOCK_SECONDS = 10.0


def run_worker(
    concurrency: int,
    name: str | None,
    *,
    events_only: bool,
    alive_file: Path | None,
    say: Callable[[str], None],
) -> int:
    """Keep a worker running until SIGTERM or Ctrl-C, which it ends for after its runs; gives 0.

    Args:
        concurrency: So many runs at once.
        name: What logs call the worker.
        events_only: Whether it takes runs of events alone.
        alive_file: Is touched with every look at the worker; it says nothing of the broker, whose absence ends no run.
        say: Is told what happens, in one line each.

    Raises:
        SettingsError: No broker is set.
    """
    settings = load_settings()
    broker_url(settings)
    asked_to_end = threading.Event()
    for asked in (signal.SIGTERM, signal.SIGINT):
        signal.signal(asked, lambda *_: asked_to_end.set())
    node = name or f"{socket.gethostname()}-{os.getpid()}"
    database, is_told = run_locks(), False
    alive: Callable[[], object] = alive_file.touch if alive_file else lambda: None
    with Presence(database, WORKER) as presence:
        while not asked_to_end.is_set():
            alive()
            if problem := clock_problem(database):
                if not is_told:
                    say(f"No runs are taken: {problem}.")
                is_told = True
                presence.is_now(HELD_BACK, problem=problem)
                asked_to_end.wait(_CLOCK_SECONDS)
                continue
            is_told = False
            began, version = time.monotonic(), code_version()
            bound = f", and those bound to {', '.join(settings.labels)}" if settings.labels else ""
            say(f"Worker {node} takes runs of code {version}{bound}.")
            presence.is_now(WORKS, code=version)
            taken = [queue.name for queue in queues_of_host(version, settings.labels, events_only=events_only)]
            command = _command(concurrency, node, taken)
            code = _one(command, asked_to_end, partial(clock_problem, database), alive, say)
            if code:
                say(f"The worker ended with code {code}; another one is started.")
                asked_to_end.wait(max(0.0, began + _LEAST_SECONDS - time.monotonic()))
    return 0


def _command(concurrency: int, node: str, taken: list[str]) -> list[str]:
    end_with_us = [sys.executable, "-m", "sheets_pipeline.embedded.end_with_parent", str(os.getpid())]
    celery = [sys.executable, "-m", "celery", "-A", "sheets_pipeline.dagster_runtime.celery_worker", "worker"]
    options = [f"--concurrency={concurrency}", f"--hostname={node}", f"--queues={','.join(taken)}"]
    return [*end_with_us, *celery, *options, "--loglevel=INFO", "--without-gossip", "--without-mingle"]


def _one(
    command: list[str],
    asked_to_end: threading.Event,
    clock: Callable[[], str | None],
    alive: Callable[[], object],
    say: Callable[[str], None],
) -> int:
    """Run a worker until it ends; ask it to when we are, when its code is no longer that on disk, or its clock is wrong."""
    before, worker = code_fingerprint(DEFAULT_MODULES), subprocess.Popen(command)
    looked_at = time.monotonic()
    while (code := worker.poll()) is None:
        alive()
        if asked_to_end.wait(_LOOK_SECONDS):
            break
        if code_fingerprint(DEFAULT_MODULES) != before:
            say("The code or a declaration has changed; the worker ends after its runs, and another one is started.")
            break
        if time.monotonic() - looked_at > _CLOCK_SECONDS:
            looked_at = time.monotonic()
            if clock():
                break
    else:
        return code
    worker.send_signal(signal.SIGTERM)
    while True:  # its runs may take a while
        alive()
        try:
            worker.wait(_LOOK_SECONDS)
        except subprocess.TimeoutExpired:
            continue
        return 0
