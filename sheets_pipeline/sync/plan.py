"""The plan: a change set as write requests, with its cost known before anything is sent.

Each ``Batch`` is one write request. Google applies a batch whole or not at all, and all cells of one row are in one
batch, so whatever stops between two batches leaves whole rows. Deletes come last, in a batch of their own: the answer
to the batch before tells whether the rows still stand where we read them.

Source for atomicity: https://developers.google.com/workspace/sheets/api/guides/batchupdate
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, NamedTuple

from sheets_pipeline.sync.batches import (
    BYTES_OF_A_COPY,
    MAX_PAYLOAD_BYTES,
    Batch,
    Piece,
    cell_json,
    dump,
    fill_batches,
    rows_json,
)
from sheets_pipeline.sync.cells import Cell
from sheets_pipeline.sync.columns import column_changes, header_requests, number_format_requests
from sheets_pipeline.sync.diff import CellUpdate, ChangeSet, RowDelete
from sheets_pipeline.sync.headers import Columns
from sheets_pipeline.sync.inserts import AT_THE_END, Place, insert_pieces
from sheets_pipeline.sync.rows import Rows
from sheets_pipeline.sync.snapshot import TabSnapshot, row_runs
from sheets_pipeline.sync.tab import Tab
from sheets_pipeline.sync.tab_order import position_requests

_ROWS_OF_A_NEW_TAB = 1000

#: Columns left free for people beside ours in a tab that we create.
SPARE_COLUMNS = 6


NO_CHANGES = Columns()


@dataclass(slots=True)
class Plan:
    """Batches of inserts and updates, then one of deletes."""

    writes: list[Batch] = field(default_factory=list)
    deletes: Batch | None = None
    #: Rows (0-based; first, and past the last) that leave with the deletes because nothing stands in them.
    bare_rows: tuple[int, int] | None = None
    #: Cells by which the grid grows, filled or not, as Google counts them against its limit; negative where it shrinks.
    grid_cells: int = 0
    #: Rows of the grid once the writes are applied.
    row_count: int = 0

    @property
    def batches(self) -> list[Batch]:
        """All write requests, in the order in which they are sent."""
        return [*self.writes, self.deletes] if self.deletes else self.writes

    @property
    def cells(self) -> int:
        """Cells sent."""
        return sum(batch.cells for batch in self.batches)


def plan_changes(
    tab: Tab,
    sheet_id: int,
    snapshot: TabSnapshot,
    layout: dict[str, int],
    wanted: Rows,
    changes: ChangeSet,
    max_bytes: int = MAX_PAYLOAD_BYTES,
    columns: Columns = NO_CHANGES,
    bare_from: int | None = None,
    place: Place = AT_THE_END,
    copied: Collection[int] = (),
) -> Plan:
    """Turn a change set into write requests of at most about ``max_bytes`` each.

    What ``columns`` says is to be done to columns comes first. From the row
    ``bare_from`` (0-based) on nothing stands in the grid, and its rows leave. New rows go to ``place``, which is below
    all rows that are addressed by number. Rows in which a column of ``copied`` is written over, or which are deleted, are copied
    first.
    """
    width = snapshot.column_count + len(columns.added)
    needed = snapshot.last_row + len(changes.inserts)
    rows = rows_to_have(needed) if changes.inserts and needed > snapshot.row_count else snapshot.row_count
    if place.row is not None:  # new rows bring their own room
        rows = snapshot.row_count
    growth = [
        *column_changes(tab, sheet_id, layout, columns, wanted, snapshot.column_count),
        *_growth_requests(tab, sheet_id, layout, snapshot.row_count, rows - snapshot.row_count),
    ]
    if place.row is not None:
        rows += len(changes.inserts)
    inserts = insert_pieces(sheet_id, layout, wanted, changes.inserts, place, max_bytes)
    pieces = [*_update_pieces(sheet_id, changes, max_bytes, copied), *inserts]
    bare_rows = 0 if bare_from is None else snapshot.row_count - bare_from
    written = len(columns.added) + len(columns.retitled)
    first = Batch([dump(part) for part in growth], cells=written, leading=len(growth))
    return Plan(
        fill_batches(pieces, max_bytes, first),
        _delete_batch(sheet_id, changes.deletes, rows, bare_rows, are_copied=bool(copied)),
        (rows - bare_rows, rows) if bare_rows else None,
        grid_cells=(rows - bare_rows) * width - snapshot.row_count * snapshot.column_count,
        row_count=rows - bare_rows - len(changes.deletes),
    )


def plan_creation(
    tab: Tab,
    sheet_id: int,
    wanted: Rows,
    *,
    grid: tuple[int, int] | None = None,
    index: int | None = None,
    max_bytes: int = MAX_PAYLOAD_BYTES,
) -> Plan:
    """Create a tab that is not there, or fill one that is empty: header, frozen row, column types and all rows.

    ``grid`` is the size (rows, columns) of the empty tab, None where there is no tab yet; ``index`` is where a new tab
    goes among the others.
    """
    width, spare = len(tab.columns), rows_to_have(len(wanted) + 1) - len(wanted) - 1
    rows, columns = (1 + spare, width + SPARE_COLUMNS) if grid is None else (grid[0] + 1, grid[1])
    if columns < width:
        columns = width + SPARE_COLUMNS
    requests = [*header_requests(tab, sheet_id, wanted), *position_requests(sheet_id, tab.position)]
    if grid is None:
        requests = [*_new_tab(tab, sheet_id, columns, index), *requests, _spare_rows(sheet_id, spare)]
    else:
        requests = [*_row_above(sheet_id, columns - grid[1]), *requests]
    creation = Batch([dump(request) for request in requests], cells=width)
    layout = {column.name: i for i, column in enumerate(tab.columns)}
    place = Place(1, looks_like_below=True)  # as the rows below, which have our number formats
    inserts = insert_pieces(sheet_id, layout, wanted, list(range(len(wanted))), place, max_bytes)
    rows += len(wanted)
    before = 0 if grid is None else grid[0] * grid[1]
    return Plan(fill_batches(inserts, max_bytes, creation), grid_cells=rows * columns - before, row_count=rows)


# Updates -------------------------------------------------------------------------------------------------------------


class _Run(NamedTuple):
    """Neighbouring cells of one row."""

    row: int
    column: int
    cells: tuple[Cell, ...]


def _update_pieces(
    sheet_id: int, changes: ChangeSet, max_bytes: int, copied_columns: Collection[int]
) -> Iterator[Piece]:
    key_at = {row: key for key, row in changes.updated_keys.items()}
    for rows in _row_chunks(changes.updates, max_bytes, copied_columns):
        requests = [_update_request(sheet_id, block) for block in _blocks(_runs(rows))]
        touched = dict.fromkeys(update.row for update in rows)
        keys = {row: key_at[row] for row in touched}
        # One piece, so that no row is cut between two batches.
        copied = dict.fromkeys(update.row for update in rows if update.column in copied_columns)
        yield Piece(b",".join(requests), len(rows), list(keys.values()), keys, tuple(copied))


def _row_chunks(
    updates: list[CellUpdate], max_bytes: int, copied_columns: Collection[int]
) -> Iterator[list[CellUpdate]]:
    """Updates in row order, cut between rows, each part well below ``max_bytes``."""
    chunk: list[CellUpdate] = []
    size = 0
    for _, group in groupby(updates, key=lambda update: update.row):
        row = list(group)
        row_size = sum(180 + len(cell_json(update.new)) for update in row)
        row_size += any(update.column in copied_columns for update in row) * BYTES_OF_A_COPY
        if chunk and size + row_size > max_bytes // 2:
            yield chunk
            chunk, size = [], 0
        chunk += row
        size += row_size
    if chunk:
        yield chunk


def _runs(updates: list[CellUpdate]) -> Iterator[_Run]:
    start = 0
    for i in range(1, len(updates) + 1):
        if i < len(updates) and updates[i][:2] == (updates[i - 1].row, updates[i - 1].column + 1):
            continue
        yield _Run(updates[start].row, updates[start].column, tuple(update.new for update in updates[start:i]))
        start = i


def _blocks(runs: Iterable[_Run]) -> list[list[_Run]]:
    """Stack runs of the same columns in consecutive rows into one rectangle."""
    blocks: list[list[_Run]] = []
    open_blocks: dict[tuple[int, int], list[_Run]] = {}
    for run in runs:
        columns = (run.column, len(run.cells))
        block = open_blocks.get(columns)
        if block is not None and block[-1].row == run.row - 1:
            block.append(run)
        else:
            open_blocks[columns] = [run]
            blocks.append(open_blocks[columns])
    return blocks


def _update_request(sheet_id: int, block: list[_Run]) -> bytes:
    return b'{"updateCells":{"start":%b,"fields":"userEnteredValue","rows":[%b]}}' % (
        dump({"sheetId": sheet_id, "rowIndex": block[0].row, "columnIndex": block[0].column}),
        rows_json(run.cells for run in block),
    )


# Deletes ---------------------------------------------------------------------------------------------------------------


def _delete_batch(
    sheet_id: int, deletes: list[RowDelete], row_count: int, bare_rows: int, *, are_copied: bool
) -> Batch | None:
    if not deletes and not bare_rows:
        return None
    requests = []
    if bare_rows:  # first, because deleting others moves them
        bare = {"sheetId": sheet_id, "dimension": "ROWS", "startIndex": row_count - bare_rows, "endIndex": row_count}
        requests.append(dump({"deleteDimension": {"range": bare}}))
    if len(deletes) >= row_count - bare_rows - 1:  # Google refuses to delete all rows that are not frozen
        requests.append(dump({"appendDimension": {"sheetId": sheet_id, "dimension": "ROWS", "length": 1}}))
    for start, end in reversed(row_runs(sorted(delete.row for delete in deletes))):
        span = {"sheetId": sheet_id, "dimension": "ROWS", "startIndex": start, "endIndex": end}
        requests.append(dump({"deleteDimension": {"range": span}}))
    expected = {delete.row: delete.key for delete in deletes}
    copied = list(expected) if are_copied else []
    return Batch(requests, keys=list(expected.values()), expected_keys=expected, copied=copied)


# The grid ------------------------------------------------------------------------------------------------------------


def rows_to_have(rows: int) -> int:
    """Rows of a grid that must hold ``rows``: a tenth more, at least 100, so that most syncs need not grow it."""
    return rows + max(100, rows // 10)


def rows_to_keep(rows: int, row_count: int) -> int:
    """Rows of a grid of ``row_count`` of which only ``rows`` hold anything: all of them, unless most are empty.

    What stays is at least the 1,000 rows that a new tab of Google's has.
    """
    keep = max(_ROWS_OF_A_NEW_TAB, rows_to_have(rows))
    return keep if row_count > 2 * keep else row_count


def _growth_requests(
    tab: Tab, sheet_id: int, layout: dict[str, int], row_count: int, length: int
) -> Iterator[dict[str, Any]]:
    """``length`` more rows, with our number formats; rows that exist keep theirs."""
    if not length:
        return
    yield {"appendDimension": {"sheetId": sheet_id, "dimension": "ROWS", "length": length}}
    for name, index in layout.items():
        yield from number_format_requests(sheet_id, index, tab.column(name).type, row_count)


# A new tab -----------------------------------------------------------------------------------------------------------


def _new_tab(tab: Tab, sheet_id: int, columns: int, index: int | None) -> Iterator[dict[str, Any]]:
    """A tab with room for the header and one row."""
    grid = {"rowCount": 2, "columnCount": columns, "frozenRowCount": 1}
    properties: dict[str, Any] = {"sheetId": sheet_id, "title": tab.title, "gridProperties": grid}
    if index is not None:
        properties["index"] = index
    yield {"addSheet": {"properties": properties}}


def _spare_rows(sheet_id: int, spare: int) -> dict[str, Any]:
    """``spare`` rows below the header that look like the first of them."""
    span = {"sheetId": sheet_id, "dimension": "ROWS", "startIndex": 1, "endIndex": spare}
    return {"insertDimension": {"range": span, "inheritFromBefore": False}}


def _row_above(sheet_id: int, more_columns: int) -> Iterator[dict[str, Any]]:
    """A row for the header above all rows: whatever somebody has typed there since we looked moves down."""
    span = {"sheetId": sheet_id, "dimension": "ROWS", "startIndex": 0, "endIndex": 1}
    yield {"insertDimension": {"range": span, "inheritFromBefore": False}}
    if more_columns:
        yield {"appendDimension": {"sheetId": sheet_id, "dimension": "COLUMNS", "length": more_columns}}
    properties = {"sheetId": sheet_id, "gridProperties": {"frozenRowCount": 1}}
    yield {"updateSheetProperties": {"properties": properties, "fields": "gridProperties.frozenRowCount"}}
