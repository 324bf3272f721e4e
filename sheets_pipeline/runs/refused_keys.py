"""Which of the touched keys a tab's query cannot take, so that they hold up no others.

The database's column may have another type than the tab declares (``abc`` for what is a bigint there), and a function may
turn keys into numbers itself. Looked for only once a query has failed, and only where it works without any key.
"""

from collections.abc import Callable, Collection

import pandas as pd
import sqlalchemy as sa

from sheets_pipeline.components.declarations import INTERRUPTS
from sheets_pipeline.runs.tab_failures import first_cause
from sheets_pipeline.sync.privacy import without_values

Read = Callable[[Collection[str]], pd.DataFrame]

#: Queries that are spent on finding them; where they are more, the whole tab counts as failed.
_MOST_QUERIES = 60


class KeysRefused(Exception):
    """The query fails for these keys, and works for all others that were asked."""

    def __init__(self, keys: frozenset[str], error: Exception) -> None:
        self.keys = keys
        refused = first_cause(error, sa.exc.DBAPIError)
        words = f"the database says: {without_values(refused)}" if refused else f"it raises {type(error).__name__}"
        super().__init__(f"the tab's query fails for this key ({words})")


def read_or_find_refused(read: Read, keys: Collection[str], again: Callable[[], None]) -> pd.DataFrame:
    """The rows of these keys; ``again`` is called before each query that follows one that failed.

    Raises:
        KeysRefused: Some keys make the query fail.
        Exception: Whatever ``read`` raised, where no key is the cause.
    """
    try:
        return read(keys)
    except INTERRUPTS:
        raise
    except Exception as error:
        if first_cause(error, sa.exc.OperationalError) or first_cause(error, sa.exc.InternalError):
            raise
        if refused := _refused(read, sorted(keys), again):
            raise KeysRefused(refused, error) from None
        raise


def _refused(read: Read, keys: list[str], again: Callable[[], None]) -> frozenset[str]:
    left = _MOST_QUERIES

    def fails(some: list[str]) -> bool:
        nonlocal left
        left -= 1
        again()
        try:
            read(some)
        except INTERRUPTS:
            raise
        except Exception:  # which it was is told by the first one
            return True
        return False

    if fails([]):
        return frozenset()
    refused: set[str] = set()
    suspects = [keys]
    while suspects:
        some = suspects.pop()
        if len(some) == 1:
            refused.update(some)
            continue
        half = len(some) // 2
        if left < 2:
            return frozenset()
        suspects += [part for part in (some[:half], some[half:]) if fails(part)]
    return frozenset(refused)
