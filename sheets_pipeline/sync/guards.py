"""Guards: changes so large that they look like an accident stop before the first request."""

import shlex
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import NamedTuple

from sheets_pipeline.errors import GuardRefused, LimitExceeded
from sheets_pipeline.sync.cells import Cell, one_newline
from sheets_pipeline.sync.diff import ChangeSet
from sheets_pipeline.sync.plan import SPARE_COLUMNS, rows_to_have
from sheets_pipeline.sync.rows import Rows
from sheets_pipeline.sync.snapshot import RowIndex, TabSnapshot
from sheets_pipeline.sync.spreadsheet import Each
from sheets_pipeline.sync.tab import Tab

#: Cells of one spreadsheet, counted over its grids. Source: https://support.google.com/drive/answer/37603
MAX_SPREADSHEET_CELLS = 10_000_000

#: Tabs of one spreadsheet.
MAX_TABS = 200


class Growth(NamedTuple):
    """What a tab needs: rows of data, and the grid it has now (0 x 0: there is no such tab)."""

    tab: Tab
    data_rows: int
    grid_rows: int
    grid_columns: int

    @property
    def cells(self) -> int:
        """Cells by which the grid has to grow."""
        columns = self.grid_columns or len(self.tab.columns) + SPARE_COLUMNS
        if self.data_rows < self.grid_rows:
            return 0
        return rows_to_have(self.data_rows + 1) * columns - self.grid_rows * self.grid_columns


def check_growth(growths: Collection[Growth], cells_now: int, tabs_now: int) -> None:
    """Refuse a run whose tabs together would outgrow the spreadsheet; ``cells_now`` counts the whole of it.

    Raises:
        LimitExceeded: Names the tabs that need to grow.
    """
    growing = [growth for growth in growths if growth.cells]
    if growing:
        new_tabs = sum(not growth.grid_rows for growth in growing)
        titles = " and ".join(growth.tab.title for growth in growing)
        check_size(titles, cells_now, sum(growth.cells for growth in growing), tabs_now + new_tabs)


def check_size(title: str, cells_now: int, cells_added: int, tabs_after: int) -> None:
    """Refuse a growth that Google would refuse half-way.

    Raises:
        LimitExceeded: The spreadsheet would have too many cells or tabs.
    """
    if cells_now + cells_added > MAX_SPREADSHEET_CELLS:
        raise LimitExceeded(
            title,
            f"the spreadsheet has {cells_now:,} cells and would need {cells_added:,} more; Google allows "
            f"{MAX_SPREADSHEET_CELLS:,}, empty ones included. Delete empty rows, empty columns or tabs that nobody "
            "needs, or keep this tab in a spreadsheet of its own. Nothing was sent.",
        )
    if tabs_after > MAX_TABS:
        raise LimitExceeded(
            title,
            f"the spreadsheet would have {tabs_after} tabs, Google allows {MAX_TABS}. Delete some. Nothing was sent.",
        )


def check_deletes(tab: Tab, changes: ChangeSet, rows_present: int, wanted: int, allowed: int | None) -> None:
    """Refuse a mass delete.

    Args:
        rows_present: Rows with a key of ours that the tab holds now.
        wanted: Rows that the database gives.
        allowed: Deletes that a person has allowed for this run, None for the default.

    Raises:
        GuardRefused: More rows would go than the tab's declaration lets go without asking, or all of them.
    """
    deletes = len(changes.deletes)
    limit = unasked(tab, rows_present) if allowed is None else allowed
    # One spreadsheet of a list may well lose its last row; that all of them do is noticed where rows are parted.
    may_be_emptied = tab.max_deletes_share == 1 or isinstance(tab.spreadsheet, Each)
    emptied = wanted == 0 and deletes > 0 and allowed is None and not may_be_emptied
    if deletes <= limit and not emptied:
        return
    reason = "the database gives no rows at all" if wanted == 0 else f"the database gives {wanted:,} rows"
    refused = GuardRefused(
        tab.title,
        f"{deletes:,} of {rows_present:,} rows would be deleted ({reason}), {limit if not emptied else 0:,} are allowed without asking. "
        "Nothing was sent. If this is meant, run `sheets-pipeline sync "
        f"--tab {shlex.quote(tab.title)} --allow-deletes {deletes}` or set allow_deletes: {deletes} in the launchpad's configuration of the resource pipeline.",
    )
    refused.deletes = tuple((delete.row + 1, delete.key) for delete in changes.deletes)
    raise refused


def unasked(tab: Tab, rows: int) -> int:
    """How many of so many rows may go, or be written anew, without asking."""
    return max(tab.max_deletes, int(rows * tab.max_deletes_share))


def find_strays(
    tab: Tab,
    snapshot: TabSnapshot,
    layout: Mapping[str, int],
    index: RowIndex,
    wanted: Rows,
    changes: ChangeSet,
    base: Callable[[Collection[str]], Mapping[str, Mapping[str, Cell] | None]],
) -> list[int]:
    """Rows (as the user counts them) that hold what a row to be inserted holds, without its key.

    Somebody cleared or changed the key: the row is ours, with people's notes beside it. ``base`` gives what we last
    wrote in rows, by key; it is asked only where rows stand there whose key is none of ours.
    """
    own = [name for name in wanted.columns if name not in tab.key and name != tab.status_column]
    rows = [row - 1 for row in index.keyless] + [index.row_of[key] for key in changes.foreign_keys]
    if not changes.inserts or not rows or not own:
        return []
    keys = [wanted.keys[i] for i in changes.inserts]
    inserted = {_content(wanted.columns[name][i] for name in own) for i in changes.inserts}
    known = [cells for cells in base(keys).values() if cells is not None and cells.keys() >= set(own)]
    inserted |= {_content(cells[name] for name in own) for cells in known}
    inserted.discard((None,) * len(own))
    contents = {row: _content(snapshot.cell(row, layout[name]) for name in own) for row in rows}
    return sorted(row + 1 for row, content in contents.items() if content in inserted)


def _content(cells: Iterable[Cell]) -> tuple[Cell, ...]:
    """Cells as they compare: a double's last digits and the kinds of line ends aside."""
    return tuple(
        None
        if cell is None or cell == ""
        else float(f"{cell:.14g}")
        if type(cell) in (int, float)
        else repr(cell)
        if type(cell) is bool
        else one_newline(str(cell))
        for cell in cells
    )


def check_inserts(tab: Tab, strays: Collection[int], wanted: int) -> None:
    """Refuse to write rows anew beside their old selves.

    Raises:
        GuardRefused: More rows stand there without their keys than may be deleted without asking, or half of them.
    """
    if len(strays) <= unasked(tab, wanted) and 2 * len(strays) < max(wanted, 2):
        return
    raise GuardRefused(
        tab.title,
        f"{len(strays):,} rows stand in the tab without their key ({' + '.join(tab.key)}) or with another one, first row "
        f"{min(strays)}, and would be written a second time. Nothing was sent. If keys were cleared or changed, undo that "
        "(Ctrl+Z in the spreadsheet), or take the version from before it under File > Version history; else delete those "
        "rows, and the next full sync writes them anew.",
    )
