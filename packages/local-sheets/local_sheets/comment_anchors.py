"""Where on the grid a comment of Drive belongs: its anchor, which follows rows and columns.

The anchor is a text of the form that Google's own page writes, with the range as people see it where Google has a number:
``{"type": "workbook-range", "uid": SHEET_ID, "range": "B2:C3"}``. Anchors of any other form are left as they came.
"""

from typing import Any

import orjson

from local_sheets.a1 import RangeError, format_range, parse_range
from local_sheets.formulas.shift import Deleted, Inserted, Moved
from local_sheets.model.transaction import Transaction

#: First row and last row, first column and last column; the ends are not included.
Place = tuple[int, int, int, int]


def write_anchor(sheet_id: int, place: Place) -> str:
    """The anchor of a rectangle."""
    row0, row1, col0, col1 = place
    text = format_range("x", row0, row1, col0, col1).rpartition("!")[2]
    return orjson.dumps({"type": "workbook-range", "uid": sheet_id, "range": text}).decode()


def read_anchor(anchor: Any) -> tuple[int, Place] | None:
    """Tab and rectangle of an anchor, None where it names none."""
    try:
        found = orjson.loads(anchor)
        area = parse_range(str(found["range"]), set(), {})
        sheet_id = int(found["uid"])
    except (orjson.JSONDecodeError, RangeError, KeyError, TypeError, ValueError):
        return None
    if area.row0 is None or area.row1 is None or area.col0 is None or area.col1 is None:
        return None
    return sheet_id, (area.row0, area.row1, area.col0, area.col1)


def shift_anchors(tx: Transaction, sheet_id: int, shift: Inserted | Deleted | Moved) -> None:
    """Let the comments of a tab follow; one whose cells are gone has no place any more."""
    comments = tx.spreadsheet.file.get("comments")
    if not comments:
        return
    fresh = [_shifted(comment, sheet_id, shift) for comment in comments]
    if any(one is not other for one, other in zip(fresh, comments, strict=True)):
        tx.spreadsheet.file = {**tx.spreadsheet.file, "comments": fresh}


def _shifted(comment: dict[str, Any], sheet_id: int, shift: Inserted | Deleted | Moved) -> dict[str, Any]:
    found = read_anchor(comment.get("anchor"))
    if found is None or found[0] != sheet_id:
        return comment
    row0, row1, col0, col1 = found[1]
    span = shift.moved((row0, row1) if shift.is_rows else (col0, col1))
    if span is None:
        return {name: value for name, value in comment.items() if name != "anchor"}
    place = (*span, col0, col1) if shift.is_rows else (row0, row1, *span)
    return {**comment, "anchor": write_anchor(sheet_id, place)}
