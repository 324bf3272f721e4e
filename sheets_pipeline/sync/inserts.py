"""New rows: where they go, and requests that make each row and fill it at once.

People type, sort and insert at any moment, also between our read and our write and between two of our requests. So no
row that was there before is ever filled, however empty it looks: new rows are put in right after our last one, and what
stands below (a column of checkboxes, results of a formula, totals, notes) moves down whole.
"""

from collections.abc import Collection, Iterator
from typing import NamedTuple

from sheets_pipeline.sync.batches import Piece, cell_json, dump
from sheets_pipeline.sync.cells import Cell
from sheets_pipeline.sync.rows import Rows
from sheets_pipeline.sync.snapshot import RowIndex, TabSnapshot

#: Part of a payload that one request takes; several fill a batch without much room left over.
_PIECES_PER_BATCH = 20

#: Keyed rows at the bottom of a tab that an event sync asks about to tell ours from those that people typed there.
ROWS_ASKED_ABOUT = 50


class Place(NamedTuple):
    """Where new rows are put in: before ``row`` (0-based), looking like the row below or above.

    ``row`` None: below everything, into rows that may be there. Google refuses to put rows in where people have protected
    a column of theirs, and takes these.
    """

    row: int | None = None
    looks_like_below: bool = False


AT_THE_END = Place()


def last_keys(index: RowIndex) -> list[str]:
    """Keys of the lowest rows that have one, the lowest first."""
    return sorted(index.row_of, key=index.row_of.__getitem__, reverse=True)[:ROWS_ASKED_ABOUT]


def row_after_ours(index: RowIndex, foreign_keys: Collection[str]) -> int:
    """The row (0-based) after the last one with a key of ours; ``theirs`` are keys that people typed."""
    rows = [row for key, row in index.row_of.items() if key not in foreign_keys]
    copies = [numbers[-1] - 1 for key, numbers in index.doubled.items() if key not in foreign_keys]
    return max([0, *rows, *copies]) + 1


def place_after(row: int, snapshot: TabSnapshot, layout: dict[str, int]) -> Place:
    """Where rows go that shall continue before ``row`` (0-based), the one after our last."""
    # The row below looks as we made it, unless somebody filled it; our last row may carry somebody's colours. The
    # header is no model for rows.
    is_model = row == 1 or (snapshot.known_from <= row and not snapshot.holds(row, layout.values()))
    return Place(row, looks_like_below=row < snapshot.row_count and is_model)


def insert_pieces(
    sheet_id: int, layout: dict[str, int], wanted: Rows, inserts: list[int], place: Place, max_bytes: int
) -> Iterator[Piece]:
    """Requests for new rows, whole rows each; what stops between two of them leaves the others to the next sync."""
    if not inserts:
        return
    rows = _grid_rows(layout, wanted, inserts)
    parts = [b'{"values":[' + b",".join(map(cell_json, row)) + b"]}" for row in rows]
    start = size = 0
    for i in range(len(parts) + 1):
        if i == len(parts) or (size + len(parts[i]) > max_bytes // _PIECES_PER_BATCH and i > start):
            cells = sum(len(row) - row.count(None) for row in rows[start:i])
            keys = [wanted.keys[position] for position in inserts[start:i]]
            yield Piece(_insert_request(sheet_id, parts[start:i], place, start), cells, keys, {})
            start, size = i, 0
        if i < len(parts):
            size += len(parts[i]) + 1


def _insert_request(sheet_id: int, rows: list[bytes], place: Place, made_before: int) -> bytes:
    """Rows made and filled; ``made_before`` of them stand in front of these by then."""
    body = b",".join(rows)
    if place.row is None:
        return b'{"appendCells":{"sheetId":%d,"fields":"userEnteredValue","rows":[%b]}}' % (sheet_id, body)
    first = place.row + made_before
    span = {"sheetId": sheet_id, "dimension": "ROWS", "startIndex": first, "endIndex": first + len(rows)}
    return b'%b,{"updateCells":{"start":%b,"fields":"userEnteredValue","rows":[%b]}}' % (
        dump({"insertDimension": {"range": span, "inheritFromBefore": not place.looks_like_below}}),
        dump({"sheetId": sheet_id, "rowIndex": first, "columnIndex": 0}),
        body,
    )


def _grid_rows(layout: dict[str, int], wanted: Rows, inserts: list[int]) -> list[tuple[Cell, ...]]:
    """Rows as they will stand in the grid, from column A to our last one; columns that are not ours are None."""
    by_column: list[list[Cell]] = [[None] * len(inserts) for _ in range(max(layout.values()) + 1)]
    for name, column in layout.items():
        cells = wanted.columns[name]
        by_column[column] = [cells[i] for i in inserts]
    return list(zip(*by_column, strict=True))
