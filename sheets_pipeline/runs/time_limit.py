"""A limit of time for users' code, which may wait for ever: for an answer, for a lock, in a loop.

Python cannot end a thread. So the code runs in one that nobody waits for any longer than allowed: what it gives later is
dropped, the database connection that it was given is severed, and it ends with the run's process. What keeps all threads
of the process from running (a regular expression that never ends, say) cannot be bounded so.
"""

import threading
import time
from collections.abc import Callable
from contextvars import copy_context
from typing import Generic, TypeVar

import sqlalchemy as sa

from sheets_pipeline.database.severing import Severable
from sheets_pipeline.processes import abandoned_threads

T = TypeVar("T")


class TookTooLong(Exception):
    """The time, so many ``seconds``, is up."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class Reading(Generic[T]):
    """A function that reads from a database, begun in a thread and with a connection of its own.

    Args:
        engine: Gives the connection.
        read: What is to be done with it.
        seconds: Longest time from now on; 0 for no limit.
    """

    def __init__(self, engine: sa.Engine, read: Callable[[sa.Connection], T], seconds: float) -> None:
        self._read, self._seconds = read, seconds
        self._result: list[T] = []
        self._error: BaseException | None = None
        self._connection = engine.connect()
        self._severable = Severable(self._connection)
        self._is_reading = True
        self._lock = threading.Lock()
        self._end = time.monotonic() + seconds
        self._thread = threading.Thread(target=copy_context().run, args=(self._run,), name="a tab's rows", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        """In the thread, which alone touches the connection, also to close it."""
        try:
            with self._connection:
                try:
                    self._result.append(self._read(self._connection))
                finally:
                    with self._lock:
                        self._is_reading = False
                        self._severable.release()
        except BaseException as error:  # handed on to whoever waits
            self._error = error

    def is_done_within(self, seconds: float) -> bool:
        """Wait so long at most for the end."""
        self._thread.join(min(seconds, max(self._end - time.monotonic(), 0.0)) if self._seconds else seconds)
        return not self._thread.is_alive()

    def result(self) -> T:
        """What the function returns or raises, if it does so in time.

        Raises:
            TookTooLong: The time is up.
        """
        is_left_behind = True  # also where this run is interrupted
        try:
            self._thread.join(max(self._end - time.monotonic(), 0.0) if self._seconds else None)
            is_left_behind = self._thread.is_alive()
        finally:
            if is_left_behind:
                abandoned_threads.note(self._thread)
                with self._lock:
                    if self._is_reading:
                        self._severable.sever()
        if is_left_behind:
            raise TookTooLong(self._seconds)
        if self._error is not None:
            raise self._error
        return self._result[0]
