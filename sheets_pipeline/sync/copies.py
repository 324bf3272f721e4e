"""What stood in cells just before we wrote over them: a copy that the very same request makes, and what it tells.

Google applies a batch whole, in its order. So a batch that is about to write over cells which people may edit, or to delete
their rows, first copies keys and editable cells of those rows to a hidden tab of ours, and its answer brings the copies back.
What is in a copy and is not what the tab was known to hold, somebody typed since the cell was last looked at.

    tab      key  status  hours          hidden tab    key  status  hours
    row 7      5    open      2   ──►       row 2        5    done      2     "done" was typed, and is about to be buried
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, pairwise
from typing import Any, NamedTuple

from sheets_pipeline.sync.batches import Batch, dump
from sheets_pipeline.sync.cells import Cell, row_keys, same_cell
from sheets_pipeline.sync.marks import new_mark
from sheets_pipeline.sync.snapshot import column_letters, row_runs
from sheets_pipeline.sync.tab import Tab

#: Says to which tab (its sheet id) a hidden tab belongs.
COPIES_METADATA_KEY = "sheets_pipeline.copies"

#: Row 1 of the hidden tab is for people who unhide it; copies begin below.
FIRST_ROW = 1
#: Rows between two that are written over which are copied along.
_MOST_BETWEEN = 8

_EXPLANATION = (
    "Sheets Pipeline keeps here what stood in cells of {title!r} just before it last wrote to them, so that nothing is lost that "
    "somebody typed in that moment. Nobody needs to look here; where this tab is deleted, it is made anew."
)


class FoundEdit(NamedTuple):
    """A cell that holds something else than the tab was known to hold there."""

    key: str
    column: str
    typed: Cell
    stood: Cell


class Copy(NamedTuple):
    """A row as it stood: its key, and its editable cells by column name."""

    key: str
    cells: dict[str, Cell]


def copied_names(tab: Tab) -> list[str]:
    """The columns of a copy, in their order: the key, then what people may edit."""
    return [*tab.key, *tab.edited]


def copies_title(sheet_id: int) -> str:
    """The title of the hidden tab that belongs to a tab."""
    return f"Sheets Pipeline copies {sheet_id}"


def creation_requests(tab: Tab, sheet_id: int, copies_id: int, rows: int) -> Iterator[dict[str, Any]]:
    """Make the hidden tab of the tab with this ``sheet_id``."""
    grid = {"rowCount": rows, "columnCount": len(copied_names(tab))}
    properties = {"sheetId": copies_id, "title": copies_title(sheet_id), "hidden": True, "gridProperties": grid}
    yield {"addSheet": {"properties": properties}}
    text = {"userEnteredValue": {"stringValue": _EXPLANATION.format(title=tab.title)}}
    start = {"sheetId": copies_id, "rowIndex": 0, "columnIndex": 0}
    yield {"updateCells": {"start": start, "fields": "userEnteredValue", "rows": [{"values": [text]}]}}
    yield new_mark(COPIES_METADATA_KEY, str(sheet_id), {"sheetId": copies_id})


def copy_requests(sheet_id: int, copies_id: int, places: Sequence[int], rows: Sequence[int]) -> Iterator[bytes]:
    """Copy the values of these columns (0-based, in the order of a copy) of these rows to the hidden tab, row below row."""
    to_row = FIRST_ROW
    for first, end in row_runs(rows):
        for i, place, length in _column_runs(places):
            source = _block(sheet_id, first, end, place, length)
            target = _block(copies_id, to_row, to_row + end - first, i, length)
            # Values: a formula counts by what it shows, and would refer to other cells there.
            yield dump({"copyPaste": {"source": source, "destination": target, "pasteType": "PASTE_VALUES"}})
        to_row += end - first


def _column_runs(places: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """Columns that are neighbours both in a copy and in the tab: first in the copy, first in the tab, how many."""
    breaks = [i for i, (one, next_one) in enumerate(pairwise(places), start=1) if next_one != one + 1]
    for start, end in pairwise([0, *breaks, len(places)]):
        yield start, places[start], end - start


def _block(sheet_id: int, first_row: int, end_row: int, column: int, width: int) -> dict[str, int]:
    return {
        "sheetId": sheet_id,
        "startRowIndex": first_row,
        "endRowIndex": end_row,
        "startColumnIndex": column,
        "endColumnIndex": column + width,
    }


def copies_range(title: str, width: int, count: int) -> str:
    """Where so many copies stand, for people and the API: ``'Sheets Pipeline copies 7'!A2:C9``."""
    quoted = "'" + title.replace("'", "''") + "'"
    return f"{quoted}!A{FIRST_ROW + 1}:{column_letters(width - 1)}{FIRST_ROW + count}"


def read_copies(tab: Tab, block: Sequence[Sequence[Cell]]) -> list[Copy]:
    """The copies in a block of the hidden tab, row by row; a key is blank where none stood in the row."""
    width = len(tab.key)
    keys = row_keys([[row[i] for row in block] for i in range(width)])
    names = list(tab.edited)
    return [Copy(key, dict(zip(names, row[width:], strict=True))) for key, row in zip(keys, block, strict=True)]


def found_edits(copies: Iterable[Copy], stood: Mapping[str, Mapping[str, Cell] | None]) -> list[FoundEdit]:
    """Cells that are not as the tab was known to hold them; what is not known for sure is no edit."""
    return [
        FoundEdit(copy.key, name, cell, row[name])
        for copy in copies
        if (row := stood.get(copy.key)) is not None
        for name, cell in copy.cells.items()
        if name in row and not same_cell(cell, row[name])
    ]


def real_columns(names: Iterable[str], planned: Mapping[str, int], now: Mapping[str, int]) -> dict[str, str]:
    """The columns that stood at the places of others, where people moved some between our read and our write.

    Args:
        names: Columns of ours that people may edit.
        planned: Where they were read to be, and where they were copied and written.
        now: Where they are.

    Returns:
        The column by whose place a cell was copied and written → the one whose cell it was; places of others are left out.
    """
    edited = {now[name]: name for name in names}
    return {name: edited[planned[name]] for name in edited.values() if planned[name] in edited}


def putting_back(
    sheet_id: int, copies_id: int, position: int, place: int, rows: Iterable[tuple[int, int]]
) -> Iterator[bytes]:
    """Put copied values back into a column that is not ours: (row in the tab, place among the copies), all 0-based."""
    for row, number in rows:
        source = _block(copies_id, FIRST_ROW + number, FIRST_ROW + number + 1, position, 1)
        target = _block(sheet_id, row, row + 1, place, 1)
        yield dump({"copyPaste": {"source": source, "destination": target, "pasteType": "PASTE_VALUES"}})


def copied_rows(batch: Batch) -> dict[int, str | None]:
    """Rows (0-based) that a batch copies before it writes, in the order of the copies → the key that each is meant to have.

    None for a row that it does not write: one between two others is copied along where that takes fewer requests.
    """
    rows = sorted(batch.copied)
    gaps = (range(row + 1, after) for row, after in pairwise(rows) if after - row - 1 <= _MOST_BETWEEN)
    own = set(rows)
    return {
        row: batch.expected_keys[row] if row in own else None for row in sorted([*rows, *chain.from_iterable(gaps)])
    }


def growth_requests(copies_id: int, rows: int, columns: int) -> Iterator[dict[str, Any]]:
    """More rows and columns for the hidden tab; none where a number is not above 0."""
    for dimension, length in (("ROWS", rows), ("COLUMNS", columns)):
        if length > 0:
            yield {"appendDimension": {"sheetId": copies_id, "dimension": dimension, "length": length}}
