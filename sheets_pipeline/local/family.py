"""The processes under ``sheets-pipeline dev``: children, their children, and those whose parents are gone.

All of them carry a mark in their environment, so that none is missed and nobody else's process is ever touched.
"""

import os
import signal
from collections.abc import Collection

from sheets_pipeline.local import processes
from sheets_pipeline.local.processes import FAMILY_MARK


def members(mark: str) -> list[int]:
    """Process ids of all living processes with this mark, except our own."""
    import psutil

    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get(FAMILY_MARK) == mark:
                found.append(process.pid)
        except (psutil.Error, OSError):
            continue  # ended meanwhile, or somebody else's
    return found


def end_family(mark: str, heads: Collection[int], *, patience_seconds: float = 40) -> None:
    """End all members: ask the heads to finish (SIGINT), then everybody (SIGTERM), then insist (SIGKILL)."""
    steps = [
        (signal.SIGINT, set(heads), patience_seconds),
        (signal.SIGTERM, None, 10.0),
        (signal.SIGKILL, None, 10.0),
    ]
    for number, chosen, seconds in steps:
        for pid in members(mark):
            if chosen is None or pid in chosen:
                processes.send_signal(pid, number)
        if processes.wait_until(lambda: not members(mark), seconds=seconds, step=0.1):
            return
