"""Jobs for run workers to execute. Imports little, so that a warm process is ready soon."""

import os
import signal
import sys
import time
from pathlib import Path

import dagster as dg


@dg.op
def speak(context: dg.OpExecutionContext) -> None:
    """Prints to both streams, and where it runs."""
    sys.stdout.write(f"process {os.getpid()} of {os.getppid()} in session {os.getsid(0)}\n")
    sys.stdout.write(f"ORDER={os.environ.get('ORDER')}\n")
    session = Path("/proc/self/autogroup")
    sys.stdout.write(f"nice {os.nice(0)}, session {session.read_text().split()[-1] if session.exists() else 'none'}\n")
    sys.stderr.write("a warning\n")
    context.log.info("logged")


@dg.op
def raise_error() -> None:
    """Fails."""
    raise ValueError("on purpose")


@dg.op(config_schema={"started": str, "stubborn": bool})
def wait_long(context: dg.OpExecutionContext) -> None:
    """Creates the file ``started``, then takes a minute; a stubborn one does not hear Ctrl-C."""
    if context.op_config["stubborn"]:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    Path(context.op_config["started"]).touch()
    for _ in range(600):
        time.sleep(0.1)


@dg.job(executor_def=dg.in_process_executor)
def speaking() -> None:
    """Succeeds."""
    speak()


@dg.job(executor_def=dg.in_process_executor)
def failing() -> None:
    """Fails."""
    raise_error()


@dg.job(executor_def=dg.in_process_executor)
def waiting() -> None:
    """Runs until it is ended."""
    wait_long()


defs = dg.Definitions(jobs=[speaking, failing, waiting])
