"""The processor priority of run workers: below what else the machine does, as the application's requests come first."""

import contextlib
import os
from pathlib import Path

#: How far run workers stand back, in steps of nice, unless dagster.yaml says otherwise.
DEFAULT_NICE = 10

#: The most that there is. Source: man 2 nice.
MOST_NICE = 19


def lower(steps: int) -> None:
    """Lower this process's priority by steps of ``nice`` (0 to 19); it must lead a session of its own.

    Linux shares processors between sessions first, so that ``nice`` alone counts only within one; where it does, the
    session's priority is lowered, too. Source: man 7 sched, "The autogroup feature".
    """
    if not steps or not hasattr(os, "nice"):
        return
    os.nice(steps)
    session = Path("/proc/self/autogroup")
    if os.getsid(0) == os.getpid() and session.exists():
        with contextlib.suppress(OSError):  # switched off, or not ours to set: slower for others, wrong for nobody
            session.write_text(str(steps))
