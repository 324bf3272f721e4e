"""Before an event takes a row away: is it really gone, or did the tab's query only not find it by the key it was given?

A tab's own query may leave the filter out, compare ``7`` with ``'007'``, or meet another type than it expects. What it does
not give for a key would be deleted, notes and all. So a row that we wrote is taken for gone only where it is not among all
rows, either.
"""

from collections.abc import Callable, Collection
from datetime import UTC

import pandas as pd

from sheets_pipeline.sync.cells import row_keys
from sheets_pipeline.sync.conversion import to_cells
from sheets_pipeline.sync.tab import Tab


def with_live_rows(
    tab: Tab,
    rows: pd.DataFrame,
    asked: Collection[str],
    owned: Callable[[Collection[str]], Collection[str]],
    all_rows: Callable[[], pd.DataFrame],
) -> pd.DataFrame:
    """The rows that a query gave for the asked keys, and those of them that it gives only among all rows.

    Args:
        tab: Whose rows they are.
        rows: What the query gave for these keys.
        asked: The keys, as texts.
        owned: Which of some keys we wrote; asked only where the query lacks some.
        all_rows: Computes the whole tab; called only where a row of ours would be taken away.
    """
    lacking = set(asked).difference(keys_of(tab, rows))
    lacking = set(owned(lacking)) if lacking else set()
    if not lacking:
        return rows
    everything = all_rows()
    is_lacking = [key in lacking for key in keys_of(tab, everything)]
    return pd.concat([rows, everything[is_lacking]], ignore_index=True) if any(is_lacking) else rows


def keys_of(tab: Tab, frame: pd.DataFrame) -> list[str]:
    """The key of each row as text, in the order of the frame."""
    return row_keys([to_cells(frame[name], tab.column(name).type, UTC)[0] for name in tab.key])
