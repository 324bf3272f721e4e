"""The change set: what takes a tab from what it holds to what it should hold."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import NamedTuple

from sheets_pipeline.sync.cells import Cell, same_cell
from sheets_pipeline.sync.rows import Rows
from sheets_pipeline.sync.snapshot import RowIndex, TabSnapshot
from sheets_pipeline.sync.tab import OnRemoved, Tab


class CellUpdate(NamedTuple):
    """One cell that differs; ``row`` and ``column`` are 0-based in the grid."""

    row: int
    column: int
    old: Cell
    new: Cell


class RowDelete(NamedTuple):
    """One row that leaves; ``row`` is 0-based in the grid."""

    row: int
    key: str


@dataclass(slots=True)
class ChangeSet:
    """Inserts (positions in the wanted rows), updates cell by cell, deletes.

    ``updated_keys`` are the keys of rows with updates; ``foreign_keys`` are rows with a key that we never wrote and the
    database does not know: people's own, left alone.
    """

    inserts: list[int]
    updates: list[CellUpdate]
    deletes: list[RowDelete]
    updated_keys: dict[str, int]
    foreign_keys: list[str]
    doubled_keys: dict[str, list[int]]

    @property
    def is_empty(self) -> bool:
        """Whether the tab is as it should be."""
        return not (self.inserts or self.updates or self.deletes)


def compare(
    tab: Tab,
    snapshot: TabSnapshot,
    layout: dict[str, int],
    index: RowIndex,
    wanted: Rows,
    owned: Callable[[Collection[str]], set[str]],
    leave: Collection[str] = (),
) -> ChangeSet:
    """Compare the whole tab with all rows it should hold.

    ``owned`` tells which of the given keys we once wrote; it is asked only about keys that the database no longer has.
    Rows whose key is in ``leave`` are not looked at.
    """
    present = [
        (i, row) for i, key in enumerate(wanted.keys) if (row := index.row_of.get(key)) is not None and key not in leave
    ]
    inserts = [i for i, key in enumerate(wanted.keys) if key not in index.row_of and key not in leave]
    updates = _differing_cells(snapshot, layout, wanted, present)
    gone = [key for key in index.row_of if key not in wanted.position and key not in leave]
    ours = owned(gone) if gone else set()
    deletes = [RowDelete(index.row_of[key], key) for key in gone if key in ours]
    if tab.on_removed is OnRemoved.KEEP:
        deletes = []
    key_at = {row: wanted.keys[i] for i, row in present} if updates else {}
    return ChangeSet(
        inserts=inserts,
        updates=updates,
        deletes=deletes,
        updated_keys={key_at[update.row]: update.row for update in updates},
        foreign_keys=[key for key in gone if key not in ours],
        doubled_keys=index.doubled,
    )


def _differing_cells(
    snapshot: TabSnapshot, layout: dict[str, int], wanted: Rows, present: list[tuple[int, int]]
) -> list[CellUpdate]:
    if not present:
        return []
    updates = []
    positions, rows = [i for i, _ in present], [row for _, row in present]
    for name, column in layout.items():
        found_cells = [None, *snapshot.column_cells(column)]
        wanted_cells = wanted.columns[name]
        found = [found_cells[row] for row in rows]
        want = [wanted_cells[i] for i in positions]
        if found == want and not _mixes_truth_and_numbers(found, want):
            continue  # one comparison in C for the whole column: the usual case
        updates += [
            CellUpdate(row, column, old, new)
            for row, old, new in zip(rows, found, want, strict=True)
            if not (old == new and type(old) is type(new)) and not same_cell(new, old)
        ]
    updates.sort(key=lambda update: (update.row, update.column))
    return updates


def _mixes_truth_and_numbers(found: list[Cell], want: list[Cell]) -> bool:
    """In Python ``True == 1``; in a spreadsheet TRUE and 1 are different cells."""
    return [type(cell) is bool for cell in found] != [type(cell) is bool for cell in want]


def compare_touched(
    snapshot_rows: RowIndex,
    layout: dict[str, int],
    wanted: Rows,
    base: dict[str, list[Cell] | None],
    gone: Collection[str],
) -> ChangeSet:
    """Compare only the rows that events touched, against what we last wrote (``base``; None: not known for sure).

    ``gone`` are keys that the database no longer has and that we once wrote. Rows people deleted come back.
    """
    inserts: list[int] = []
    updates: list[CellUpdate] = []
    updated_keys: dict[str, int] = {}
    for i, key in enumerate(wanted.keys):
        row = snapshot_rows.row_of.get(key)
        if row is None:
            inserts.append(i)
            continue
        known = base.get(key)
        for position, name in enumerate(wanted.columns):
            new = wanted.columns[name][i]
            old = known[position] if known is not None and position < len(known) else None
            if known is None or position >= len(known) or not same_cell(new, old):
                updates.append(CellUpdate(row, layout[name], old, new))
                updated_keys[key] = row
    deletes = [RowDelete(snapshot_rows.row_of[key], key) for key in gone if key in snapshot_rows.row_of]
    updates.sort(key=lambda update: (update.row, update.column))
    return ChangeSet(inserts, updates, deletes, updated_keys, [], snapshot_rows.doubled)
