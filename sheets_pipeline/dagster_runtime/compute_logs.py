"""What a run prints goes into its files, and on to where the process would have printed it.

Dagster has this done by four processes for each run, two of them Python: they took more processor time than the run of an
event. Here a thread reads after what the files hold.
"""

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from io import FileIO
from typing import Any, TextIO

from dagster._core.execution.compute_logs import redirect_to_file
from dagster._utils import ensure_file

#: What was printed shows so much later at most.
_LOOK_SECONDS = 0.25

#: A console that takes nothing holds up the end of a run for so long at most.
_LAST_SECONDS = 2.0

_CHUNK_BYTES = 64 * 1024


@contextmanager
def captured(paths: Mapping[TextIO, str]) -> Iterator[None]:
    """All that is printed to these streams in the block stands in the files at once, and shows as before soon after.

    A stream that is none of the system's (a test's) is left as it is.
    """
    followed: list[tuple[FileIO, FileIO]] = []
    ended = threading.Event()
    with ExitStack() as opened:
        for stream, path in paths.items():
            ensure_file(path)
            if (number := _file_number(stream)) is not None:
                written, shown = FileIO(path), FileIO(os.dup(number), "w")
                written.seek(0, os.SEEK_END)
                followed.append((opened.enter_context(written), opened.enter_context(shown)))
        follower = threading.Thread(target=_follow, args=[followed, ended], name="compute logs", daemon=True)
        follower.start()
        try:
            with ExitStack() as redirected:
                for stream, path in paths.items():
                    redirected.enter_context(redirect_to_file(stream, path))
                yield
        finally:
            ended.set()
            follower.join(_LAST_SECONDS)


def _follow(followed: list[tuple[FileIO, FileIO]], ended: threading.Event) -> None:
    """Show what is written from now on, until the end."""
    while followed:
        is_last = ended.wait(_LOOK_SECONDS)
        for pair in list(followed):
            try:
                _show_what_is_new(*pair)
            except (OSError, ValueError):  # the console is gone, or the run has ended without waiting for it
                followed.remove(pair)
        if is_last:
            return


def _show_what_is_new(written: FileIO, shown: FileIO) -> None:
    while some := written.read(_CHUNK_BYTES):
        while some:
            some = some[shown.write(some) :]


def _file_number(stream: Any) -> int | None:
    try:
        return int(stream.fileno())
    except (AttributeError, OSError, ValueError):  # io.UnsupportedOperation is both of the latter
        return None
