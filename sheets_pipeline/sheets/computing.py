"""Rows that are computed in a thread of their own, while header and keys of their tab are read."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from copy import copy

import pandas as pd


class Computing:
    """Rows being computed since ``began`` (``time.monotonic``); ``seconds`` is how long that took, once it has ended."""

    def __init__(self, compute: Callable[[], pd.DataFrame], pool: ThreadPoolExecutor) -> None:
        self._compute, self.seconds, self.began = compute, 0.0, time.monotonic()
        self._rows: Future[pd.DataFrame] = pool.submit(copy_context().run, self._run)

    def _run(self) -> pd.DataFrame:
        began = time.monotonic()
        try:
            return self._compute()
        finally:
            self.seconds = time.monotonic() - began

    def is_under_way(self) -> bool:
        """Whether whoever wants the rows would have to wait."""
        return not self._rows.done()

    def rows(self) -> pd.DataFrame:
        """The rows, once they are there; raises what computing them raised."""
        return self._rows.result()

    def only(self, rows: pd.DataFrame) -> "Computing":
        """Those of the rows, which are there, that belong to one tab."""
        some = copy(self)
        some._rows = Future()
        some._rows.set_result(rows)
        return some


@contextmanager
def computing(compute: Callable[[], pd.DataFrame]) -> Iterator[Computing]:
    """Compute from now on; the block ends once that has ended, however it is left."""
    with ThreadPoolExecutor(1, "rows of a tab") as pool:
        yield Computing(compute, pool)
