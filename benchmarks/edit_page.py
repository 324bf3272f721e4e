"""People at the page of Local Sheets: they find a row by its key, type, paste, sort and insert rows, and see cells.

What they do goes to the page's own addresses, as its scripts send it, and costs nothing of anybody's quota.
"""

import threading
import time
import urllib.error
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from local_sheets.a1 import column_letters
from local_sheets.testing import LocalSheetsServer

#: Cells of one answer of the page.
_BLOCK = 90_000


@dataclass(slots=True)
class Place:
    """A tab as a person sees it: its columns and rows, counted from 0."""

    sheet_id: int
    columns: dict[str, int]
    rows: dict[str, int]
    #: Rows and columns of the grid.
    size: tuple[int, int] = (0, 0)


@dataclass
class Page:
    """One spreadsheet's page. Rows do not move while somebody types; who sorts or inserts waits for them."""

    sheets: LocalSheetsServer
    spreadsheet_id: str
    places: dict[str, Place] = field(default_factory=dict)
    _free: threading.Condition = field(default_factory=threading.Condition)
    _typing: int = 0

    def __post_init__(self) -> None:
        self.script = self.sheets.script(self.spreadsheet_id)

    # What they see ---------------------------------------------------------------------------------------------------

    def tabs(self) -> dict[str, dict[str, Any]]:
        """Title → what the page says of the tab."""
        return {tab["title"]: tab for tab in self._ask("")["tabs"]}

    def look(self, title: str) -> Place:
        """Find columns and rows of a tab anew, by its first row and its first column."""
        tab = self.tabs()[title]
        height, width = tab["rowCount"], tab["columnCount"]
        header = self.cells(title, range(1), range(width), tab)
        keys = self.cells(title, range(1, height), range(1), tab)
        columns = {str(name): at[1] for at, name in header.items()}
        rows = {_key(key): at[0] for at, key in keys.items()}
        self.places[title] = Place(tab["sheetId"], columns, rows, (height, width))
        return self.places[title]

    def cells(
        self, title: str, rows: range, columns: range, tab: dict[str, Any] | None = None
    ) -> dict[tuple[int, int], Any]:
        """The filled cells of a block: (row, column) → value."""
        sheet_id = self.places[title].sheet_id if tab is None else tab["sheetId"]
        step, found = max(1, _BLOCK // max(1, len(columns))), {}
        for first in range(rows.start, rows.stop, step):
            last = min(rows.stop, first + step)
            path = f"/tabs/{sheet_id}/cells?rows={first}-{last}&columns={columns.start}-{columns.stop}"
            for row, column, text, kind, _, *more in self._ask(path)["cells"]:
                if kind != "empty":
                    found[first + row, columns.start + column] = _value(text, kind, more)
        return found

    def colours(self, title: str, column: int) -> dict[int, str]:
        """Row → background of a column's cells, where there is one."""
        place = self.places[title]
        path = f"/tabs/{place.sheet_id}/cells?rows=0-{place.size[0]}&columns={column}-{column + 1}"
        block = self._ask(path)
        backgrounds = [one.get("background") for one in block["formats"]]
        return {row: str(backgrounds[at]) for row, _, _, _, at, *_ in block["cells"] if backgrounds[at]}

    def shown(self, title: str, key: str, column: str) -> Any:
        """What one cell shows; None for blank."""
        place = self.places[title]
        row, at = place.rows[key], place.columns[column]
        return self.cells(title, range(row, row + 1), range(at, at + 1)).get((row, at))

    def column(self, title: str, name: str) -> dict[str, Any]:
        """All of a column by key, as it stands now."""
        place = self.look(title)
        at = place.columns[name]
        cells = self.cells(title, range(1, place.size[0]), range(at, at + 1))
        return {key: cells.get((row, at)) for key, row in place.rows.items()}

    # What they do ----------------------------------------------------------------------------------------------------

    def type(self, title: str, key: str, column: str, text: str, user: str = "ann@example.org") -> tuple[float, float]:
        """Type into a cell; when they pressed Enter, and when the page had answered."""
        with self._rows_stay():
            place = self.places[title]
            row, at = place.rows[key], place.columns[column]
            return self._edit(place, row, at, [[text]], is_typed=True, user=user)

    def paste(self, title: str, row: int, column: int, values: list[list[Any]], **edited: Any) -> tuple[float, float]:
        """Paste a block with its upper left cell there."""
        return self._edit(self.places[title], row, column, values, is_typed=False, title=title, **edited)

    def _edit(
        self,
        place: Place,
        row: int,
        column: int,
        values: list[list[Any]],
        *,
        is_typed: bool,
        title: str | None = None,
        user: str = "ann@example.org",
    ) -> tuple[float, float]:
        title = title or next(name for name, one in self.places.items() if one is place)
        height, width = len(values), len(values[0])
        first, last = f"{column_letters(column)}{row + 1}", f"{column_letters(column + width - 1)}{row + height}"
        area = {
            "startRowIndex": row, "endRowIndex": row + height,
            "startColumnIndex": column, "endColumnIndex": column + width,
        }  # fmt: skip
        request = {"valuesUpdate": {"range": f"'{title}'!{first}:{last}", "values": values}}
        began = time.time()
        self._send(request, sheetId=place.sheet_id, ranges=[area], isTyped=is_typed, user=user)
        return began, time.time()

    def _send(self, request: dict[str, Any], change_type: str = "EDIT", **edited: Any) -> None:
        try:
            self.script.edit(request, None, change_type, **edited)
        except urllib.error.HTTPError as error:
            if error.code != 403:
                raise
            self.script._headers.clear()  # the server was started anew: load the page again
            self.script.edit(request, None, change_type, **edited)

    @contextmanager
    def _rows_stay(self) -> Iterator[None]:
        with self._free:
            self._typing += 1
        try:
            yield
        finally:
            with self._free:
                self._typing -= 1
                self._free.notify_all()

    @contextmanager
    def _rows_move(self) -> Iterator[None]:
        with self._free:
            self._free.wait_for(lambda: not self._typing)
            yield

    def sort(self, title: str, column: str, *, descending: bool = False) -> None:
        """Sort all rows below the header, people's own columns with them."""
        with self._rows_move():
            place = self.look(title)
            last = max(place.rows.values(), default=0) + 1
            area = {
                "sheetId": place.sheet_id, "startRowIndex": 1, "endRowIndex": last,
                "startColumnIndex": 0, "endColumnIndex": place.size[1],
            }  # fmt: skip
            order = "DESCENDING" if descending else "ASCENDING"
            sort = {"range": area, "sortSpecs": [{"dimensionIndex": place.columns[column], "sortOrder": order}]}
            self._send({"batchUpdate": {"requests": [{"sortRange": sort}]}}, "OTHER", sheetId=place.sheet_id)
            self.look(title)

    def insert_row(self, title: str, above: int) -> None:
        """Put an empty row in."""
        with self._rows_move():
            place = self.places[title]
            area = {"sheetId": place.sheet_id, "dimension": "ROWS", "startIndex": above, "endIndex": above + 1}
            request = {"insertDimension": {"range": area, "inheritFromBefore": True}}
            self._send({"batchUpdate": {"requests": [request]}}, "INSERT_ROW", sheetId=place.sheet_id)
            self.look(title)

    def _ask(self, path: str) -> Any:
        address = f"/page/api/spreadsheets/{self.spreadsheet_id}{path}"
        try:
            return self.sheets.call("GET", address, None, self.script._session())
        except urllib.error.HTTPError as error:
            if error.code != 403:
                raise
            self.script._headers.clear()  # the server was started anew: load the page again
            return self.sheets.call("GET", address, None, self.script._session())


def _value(text: str, kind: str, more: list[dict[str, Any]]) -> Any:
    if kind == "boolean":
        return text == "TRUE"
    if kind == "number":
        return more[0]["value"] if more and "value" in more[0] else float(text.replace(",", ""))
    return text


def _key(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) else str(value)
