"""What people see on a terminal while a command works: errors and progress, both on stderr."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from rich.status import Status

from sheets_pipeline.terminal import Screen, escape

errors_console = Screen(stderr=True, soft_wrap=True)


@contextmanager
def progress(activity: str) -> Iterator[None]:
    """A spinner that shows the newest log line, on a terminal only."""
    if not errors_console.is_terminal:
        yield
        return
    with errors_console.status(activity) as status:
        handler = _StatusHandler(status)
        logger = logging.getLogger("sheets_pipeline")
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        try:
            yield
        finally:
            logger.removeHandler(handler)


class _StatusHandler(logging.Handler):
    def __init__(self, status: Status) -> None:
        super().__init__()
        self.status = status

    def emit(self, record: logging.LogRecord) -> None:
        self.status.update(escape(record.getMessage()))
