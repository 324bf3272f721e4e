"""The processor priority of run workers: below what else the machine does, as the application's requests come first."""

import contextlib
import ctypes
import os
import platform
import struct
import sys
from pathlib import Path

#: How far run workers stand back, in steps of nice, unless dagster.yaml says otherwise.
DEFAULT_NICE = 10

#: The most that there is. Source: man 2 nice.
MOST_NICE = 19

#: The longest slice of processor time that Linux lets a thread ask for.
#: Source: https://github.com/torvalds/linux/commit/857b158dc5e81c6de795ef6be006eed146098fc6 (Linux 6.12)
LONGEST_SLICE_SECONDS = 0.1

#: Number of the system call sched_setattr, by machine: neither Python nor most C libraries have a function for it.
#: Source: https://github.com/torvalds/linux/blob/v6.12/arch/x86/entry/syscalls/syscall_64.tbl and
#: https://github.com/torvalds/linux/blob/v6.12/include/uapi/asm-generic/unistd.h
_SCHED_SETATTR = {"x86_64": 314, "aarch64": 274, "riscv64": 274}

#: struct sched_attr as first published: size, policy, flags, nice, priority, runtime in ns, deadline, period.
#: Source: man 2 sched_setattr.
_SCHED_ATTR = struct.Struct("=IIQiIQQQ")


def lower(steps: int) -> None:
    """Lower this process's priority by steps of ``nice`` (0 to 19); it must lead a session of its own.

    Linux shares processors between sessions first, so that ``nice`` alone counts only within one; where it does, the
    session's priority is lowered, too. Source: man 7 sched, "The autogroup feature".

    Either only says how much of the processor others get. So that they get it at once, we ask for long slices: whoever
    wants a shorter one interrupts us as it wakes up (see docs/decisions/0015). Threads of ours inherit all of this.
    """
    if not steps or not hasattr(os, "nice"):
        return
    os.nice(steps)
    session = Path("/proc/self/autogroup")
    if os.getsid(0) == os.getpid() and session.exists():
        with contextlib.suppress(OSError):  # switched off, or not ours to set: slower for others, wrong for nobody
            session.write_text(str(steps))
    ask_for_slices(0, LONGEST_SLICE_SECONDS)


def ask_for_slices(pid: int, seconds: float) -> bool:
    """Ask Linux to run a thread for so long at a time; returns whether the wish was taken.

    Linux before 6.12 takes it and does nothing about it.

    Args:
        pid: The thread; 0 for our own. What it starts from now on inherits the wish.
        seconds: 0.0001 to 0.1; 0 for what is usual.
    """
    number = _SCHED_SETATTR.get(platform.machine()) if struct.calcsize("P") == 8 else None
    if sys.platform != "linux" or number is None:
        return False
    try:
        if os.sched_getscheduler(pid) != os.SCHED_OTHER:  # somebody chose another policy for us
            return False
        nice = os.getpriority(os.PRIO_PROCESS, pid)
    except OSError:  # it has ended, or a sandbox forbids to ask
        return False
    wish = _SCHED_ATTR.pack(_SCHED_ATTR.size, os.SCHED_OTHER, 0, nice, 0, round(seconds * 1e9), 0, 0)
    return bool(ctypes.CDLL(None).syscall(number, pid, wish, 0) == 0)
