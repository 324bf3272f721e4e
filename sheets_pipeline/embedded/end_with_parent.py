"""Runs a command that ends with the process that asked for it, however that ends.

``python -m sheets_pipeline.embedded.end_with_parent PARENT_PID COMMAND ...`` becomes the command. On Linux the system sends it SIGTERM
when its parent is gone; elsewhere the watchdog, or the next ``sheets-pipeline dev``, ends what is left.
Source: man 2 PR_SET_PDEATHSIG (kept over exec; the signal comes when the *thread* that started us ends).
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(parent: int, command: list[str]) -> None:
    """Become the command, unless the parent has gone meanwhile."""
    if sys.platform == "linux":
        # Whoever started us may ignore or block the signal, and both would be handed on to the command.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM))
        if os.getppid() != parent:
            return
    os.execvp(command[0], command)  # noqa: S606 - the command comes from children.py


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
