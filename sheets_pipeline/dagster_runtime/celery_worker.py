"""A worker of one host: the Celery application that ``worker_host.py`` starts, and the task that executes a run.

Importing this module imports all that a run needs and builds the definitions, so that the processes that Celery forks for
runs have them. Each of them has the next run's job built before there is that run.
"""

import ctypes
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import dagster as dg
import sqlalchemy as sa
from celery.signals import setup_logging, worker_process_init, worker_process_shutdown
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import deserialize_value
from dagster._utils.interrupts import capture_interrupts

from sheets_pipeline import logs
from sheets_pipeline.dagster_runtime.at_once import AT_ONCE_TAG, begin_ahead, begin_beside
from sheets_pipeline.dagster_runtime.celery_app import (
    EXECUTE_RUN,
    READY_SECONDS,
    broker_url,
    celery_app,
    queues_of_host,
)
from sheets_pipeline.dagster_runtime.connections import keep_connections, open_connections
from sheets_pipeline.dagster_runtime.fingerprint import code_version
from sheets_pipeline.dagster_runtime.run_launcher import DEFAULT_MODULES
from sheets_pipeline.dagster_runtime.run_lock import run_lock, run_locks
from sheets_pipeline.dagster_runtime.warm_process import warm_up
from sheets_pipeline.dagster_runtime.worker import build_ahead, execute_in
from sheets_pipeline.errors import TabBusy
from sheets_pipeline.home import dagster_home
from sheets_pipeline.settings import load_settings

logger = logging.getLogger(__name__)

_settings = load_settings()
try:
    warm_up(DEFAULT_MODULES)
except Exception as _error:  # each run says what is wrong with its job; here only its start gets no faster
    logger.warning("The definitions cannot be built (%s): `sheets-pipeline doctor` says why.", type(_error).__name__)
app = celery_app(broker_url(_settings))
app.conf.task_queues = queues_of_host(code_version(), _settings.labels)

#: Whether the run is still ours and wanted is asked so often; one that was asked to end is killed after so long, in seconds.
_LOOK_SECONDS, _GRACE_SECONDS = 2.0, 30.0

_PR_SET_PDEATHSIG = 1


@setup_logging.connect  # type: ignore[untyped-decorator]
def _log(**_: object) -> None:
    """As everywhere else of the pipeline, in place of Celery's own."""
    settings = load_settings()
    logs.configure(settings.log_format, settings.log_level)


@worker_process_init.connect  # type: ignore[untyped-decorator]
def _prepare(**_: object) -> None:
    """In each forked process, before it takes a run: nothing outlives its worker, and what takes time is done.

    Celery gives runs to processes that have come to the end of this, so that no run waits for it while another process is there.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
    begin_ahead()
    signal.alarm(READY_SECONDS)  # a storage that takes connections and never answers ends the process: it is replaced
    try:
        _opened.append(_open())
        build_ahead(_opened[0][0])
    except Exception as error:  # what cannot be opened now is tried again by the run
        logger.info("Not ready ahead of a run (%s).", type(error).__name__)
    finally:
        signal.alarm(0)


@worker_process_shutdown.connect  # type: ignore[untyped-decorator]
def _end(exitcode: int, **_: object) -> None:
    """In each of them after its run: Celery would let it sleep for a second, or until a signal that Dagster ignores."""
    os._exit(exitcode)


#: Dagster's storage and the locks of runs, once they are open: a process opens them once, for the one run that it executes.
_opened: list[tuple[dg.DagsterInstance, sa.Engine]] = []


def _open() -> tuple[dg.DagsterInstance, sa.Engine]:
    instance = dg.DagsterInstance.from_config(str(dagster_home()))
    keep_connections(instance)
    open_connections(instance, "none")
    locks = run_locks()
    locks.connect().close()
    return instance, locks


@app.task(name=EXECUTE_RUN)  # type: ignore[untyped-decorator]
def execute_run(serialized_args: str) -> None:
    """Execute a run to its end, unless another worker does, or it has ended already."""
    args = deserialize_value(serialized_args, ExecuteRunArgs)
    instance, locks = _opened[0] if _opened else _open()
    with instance:
        try:
            with run_lock(locks, args.run_id) as still_ours:
                _execute(args, instance, still_ours)
        except TabBusy:
            logger.info("Run %s is executed by another worker.", args.run_id)


def _execute(args: ExecuteRunArgs, instance: dg.DagsterInstance, still_ours: Callable[[], None]) -> None:
    run = instance.get_run_by_id(args.run_id)
    if run is None or run.status not in (dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.NOT_STARTED):
        logger.info("Run %s is not to be executed any more.", args.run_id)
        return
    if run.tags.get(AT_ONCE_TAG) == "true":
        begin_beside()
    with capture_interrupts(), _looked_after(args.run_id, instance, still_ours):
        execute_in(args, instance)


@contextmanager
def _looked_after(run_id: str, instance: dg.DagsterInstance, still_ours: Callable[[], None]) -> Iterator[None]:
    """End this process once the run is another's, and interrupt it once somebody asked for its end."""
    is_over = threading.Event()

    def look() -> None:
        asked_at: float | None = None
        while not is_over.wait(_LOOK_SECONDS):
            try:
                still_ours()
                run = instance.get_run_by_id(run_id)
            except TabBusy:
                logger.warning(
                    "Run %s: this process stood still or lost the database, and another may have it.", run_id
                )
                os.kill(os.getpid(), signal.SIGKILL)
                return
            except Exception as error:  # Dagster's storage is away, which the run itself will meet
                logger.info("Run %s was not looked at (%s).", run_id, type(error).__name__)
                continue
            if run is None or run.is_finished:
                os.kill(os.getpid(), signal.SIGKILL)
            if run is not None and run.status == dg.DagsterRunStatus.CANCELING:
                if asked_at is None:
                    asked_at = time.monotonic()
                    os.kill(os.getpid(), signal.SIGINT)
                elif time.monotonic() - asked_at > _GRACE_SECONDS:
                    instance.report_run_canceled(run, f"It did not end within {_GRACE_SECONDS:g} s and was killed.")
                    os.kill(os.getpid(), signal.SIGKILL)

    looking = threading.Thread(target=look, name="run", daemon=True)
    looking.start()
    try:
        yield
    finally:
        is_over.set()
        looking.join(_LOOK_SECONDS)
