"""mergeCells and unmergeCells."""

from typing import Any

from local_sheets.api_error import invalid
from local_sheets.model.cell import AnyCell, entered, with_value
from local_sheets.model.tab import Rect, Tab
from local_sheets.model.transaction import Transaction
from local_sheets.references import grid_rect

Message = dict[str, Any]

_PARTLY = "You must select all cells in a merged range to merge or unmerge them."


def merge_cells(tx: Transaction, request: Message) -> None:
    """mergeCells: of the cells that become one, the first value stays."""
    area = grid_rect(tx.spreadsheet, request.get("range"))
    kind = request.get("mergeType", "MERGE_ALL")
    tx.touch(area.tab)
    _take_out(area)
    parts = [part for part in _parts(area, kind) if part.cells > 1]
    for part in parts:
        area.tab.sheet.setdefault("merges", []).append({"sheetId": area.tab.sheet_id, **part.grid_range()})
        _keep_first(tx, part)
    tx.note(area, "merges")


def _parts(area: Rect, kind: str) -> list[Rect]:
    tab = area.tab
    if kind == "MERGE_COLUMNS":
        return [Rect(tab, area.row0, area.row1, col, col + 1) for col in range(area.col0, area.col1)]
    if kind == "MERGE_ROWS":
        return [Rect(tab, row, row + 1, area.col0, area.col1) for row in range(area.row0, area.row1)]
    return [area]


def _keep_first(tx: Transaction, area: Rect) -> None:
    rows: list[list[AnyCell]] = []
    first = True
    for down, cells in enumerate(area.tab.read(area)):
        fresh: list[AnyCell] = []
        for right, cell in enumerate(cells):
            fresh.append(cell if first and not (down or right) else with_value(cell, None))
        rows.append(fresh)
    if any(entered(cell) is not None for cells in area.tab.read(area) for cell in cells):
        area.tab.put_block(tx, area.row0, area.col0, rows)


def merges_of(tab: Tab) -> list[tuple[Rect, Message]]:
    """The merged ranges of a tab with the message of each."""
    return [
        (tab.rect(m["startRowIndex"], m["endRowIndex"], m["startColumnIndex"], m["endColumnIndex"]), m)
        for m in tab.sheet.get("merges", [])
    ]


def _take_out(area: Rect) -> None:
    """Take merged ranges out of an area.

    Raises:
        ApiError: One lies across the area's edge.
    """
    kept = []
    for rect, message in merges_of(area.tab):
        if not area.meets(rect):
            kept.append(message)
        elif not area.holds(rect):
            raise invalid(_PARTLY)
    area.tab.sheet.pop("merges", None)
    if kept:
        area.tab.sheet["merges"] = kept


def unmerge_cells(tx: Transaction, request: Message) -> None:
    """unmergeCells"""
    area = grid_rect(tx.spreadsheet, request.get("range"))
    tx.touch(area.tab)
    _take_out(area)
    tx.note(area, "merges")
