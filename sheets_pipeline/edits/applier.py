"""Applies edits in the process that takes them in: as soon as one has come, and again when one that waits is due.

A second thread reads tabs where a message did not tell everything: edits do not wait for Google.
"""

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime

from sheets_pipeline.edits import ledger, looks
from sheets_pipeline.edits.apply import apply_due, editable_tabs
from sheets_pipeline.edits.ends import Ends
from sheets_pipeline.errors import SheetsPipelineError

logger = logging.getLogger(__name__)

#: Longest time between two looks for what others noted, in seconds.
_LOOK_SECONDS = 5.0


class Applier:
    """Two threads: one applies what is due, one row at a time, the other reads tabs of which that is wanted."""

    def __init__(self, open_pipeline: Callable[[], Ends], look: Callable[[], int]) -> None:
        """``look`` reads the tabs of all spreadsheets of which that is wanted, and returns how many they were."""
        self._open, self._look = open_pipeline, look
        self._applies, self._reads = threading.Event(), threading.Event()
        self._ended = threading.Event()
        #: Whether tabs are still to be read for what came while no such process was there.
        self._is_fresh = True

    def start(self) -> None:
        """Begin; the threads end with the process, or when they are told to."""
        for name, work, wanted in (("edits", self._apply, self._applies), ("looks", self._read, self._reads)):
            threading.Thread(target=self._run, args=(work, wanted), name=name, daemon=True).start()

    def wake(self, *, look: bool = True) -> None:
        """Something has come; ``look`` where a tab is to be read for it."""
        self._applies.set()
        if look:
            self._reads.set()

    def end(self) -> None:
        """Apply nothing more."""
        self._ended.set()
        self.wake()

    def _run(self, work: Callable[[Ends], float], wanted: threading.Event) -> None:
        while not self._ended.is_set():
            wanted.clear()
            wait = _LOOK_SECONDS
            try:
                wait = work(self._open())
            except Exception as error:  # whatever it is, edits go on
                # Of others not what they say: it may quote a row.
                text = str(error) if isinstance(error, SheetsPipelineError) else type(error).__name__
                logger.warning("Edits wait: %s", text)
            wanted.wait(wait)

    def _apply(self, pipeline: Ends) -> float:
        apply_due(pipeline)
        with pipeline.state.connect() as connection:
            return _seconds_to(ledger.next_due(connection))

    def _read(self, pipeline: Ends) -> float:
        if self._is_fresh:
            looks.ask_after_absence(pipeline.state, editable_tabs())
            self._is_fresh = False
        looks.poll(pipeline.state, editable_tabs(), pipeline.settings.edits_poll_seconds)
        if self._look():
            self._applies.set()
        with pipeline.state.connect() as connection:
            return _seconds_to(looks.next_due(connection))


def _seconds_to(due: datetime | None) -> float:
    left = _LOOK_SECONDS if due is None else (due - datetime.now(UTC)).total_seconds()
    return min(max(left, 0.05), _LOOK_SECONDS)
