"""Applies edits in the process that takes them in: as soon as one has come, and again when one that waits is due."""

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime

import sqlalchemy as sa

from sheets_pipeline.edits import ledger
from sheets_pipeline.edits.apply import apply_due
from sheets_pipeline.edits.ends import Ends
from sheets_pipeline.errors import SheetsPipelineError

logger = logging.getLogger(__name__)

#: Longest time between two looks for what others noted, in seconds.
_LOOK_SECONDS = 5.0


class Applier:
    """A thread that applies what is due, one row at a time."""

    def __init__(self, open_pipeline: Callable[[], Ends]) -> None:
        self._open = open_pipeline
        self._wanted, self._ended = threading.Event(), threading.Event()

    def start(self) -> None:
        """Begin; the thread ends with the process, or when it is told to."""
        threading.Thread(target=self._run, name="edits", daemon=True).start()

    def wake(self) -> None:
        """Something has come."""
        self._wanted.set()

    def end(self) -> None:
        """Apply nothing more."""
        self._ended.set()
        self._wanted.set()

    def _run(self) -> None:
        while not self._ended.is_set():
            self._wanted.clear()
            wait = _LOOK_SECONDS
            try:
                pipeline = self._open()
                apply_due(pipeline)
                wait = _seconds_to_next(pipeline)
            except (SheetsPipelineError, sa.exc.SQLAlchemyError) as error:
                text = str(error) if isinstance(error, SheetsPipelineError) else type(error).__name__
                logger.warning("Edits wait: %s", text)
            self._wanted.wait(wait)


def _seconds_to_next(pipeline: Ends) -> float:
    with pipeline.state.connect() as connection:
        due = ledger.next_due(connection)
    left = _LOOK_SECONDS if due is None else (due - datetime.now(UTC)).total_seconds()
    return min(max(left, 0.05), _LOOK_SECONDS)
