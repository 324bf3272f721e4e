"""A limit of time for users' code, which may wait for ever: for an answer, for a lock, in a loop.

Python cannot end a thread. So the code runs in one that nobody waits for any longer than allowed: what it gives later is
dropped, and it ends with the run's process at the latest.
"""

import threading
from collections.abc import Callable
from contextvars import copy_context
from typing import Generic, TypeVar

T = TypeVar("T")


class TookTooLong(Exception):
    """The time is up."""


class _Work(Generic[T]):
    """A function, and what became of it."""

    def __init__(self, function: Callable[[], T]) -> None:
        self._function = function
        self.result: list[T] = []
        self.error: BaseException | None = None

    def __call__(self) -> None:
        try:
            self.result.append(self._function())
        except BaseException as error:  # handed on to whoever waits
            self.error = error


def within(seconds: float, function: Callable[[], T]) -> T:
    """What a function returns or raises, if it does so in time.

    Args:
        seconds: 0 for no limit.
        function: Without arguments; it must open and close by itself whatever it uses, as it may go on for longer.

    Raises:
        TookTooLong: The time is up.
    """
    if not seconds:
        return function()
    work = _Work(function)
    thread = threading.Thread(target=copy_context().run, args=(work,), name="a tab's function", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise TookTooLong
    if work.error is not None:
        raise work.error
    return work.result[0]
