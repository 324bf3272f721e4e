"""Rows that were once ours: they left the database, and stand in the tab again or still.

The spreadsheet was put back to an earlier version, or somebody pasted old rows. What we once wrote and deleted is known
for a long time, so such rows are told from people's own.
"""

from collections.abc import Collection

from sheets_pipeline.sync.snapshot import RowIndex, TabSnapshot
from sheets_pipeline.sync.tab import Tab


def filled_rows(
    tab: Tab, snapshot: TabSnapshot, layout: dict[str, int], index: RowIndex, keys: Collection[str]
) -> set[str]:
    """Those of the keys whose row says more in our columns than its key: nobody notes down so much by chance.

    A row that people gave a number and nothing else of ours is their own, whatever the number once meant.
    """
    own = [name for name in layout if name not in tab.key and name != tab.status_column] or list(tab.key)
    columns = [layout[name] for name in own]
    return {key for key in keys if key in index.row_of and snapshot.holds(index.row_of[key], columns)}
