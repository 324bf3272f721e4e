"""Which process executes a run: noted in a tag of the run, so that any process of Dagster can look after it."""

import json
import os
import signal
import socket
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import psutil

#: Hidden in the UI, as all tags with this prefix are.
WORKER_TAG = ".dagster/sheets_pipeline_run_worker"


@dataclass(frozen=True)
class WorkerIdentity:
    """A process, told apart from later ones with the same number by its start (see ``start_of``)."""

    pid: int
    start: str
    host: str

    @classmethod
    def of_this_process(cls) -> Self:
        """The calling process."""
        return cls(os.getpid(), start_of(os.getpid()) or "", socket.gethostname())

    @classmethod
    def from_tag(cls, tag: str | None) -> Self | None:
        """What ``as_tag`` wrote; None where the run has no such tag."""
        return cls(**json.loads(tag)) if tag else None

    def as_tag(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self))

    @property
    def is_on_this_host(self) -> bool:
        """Whether the process can be seen and signalled from here."""
        return self.host == socket.gethostname()

    def is_alive(self) -> bool:
        """Whether the process still runs; one that only waits to be reaped does not."""
        return start_of(self.pid) == self.start

    def interrupt(self) -> bool:
        """Ask the process to end, as Ctrl-C would; False when it is gone."""
        if not self.is_alive():
            return False
        try:
            os.kill(self.pid, signal.SIGINT)
        except ProcessLookupError:
            return False
        return True

    def kill(self) -> bool:
        """End the process and all that it has started; False when it is gone."""
        return self.is_alive() and kill_group(self.pid)


def start_of(pid: int) -> str | None:
    """When a process started, in words that no change of the clock alters; None when it does not run (any more).

    Linux counts from the start of the machine, so that is part of it. Source: man 5 proc, ``/proc/pid/stat``, field 22.
    """
    boot_id = Path("/proc/sys/kernel/random/boot_id")
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        if not boot_id.exists():
            return str(process.create_time())
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
        return None
    return f"{after_name[19]} ticks after boot {boot_id.read_text().strip()}"


def kill_group(leader: int) -> bool:
    """End what is left of a worker's session; False when nothing is. A worker is the leader of its own."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):  # macOS answers EPERM for a group of zombies
        return False
    return True
