"""An edit that a person makes on the page: which API request it is, and what the announcement says of it.

The announcement's values are taken at the moment of the commit, from the transaction itself: the old value is the one
that this edit replaced, whatever else is written at the same time.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from local_sheets.apps_script.scripts import Occurrence
from local_sheets.cell_values.model import CellError, Value
from local_sheets.model.cell import AnyCell, effective
from local_sheets.model.rows import RowSequence
from local_sheets.model.tab import Rect, Tab
from local_sheets.model.transaction import Transaction

#: Kinds of edits, as ``onChange`` events of Apps Script name them, see
#: https://developers.google.com/apps-script/guides/triggers/events#change
CHANGE_TYPES = frozenset(
    {
        "EDIT",
        "FORMAT",
        "INSERT_ROW",
        "INSERT_COLUMN",
        "REMOVE_ROW",
        "REMOVE_COLUMN",
        "INSERT_GRID",
        "REMOVE_GRID",
        "OTHER",
    }
)
#: Values told with an announcement; a larger range is named without them, for the receiver to read.
MOST_VALUES = 10_000

#: Whom an edit on the page is announced as made by.
LOCAL_OWNER = "owner@localhost"


@dataclass(slots=True)
class PersonEdit:
    """One edit on its way. ``messages`` are set at the commit: one for each range, one in all where it has none."""

    client: str
    change_type: str
    sheet_id: int | None = None
    #: ``GridRange`` messages with all four sides; ``sheetId`` where it is another tab's.
    grid_ranges: Sequence[Mapping[str, int]] = ()
    user: str = LOCAL_OWNER
    messages: list[dict[str, Any]] = field(default_factory=list)
    #: A single cell was typed into or cleared; false for what was pasted, filled or dragged there.
    is_typed: bool = False
    #: What the spreadsheet's script is told, set at the commit, too.
    occurrences: list[Occurrence] = field(default_factory=list)


_current: ContextVar[PersonEdit | None] = ContextVar("current_edit", default=None)


@contextmanager
def making(edit: PersonEdit) -> Iterator[None]:
    """Within this block, transactions of the same task belong to the edit."""
    token = _current.set(edit)
    try:
        yield
    finally:
        _current.reset(token)


def edit_under_way() -> PersonEdit | None:
    """The edit that the current task is carrying out; None for requests of API clients."""
    return _current.get()


def api_request(spreadsheet_id: str, request: Mapping[str, Any]) -> tuple[str, str, dict[str, Any]]:
    """Method, path and body of the API request that carries out an edit.

    Args:
        spreadsheet_id: The spreadsheet.
        request: One of ``{"batchUpdate": {"requests": [...]}}``, ``{"valuesUpdate": {"range", "values"}}`` and
            ``{"valuesClear": {"range"}}``.

    Raises:
        ValueError: It is none of these.
    """
    base = f"/v4/spreadsheets/{quote(spreadsheet_id, safe='')}"
    match dict(request):
        case {"batchUpdate": {"requests": list(requests)}}:
            return "POST", f"{base}:batchUpdate", {"requests": requests}
        case {"valuesUpdate": {"range": str(a1_range), "values": list(values)}}:
            path = f"{base}/values/{quote(a1_range, safe='')}?valueInputOption=USER_ENTERED"
            return "PUT", path, {"range": a1_range, "values": values}
        case {"valuesClear": {"range": str(a1_range)}}:
            return "POST", f"{base}/values/{quote(a1_range, safe='')}:clear", {}
    raise ValueError(f"Unknown edit {sorted(request)}: expected batchUpdate, valuesUpdate or valuesClear.")


def describe(tx: Transaction, edit: PersonEdit) -> list[dict[str, Any]]:
    """The announcements of a committed edit; called at the commit."""
    if not edit.grid_ranges:
        return [_describe(tx, edit, None)]
    return [_describe(tx, edit, grid_range) for grid_range in edit.grid_ranges]


def _describe(tx: Transaction, edit: PersonEdit, grid_range: Mapping[str, int] | None) -> dict[str, Any]:
    sheet_id = edit.sheet_id if grid_range is None else grid_range.get("sheetId", edit.sheet_id)
    message: dict[str, Any] = {
        "spreadsheetId": tx.spreadsheet.spreadsheet_id,
        "sheetId": sheet_id,
        "title": None,
        "range": None,
        "changeType": edit.change_type,
        "user": edit.user,
        "time": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
    tab = None if sheet_id is None else tx.spreadsheet.tab_by_id(sheet_id)
    before = next((old for old in tx.before.tabs if old.sheet_id == sheet_id), None)
    known = tab or before
    if known is None:
        return message
    message["title"] = known.title
    if grid_range is not None:
        rect = rect_of(known, grid_range)
        message["range"] = rect.a1()
        if tab is not None and not edit.change_type.startswith("REMOVE") and rect.cells <= MOST_VALUES:
            message["values"] = _values(rect)
            if rect.cells == 1:
                message["oldValue"] = _plain(cell_before(tx, rect))
    return message


def rect_of(tab: Tab, grid_range: Mapping[str, int]) -> Rect:
    """The rectangle, cut off at the grid's end."""
    return Rect(
        tab,
        grid_range["startRowIndex"],
        min(grid_range["endRowIndex"], tab.row_count),
        grid_range["startColumnIndex"],
        min(grid_range["endColumnIndex"], tab.column_count),
    )


def _values(rect: Rect) -> list[list[Any]]:
    """Values row by row without empty ones at the end, as ``values.get`` gives them unformatted."""
    rows = [[_plain(cell) for cell in cells] for cells in rect.tab.read(rect)]
    for row in rows:
        while row and row[-1] == "":
            row.pop()
    while rows and not rows[-1]:
        rows.pop()
    return rows


def cell_before(tx: Transaction, rect: Rect) -> AnyCell:
    """The first cell of a rectangle as it was before the transaction."""
    touched = tx.tabs_before.get(id(rect.tab))
    if touched is None:
        return rect.tab.cell(rect.row0, rect.col0)
    row = RowSequence(touched[1].blocks).get(rect.row0)
    return row.cells[rect.col0] if row is not None and rect.col0 < len(row.cells) else None


def _plain(cell: AnyCell) -> Any:
    value: Value | None = effective(cell)
    return "" if value is None else value.text if isinstance(value, CellError) else value
