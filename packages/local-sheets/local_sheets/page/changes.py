"""What a transaction means to those who look at its spreadsheet: which cells to fetch again, or that its shape changed."""

from typing import Any

from local_sheets.formulas.shift import Change as Shift
from local_sheets.formulas.shift import Deleted, Inserted
from local_sheets.model.tab import Rect
from local_sheets.model.transaction import Transaction

#: Rectangles told one by one; more of them in one tab are told as the rectangle around them all.
MOST_RECTANGLES = 20
#: Beyond so many rows or columns that come, go or move one by one, pages are not told where each of them went.
MOST_MOVES = 1000


def changes_of(tx: Transaction) -> list[dict[str, Any]]:
    """Changes as the browser takes them.

    ``{"kind": "moved", "sheetId", "isRows", "how", "start", "end"}`` says that rows or columns from ``start`` to before
    ``end`` were ``inserted``, ``deleted`` or (before ``to``, counted before the move) ``moved``.
    ``{"kind": "comments"}`` says that there are other comments; ``{"kind": "shape"}`` says that tabs, sizes or positions changed; ``{"kind": "cells", "sheetId", "rect"}`` that
    cells were written, ``rect`` with its last row and column included.
    """
    found = [_moved(sheet_id, shift) for sheet_id, shift in tx.shifts[:MOST_MOVES]]
    areas: dict[int, list[Rect]] = {}
    for change in tx.changes:
        if change.area is not None:
            areas.setdefault(change.sheet_id, []).append(change.area)
    if tx.before.file.get("comments") is not tx.spreadsheet.file.get("comments"):
        found.append({"kind": "comments"})
    if not (tx.changes or found) or any(change.area is None for change in tx.changes) or _tabs_differ(tx):
        found.append({"kind": "shape"})
    for sheet_id, rects in areas.items():
        told = rects if len(rects) <= MOST_RECTANGLES else [_around(rects)]
        found += [{"kind": "cells", "sheetId": sheet_id, "rect": _rectangle(rect)} for rect in told if rect.cells]
    return found


def _moved(sheet_id: int, shift: Shift) -> dict[str, Any]:
    told = {"kind": "moved", "sheetId": sheet_id, "isRows": shift.is_rows}
    match shift:
        case Inserted(at=at, count=count):
            return {**told, "how": "inserted", "start": at, "end": at + count}
        case Deleted(start=start, end=end):
            return {**told, "how": "deleted", "start": start, "end": end}
    return {**told, "how": "moved", "start": shift.start, "end": shift.end, "to": shift.to}


def _tabs_differ(tx: Transaction) -> bool:
    """Tabs came or went, or one has another size, or other merged cells."""
    tabs = tx.spreadsheet.tabs
    if len(tabs) != len(tx.before.tabs) or any(a is not b for a, b in zip(tabs, tx.before.tabs, strict=True)):
        return True
    return any(
        tab.sheet.get(name) != before.sheet.get(name)
        for tab, before in tx.tabs_before.values()
        for name in ("properties", "merges")
    )


def _around(rects: list[Rect]) -> Rect:
    return Rect(
        rects[0].tab,
        min(rect.row0 for rect in rects),
        max(rect.row1 for rect in rects),
        min(rect.col0 for rect in rects),
        max(rect.col1 for rect in rects),
    )


def _rectangle(rect: Rect) -> dict[str, int]:
    return {"top": rect.row0, "left": rect.col0, "bottom": rect.row1 - 1, "right": rect.col1 - 1}
