"""What people did to the rows of a tab: added, copied or took out some, or changed the key of one. Told from one reading.

Rows are ours by their key. A row that lost its key and holds what we know of a row that is missing is that row.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sheets_pipeline.sync.cells import Cell, row_keys, same_cell
from sheets_pipeline.sync.snapshot import RowIndex, TabSnapshot
from sheets_pipeline.sync.tab import Tab

#: What we last wrote in each row of ours, by key and column; None where that is not known.
Base = Mapping[str, Mapping[str, Cell] | None]

#: More comparisons than this are not made: so many rows do not change their keys by hand.
_MOST_PAIRS = 200_000
#: A row of so many cells is known again when one of them was changed, too.
_ENOUGH_CELLS = 4
#: A row is known again by so many cells that people do not edit, whatever they typed into the others.
_ENOUGH_FIXED = 3


@dataclass(frozen=True, slots=True)
class NewRow:
    """A row that a person typed, whose needed cells are filled: its row (0-based) and our columns that hold something."""

    row: int
    cells: Mapping[str, Cell]


@dataclass(slots=True)
class RowFindings:
    """What was done to rows.

    ``new`` are rows to insert; ``moved`` says in which row (0-based) a row of ours stands that lost its key; ``copied`` are keys
    of ours that stand on several rows; ``missing`` are keys of rows of ours that stand nowhere.
    """

    new: list[NewRow] = field(default_factory=list)
    moved: dict[str, int] = field(default_factory=dict)
    copied: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


def find_rows(tab: Tab, snapshot: TabSnapshot, layout: Mapping[str, int], index: RowIndex, base: Base) -> RowFindings:
    """Compare the rows of a tab with those that are ours.

    Args:
        tab: The declaration, with ``edits``.
        snapshot: All cells of the tab.
        layout: Where our columns are.
        index: Where the keys stand.
        base: All rows that are ours.
    """
    keys = ["", *row_keys([snapshot.column_cells(layout[name]) for name in tab.key])]
    names = [column.name for column in tab.columns if column.name in layout and column.name != tab.status_column]
    strangers = [
        row
        for row, key in enumerate(keys)
        if row and key not in base and snapshot.holds(row, [layout[name] for name in names])
    ]
    missing = [key for key, cells in base.items() if cells is not None and key not in index.row_of]
    found = RowFindings(copied=[key for key in index.doubled if key in base])
    unsure: set[int] = set()
    if len(missing) * len(strangers) <= _MOST_PAIRS:
        own = {name: name in tab.edited for name in names if name not in tab.key}
        contents = {row: {name: snapshot.cell(row, layout[name]) for name in own} for row in strangers}
        standing = [cells for key, cells in base.items() if cells is not None and key in index.row_of]
        found.moved, unsure = _known_again({key: base[key] or {} for key in missing}, standing, own, contents)
        gone = set(missing) - found.moved.keys() - _like(unsure, contents, base, missing, own)
        # Where a row stands twice, the one that is missing may lie under the copy.
        found.missing = [key for key in missing if key in gone] if not found.copied else []
    if tab.edits is not None and tab.edits.new_rows:
        rest = [row for row in strangers if row not in unsure and row not in found.moved.values()]
        found.new = list(_complete(tab, snapshot, layout, names, rest, keys))
    return found


def _known_again(
    missing: Base,
    standing: Sequence[Mapping[str, Cell]],
    own: Mapping[str, bool],
    contents: Mapping[int, Mapping[str, Cell]],
) -> tuple[dict[str, int], set[int]]:
    """Rows that are missing and stand somewhere without their key; and rows that could be several of them, or a copy of one
    that still stands."""
    moved, unsure = dict[str, int](), set[int]()
    for is_it in (_is_it_but_for_a_cell, _is_it_by_what_is_fixed):
        rows = contents.keys() - moved.values() - unsure
        claims = {
            key: [row for row in rows if is_it(cells or {}, contents[row], own)]
            for key, cells in missing.items()
            if key not in moved
        }
        claimed = [row for rows in claims.values() for row in rows]
        if is_it is _is_it_by_what_is_fixed:
            claimed += [row for row in set(claimed) if any(is_it(cells, contents[row], own) for cells in standing)]
        sure = {key: rows[0] for key, rows in claims.items() if len(rows) == 1 and claimed.count(rows[0]) == 1}
        unsure |= set(claimed) - set(sure.values())
        moved |= sure
    return moved, unsure


def _is_it_but_for_a_cell(known: Mapping[str, Cell], content: Mapping[str, Cell], own: Iterable[str]) -> bool:
    held = [name for name in own if known.get(name) not in (None, "")]
    different = sum(not same_cell(known.get(name), content[name]) for name in own)
    return bool(held) and different <= (len(held) >= _ENOUGH_CELLS)


def _is_it_by_what_is_fixed(known: Mapping[str, Cell], content: Mapping[str, Cell], own: Mapping[str, bool]) -> bool:
    """Also where a whole row was pasted over; ``own`` says of its columns whether people edit them."""
    fixed = [name for name, is_edited in own.items() if not is_edited]
    held = sum(known.get(name) not in (None, "") for name in fixed)
    return held >= _ENOUGH_FIXED and all(same_cell(known.get(name), content[name]) for name in fixed)


def _like(
    unsure: Iterable[int],
    contents: Mapping[int, Mapping[str, Cell]],
    base: Base,
    missing: Iterable[str],
    own: Mapping[str, bool],
) -> set[str]:
    """Keys that one of these rows could have had."""
    rows = list(unsure)
    return {
        key
        for key in missing
        if any(
            is_it(base[key] or {}, contents[row], own)
            for row in rows
            for is_it in (_is_it_but_for_a_cell, _is_it_by_what_is_fixed)
        )
    }


def _complete(
    tab: Tab,
    snapshot: TabSnapshot,
    layout: Mapping[str, int],
    names: Sequence[str],
    rows: Iterable[int],
    keys: Sequence[str],
) -> Iterable[NewRow]:
    """Rows whose needed cells are filled, and in which the database has still to fill the rest of the key."""
    needs = tab.edits.needs if tab.edits else ()
    generated = [name for name in tab.key if name not in needs]
    taken: set[str] = set()
    for row in rows:
        cells = {name: snapshot.cell(row, layout[name]) for name in names}
        filled = {name: cell for name, cell in cells.items() if cell not in (None, "")}
        if any(name in filled for name in generated) or not all(name in filled for name in needs):
            continue
        if not generated and keys[row] in taken:
            continue
        taken.add(keys[row])
        yield NewRow(row, filled)
