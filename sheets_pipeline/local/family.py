"""The processes under ``sheets-pipeline dev``: children, their children, and those whose parents are gone.

All of them carry a mark in their environment, so that none is missed and nobody else's process is ever touched.
"""

import os
import signal
from collections.abc import Collection

from sheets_pipeline.local import processes
from sheets_pipeline.local.processes import FAMILY_MARK

#: Longest wait for the heads, then for each try to end the others, in seconds.
HEADS_SECONDS = 40.0
LEFT_SECONDS = 5.0


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


def end_family(mark: str, heads: Collection[int]) -> None:
    """End all members: let the heads end their own children (SIGINT), then end who is left (SIGTERM, SIGKILL)."""
    for head in set(heads).intersection(members(mark)):
        processes.send_signal(head, signal.SIGINT)
    processes.wait_until(lambda: not set(heads).intersection(members(mark)), seconds=HEADS_SECONDS, step=0.1)
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in members(mark):
            processes.send_signal(pid, number)
        if processes.wait_until(lambda: not members(mark), seconds=LEFT_SECONDS, step=0.1):
            return
