"""A lock that is lost on the way."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sheets_pipeline.errors import TabBusy


class LosingLock:
    """A lock that is lost once it was asked so many times whether it is still held."""

    def __init__(self, good_for: int) -> None:
        self.good_for = good_for

    @contextmanager
    def __call__(self) -> Iterator[Callable[[], None]]:
        yield self._ask

    def _ask(self) -> None:
        if self.good_for == 0:
            raise TabBusy("the lock was lost")
        self.good_for -= 1
