"""The merge of one cell: what the tab was last known to hold, what a person typed, and what the database holds now."""

from collections.abc import Collection
from enum import StrEnum

from sheets_pipeline.sync.cells import Cell, same_cell
from sheets_pipeline.sync.tab import ColumnType

#: Apps Script's dates end at the millisecond; a moment that differs by less was not typed. In days.
_SAME_MOMENT = 0.0011 / 86_400


class Unknown:
    """Stands for a base that is not known for sure."""


UNKNOWN = Unknown()


class Outcome(StrEnum):
    """What becomes of an edit."""

    NOTHING = "nothing"  # the cell is as it was
    SAME = "same"  # the database holds it already
    APPLY = "apply"
    DATABASE_WINS = "database wins"
    SHEET_WINS = "sheet wins"
    ADOPT = "adopt"  # nobody knows what stood there before: it is no edit


def merge(
    base: Cell | Unknown,
    typed: Cell,
    database: Cell,
    column_type: ColumnType,
    *,
    sheet_wins: bool = False,
    own: Collection[Cell] = (),
) -> Outcome:
    """Decide about one cell.

    Args:
        base: What the tab held before the edit.
        typed: What it holds now, as ``Reader.read`` gives it.
        database: What the database holds.
        column_type: Of the column.
        sheet_wins: Whose value is taken where all three differ.
        own: What earlier edits of this cell left in the database, where the person could not see it yet: it counts as base.
    """
    if not isinstance(base, Unknown) and same(typed, base, column_type):
        return Outcome.NOTHING
    if same(typed, database, column_type):
        return Outcome.SAME
    if isinstance(base, Unknown):
        return Outcome.ADOPT
    if any(same(database, known, column_type) for known in (base, *own)):
        return Outcome.APPLY
    return Outcome.SHEET_WINS if sheet_wins else Outcome.DATABASE_WINS


def same(one: Cell, other: Cell, column_type: ColumnType) -> bool:
    """Whether two cells of a column hold the same value."""
    if same_cell(one, other):
        return True
    if column_type is not ColumnType.DATETIME or isinstance(one, bool) or isinstance(other, bool):
        return False
    if isinstance(one, int | float) and isinstance(other, int | float):
        return abs(one - other) < _SAME_MOMENT
    return False
