"""The processes under ``sheets-pipeline dev``: children, their children, and those whose parents are gone.

All of them carry a mark in their environment, so that none is missed and nobody else's process is ever touched. It begins
with the id of the data folder, so that a later ``dev`` finds what one that was killed has left behind.
"""

import hashlib
import os
import secrets
import signal
from collections.abc import Collection
from pathlib import Path

from sheets_pipeline.processes import servers
from sheets_pipeline.processes.servers import FAMILY_MARK

#: Marks the watchdog, which is no member: it ends the others.
WATCHDOG_MARK = "SHEETS_PIPELINE_DEV_WATCHDOG"

#: Longest wait for the heads, then for each try to end the others, in seconds.
HEADS_SECONDS = 40.0
LEFT_SECONDS = 5.0


def folder_id(data_dir: Path) -> str:
    """What all marks of one data folder begin with."""
    return hashlib.sha256(str(data_dir.resolve()).encode()).hexdigest()[:16]


def new_mark(data_dir: Path) -> str:
    """The mark of one ``sheets-pipeline dev``."""
    return f"{folder_id(data_dir)}-{secrets.token_hex(8)}"


def members(mark: str, *, variable: str = FAMILY_MARK) -> list[int]:
    """Process ids of all living processes whose mark begins so, except our own."""
    import psutil

    pids = []
    for process in psutil.process_iter():
        try:
            is_member = process.pid != os.getpid() and process.environ().get(variable, "").startswith(mark)
            if is_member and process.status() != psutil.STATUS_ZOMBIE:
                pids.append(process.pid)
        except (psutil.Error, OSError):
            continue  # ended meanwhile, or somebody else's
    return pids


def end_family(mark: str, heads: Collection[int] = ()) -> None:
    """End all members: let the heads end their own children (SIGINT), then end who is left (SIGTERM, SIGKILL)."""
    for head in set(heads).intersection(members(mark)):
        servers.send_signal(head, signal.SIGINT)
    servers.wait_until(lambda: not set(heads).intersection(members(mark)), seconds=HEADS_SECONDS, step=0.1)
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in members(mark):
            servers.send_signal(pid, number)
        if servers.wait_until(lambda: not members(mark), seconds=LEFT_SECONDS, step=0.1):
            return


def end_leftovers(data_dir: Path) -> bool:
    """End the family of an earlier ``dev`` of this folder; says whether there was one. Its lock is ours by now."""
    mark = f"{folder_id(data_dir)}-"
    if not members(mark):
        return False
    end_family(mark)
    return True


def end_watchdogs(data_dir: Path) -> None:
    """Kill watchdogs of earlier ``dev``s of this folder: what they had to do is done after this by ``end_leftovers``."""
    for pid in members(f"{folder_id(data_dir)}-", variable=WATCHDOG_MARK):
        servers.send_signal(pid, signal.SIGKILL)
