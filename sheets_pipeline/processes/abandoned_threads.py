"""Threads that nobody waits for any longer, and how a process ends in spite of them.

An interpreter that ends waits for threads, and a thread that was left behind may have started others.
"""

import os
import sys
import threading

_threads: list[threading.Thread] = []


def note(thread: threading.Thread) -> None:
    """This one is left to itself."""
    _threads.append(thread)


def end_process(exit_code: int) -> None:
    """End this process at once where such a thread still runs; else leave that to the interpreter."""
    if any(thread.is_alive() for thread in _threads):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(exit_code)
