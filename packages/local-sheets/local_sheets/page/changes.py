"""What a transaction means to those who look at its spreadsheet: which cells to fetch again, or that its shape changed."""

from typing import Any

from local_sheets.model.tab import Rect
from local_sheets.model.transaction import Transaction

#: Rectangles told one by one; more of them in one tab are told as the rectangle around them all.
MOST_RECTANGLES = 20


def changes_of(tx: Transaction) -> list[dict[str, Any]]:
    """Changes as the browser takes them.

    ``{"kind": "comments"}`` says that there are other comments; ``{"kind": "shape"}`` says that tabs, sizes or positions changed; ``{"kind": "cells", "sheetId", "rect"}`` that
    cells were written, ``rect`` with its last row and column included.
    """
    found: list[dict[str, Any]] = []
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


def _tabs_differ(tx: Transaction) -> bool:
    """Tabs came or went, or one has another size."""
    tabs = tx.spreadsheet.tabs
    if len(tabs) != len(tx.before.tabs) or any(a is not b for a, b in zip(tabs, tx.before.tabs, strict=True)):
        return True
    return any(tab.properties != before.sheet["properties"] for tab, before in tx.tabs_before.values())


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
