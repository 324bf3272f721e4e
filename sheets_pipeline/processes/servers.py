"""Server processes that outlive the process that started them, and how anybody can tell whether they still live.

A process id says little: it may have been given to somebody else since. So every server inherits an open, locked file
from its starter (flock). The system drops that lock when the last process of the server is gone, however it went.
"""

import fcntl
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

#: Environment variable that marks all processes under one `sheets-pipeline dev`; servers that outlive it are unmarked.
FAMILY_MARK = "SHEETS_PIPELINE_DEV_FAMILY"

#: Servers started here, kept so that they are reaped and never reported as forgotten.
_started: list[subprocess.Popen[bytes]] = []


def is_held(life_lock: Path) -> bool:
    """Whether any process of the server that was started with this lock file lives."""
    try:
        descriptor = os.open(life_lock, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def start_server(
    command: Sequence[str],
    *,
    life_lock: Path,
    log: Path,
    env: Mapping[str, str] | None = None,
    **popen: Any,
) -> subprocess.Popen[bytes]:
    """Start a server in a session of its own (Ctrl-C does not reach it); it holds ``life_lock`` while it lives.

    The caller has made sure, under a lock, that no such server lives.
    """
    _keep_small(log)
    unmarked = {name: value for name, value in (env or os.environ).items() if name != FAMILY_MARK}
    descriptor = os.open(life_lock, os.O_RDONLY | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)  # waits at most for somebody's short look in is_held
        with log.open("ab") as output:
            log.chmod(0o600)
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=unmarked,
                start_new_session=True,
                umask=0o077,
                pass_fds=[descriptor],
                **popen,
            )
    finally:
        os.close(descriptor)  # the server's copy keeps the lock
    _started.append(process)
    return process


def reap() -> None:
    """Collect the exit status of servers that were started here and have ended."""
    _started[:] = [process for process in _started if process.poll() is None]


def send_signal(pid: int, number: signal.Signals) -> None:
    """Signal a process; one that has ended meanwhile is no error."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        reap()


def wait_until(condition: Callable[[], bool], *, seconds: float, step: float = 0.01) -> bool:
    """Wait for a condition; says whether it came true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(step)
    return True


def free_port(preferred: int | None = None) -> int:
    """A TCP port of 127.0.0.1 that nobody listens on: the preferred one where it is free."""
    for port in (preferred, 0):
        if port is None:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError("no free TCP port on 127.0.0.1")


def last_lines(log: Path, count: int = 8) -> str:
    """The end of a log file, for an error message."""
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-count:])
    except FileNotFoundError:
        return "(no log)"


def _keep_small(log: Path, limit_bytes: int = 5_000_000) -> None:
    if log.exists() and log.stat().st_size > limit_bytes:
        log.replace(log.with_suffix(".log.1"))
