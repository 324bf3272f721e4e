"""The change set: what takes a tab from what it holds to what it should hold."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from sheets_pipeline.sync.cells import Cell, same_cell
from sheets_pipeline.sync.filled_rows import filled_rows
from sheets_pipeline.sync.marks import Version, digest
from sheets_pipeline.sync.rows import Rows
from sheets_pipeline.sync.snapshot import RowIndex, TabSnapshot
from sheets_pipeline.sync.tab import REMOVED_STATUS, OnRemoved, Tab


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

    ``updated_keys`` are the rows with updates (key → 0-based row); ``marks`` those of them that only get the status of a
    removed row; ``foreign_keys`` are rows with a key that we never wrote and the database does not know: people's own,
    left alone. ``returned`` counts rows that we had deleted or forgotten and that stand there, ``returned_keys`` are those
    of them that keep their key.
    """

    inserts: list[int]
    updates: list[CellUpdate]
    deletes: list[RowDelete]
    updated_keys: dict[str, int]
    foreign_keys: list[str]
    marks: int = 0
    returned: int = 0
    returned_keys: set[str] = field(default_factory=set)

    def leave(self, keys: Collection[str]) -> None:
        """Take out the updates of rows with these keys."""
        left = {row for key, row in self.updated_keys.items() if key in keys}
        if left:
            self.updates = [update for update in self.updates if update.row not in left]
            self.updated_keys = {key: row for key, row in self.updated_keys.items() if row not in left}


def compare(
    tab: Tab,
    snapshot: TabSnapshot,
    layout: dict[str, int],
    index: RowIndex,
    wanted: Rows,
    owned: Callable[[Collection[str]], set[str]],
    leave: Collection[str] = (),
    once_owned: Callable[[Collection[str]], set[str]] = lambda _keys: set(),
) -> ChangeSet:
    """Compare the whole tab with all rows it should hold.

    ``owned`` tells which of the given keys we wrote, ``once_owned`` which of them we deleted again; they are asked only
    about keys that the database no longer has. A row of either has left the database, whoever put it back. Rows whose
    key is in ``leave``, and those that are set aside, stay as they are.
    """
    leave = wanted.held.union(leave)
    present = [
        (i, row) for i, key in enumerate(wanted.keys) if (row := index.row_of.get(key)) is not None and key not in leave
    ]
    inserts = [i for i, key in enumerate(wanted.keys) if key not in index.row_of and key not in leave]
    updates = _differing_cells(snapshot, layout, wanted, present)
    gone = [key for key in index.row_of if key not in wanted.position and key not in leave]
    ours = owned(gone) if gone else set()
    unknown = [key for key in gone if key not in ours]
    back = filled_rows(tab, snapshot, layout, index, once_owned(unknown)) if unknown else set()
    ours |= back
    left = [RowDelete(index.row_of[key], key) for key in gone if key in ours]
    key_at = {row: wanted.keys[i] for i, row in present} if updates else {}
    changes = ChangeSet(
        inserts=inserts,
        updates=updates,
        deletes=left if tab.on_removed is OnRemoved.REMOVE else [],
        updated_keys={key_at[update.row]: update.row for update in updates},
        foreign_keys=[key for key in unknown if key not in back],
        returned=len(back),
        returned_keys=back,
    )
    if tab.on_removed is OnRemoved.MARK:
        statuses = [None, *snapshot.column_cells(layout[tab.status_column])]
        _mark(changes, tab, layout, [row for row in left if statuses[row.row] != REMOVED_STATUS])
    return changes


def _mark(changes: ChangeSet, tab: Tab, layout: dict[str, int], left: list[RowDelete]) -> None:
    column = layout[tab.status_column]
    changes.updates = sorted(
        [*changes.updates, *(CellUpdate(row.row, column, None, REMOVED_STATUS) for row in left)], key=_place
    )
    changes.updated_keys |= {row.key: row.row for row in left}
    changes.marks = len(left)


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
        current = [found_cells[row] for row in rows]
        want = [wanted_cells[i] for i in positions]
        if current == want and not _mixes_truth_and_numbers(current, want):
            continue  # one comparison in C for the whole column: the usual case
        updates += [
            CellUpdate(row, column, old, new)
            for row, old, new in zip(rows, current, want, strict=True)
            if not (old == new and type(old) is type(new)) and not same_cell(new, old)
        ]
    updates.sort(key=_place)
    return updates


def _mixes_truth_and_numbers(current: list[Cell], want: list[Cell]) -> bool:
    """In Python ``True == 1``; in a spreadsheet TRUE and 1 are different cells."""
    return [type(cell) is bool for cell in current] != [type(cell) is bool for cell in want]


def compare_touched(
    tab: Tab,
    index: RowIndex,
    layout: dict[str, int],
    wanted: Rows,
    base: Mapping[str, Mapping[str, Cell] | None],
    gone: Collection[str],
) -> ChangeSet:
    """Compare only the rows that events touched, against what we last wrote (``base``; None: not known for sure).

    ``gone`` are keys that the database no longer has and that we once wrote. Rows people deleted come back; those that
    are set aside stay as they are.
    """
    changes = ChangeSet([], [], [], {}, [])
    for i, key in enumerate(wanted.keys):
        row = index.row_of.get(key)
        if row is None:
            changes.inserts.append(i)
            continue
        known = base.get(key) or {}
        for name, cells in wanted.columns.items():
            if name not in known or not same_cell(cells[i], known[name]):
                changes.updates.append(CellUpdate(row, layout[name], known.get(name), cells[i]))
                changes.updated_keys[key] = row
    changes.updates.sort(key=_place)
    held = wanted.held
    left = [RowDelete(index.row_of[key], key) for key in gone if key in index.row_of and key not in held]
    if tab.on_removed is OnRemoved.REMOVE:
        changes.deletes = left
    elif tab.on_removed is OnRemoved.MARK:
        _mark(changes, tab, layout, left)
    return changes


def rows_of_ours(index: RowIndex, wanted: Rows, changes: ChangeSet, leave: Collection[str] = ()) -> int:
    """Rows of the tab that show a row of the database once the changes are made; copies that people made count, too.

    Rows in ``leave`` are newer in the tab than in ``wanted``, and count as the database has them there.
    """
    known_rows = sum(key in wanted.position for key in index.row_of)
    copies = sum(len(rows) - 1 for key, rows in index.doubled.items() if key in wanted.position)
    left_since = sum(key in wanted.position and key not in index.row_of for key in leave)
    return known_rows + copies + left_since + len(changes.inserts)


def digest_of_ours(index: RowIndex, wanted: Rows, changes: ChangeSet) -> str:
    """Digest of the keys that are ours in the tab once the changes of a full sync are made."""
    ours = index.row_of.keys() - set(changes.foreign_keys) - {delete.key for delete in changes.deletes}
    return digest(ours | {wanted.keys[i] for i in changes.inserts})


def digest_after(last: Version | None, wanted: Rows, changes: ChangeSet) -> str:
    """The same after an event sync, which knows the rows that it touches alone; blank where it was not known before."""
    if last is None or not last.rows:
        return ""
    gone = [delete.key for delete in changes.deletes]
    return digest([wanted.keys[i] for i in changes.inserts], start=last.rows, without=gone)


def _place(update: CellUpdate) -> tuple[int, int]:
    return update.row, update.column
