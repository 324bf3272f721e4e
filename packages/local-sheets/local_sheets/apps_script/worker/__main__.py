"""Takes one job after another from standard input until that ends, and says on standard output what comes of each."""

import os
import sys
import threading
import time
from typing import BinaryIO

from local_sheets.apps_script.frames import read_frame
from local_sheets.apps_script.worker.execution import Execution, new_context


def _end_with_parent() -> None:
    """A script that runs on after its server is gone would do so for ever: its engine hears of nothing else."""
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def main() -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    jobs, answers = _streams()
    context = new_context()
    while (job := read_frame(jobs)) is not None:
        Execution(context, jobs, answers).run(job)
        context = new_context()


def _streams() -> tuple[BinaryIO, BinaryIO]:
    """The two pipes; whatever a library prints goes to standard error instead of between the messages."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return sys.stdin.buffer, answers


if __name__ == "__main__":
    main()
