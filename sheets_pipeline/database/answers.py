"""A server that accepts and never answers ends what waits for it; a pooler whose database is away is such a server.

TCP keepalives do not notice it, as the other end lives, and a statement timeout is the server's own. So each wait for an
answer of PostgreSQL is bounded here; of MySQL and MariaDB the driver does it.
"""

import time
from collections.abc import Generator
from typing import Any

import psycopg

#: Longest wait for one answer, in seconds, unless statements may take longer than that.
ANSWER_WITHIN_SECONDS = 120.0

#: What is said of a server that gives none.
NO_ANSWER = "the server gave no answer for"


class _NoAnswer(Exception):
    """The time is up."""


class BoundedConnection(psycopg.Connection[Any]):
    """A connection whose every wait ends after ``answer_within_seconds``; None is for ever."""

    answer_within_seconds: float | None = ANSWER_WITHIN_SECONDS

    def wait(self, gen: Any, *args: Any, **kwargs: Any) -> Any:
        """Wait as psycopg does: it looks up from its wait several times a second, and so do we."""
        seconds = self.answer_within_seconds
        if seconds is None:
            return super().wait(gen, *args, **kwargs)
        try:
            return super().wait(_until(gen, time.monotonic() + seconds), *args, **kwargs)
        except _NoAnswer:
            self.close()  # whatever it may answer later is no answer to what comes next
            raise psycopg.OperationalError(f"{NO_ANSWER} {seconds:g} s") from None


def _until(gen: Any, end: float) -> Generator[Any, Any, Any]:
    """The same waits, until the time is up while nothing has come."""
    try:
        wanted = next(gen)
        while True:
            ready = yield wanted
            if not ready and time.monotonic() > end:
                gen.close()
                raise _NoAnswer
            wanted = gen.send(ready)
    except StopIteration as over:
        return over.value
