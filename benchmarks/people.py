"""People at work beside the pipeline's rows: notes, formulas and colours, and what a sync left of them."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pandas as pd

from local_sheets.testing import LocalSheetsServer
from sheets_pipeline.sync.snapshot import column_letters

TAB = "data"
NOTE, DOUBLE = "note", "double"
MOST_ROWS = 200
_YELLOW = {"red": 1.0, "green": 0.9, "blue": 0.2}


@dataclass(frozen=True)
class Sheet:
    """One spreadsheet as people see it."""

    server: LocalSheetsServer
    spreadsheet_id: str

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """One request to the API."""
        return self.server.call(method, f"/v4/spreadsheets/{self.spreadsheet_id}{path}", body)

    def grid(self, option: str = "UNFORMATTED_VALUE") -> list[list[Any]]:
        """All cells of the tab."""
        return list(self.call("GET", f"/values/{quote(TAB)}?valueRenderOption={option}").get("values", []))

    def properties(self) -> dict[str, Any]:
        """Sheet id and size of the grid."""
        sheets = self.call("GET", "?fields=sheets.properties")["sheets"]
        return dict(next(sheet["properties"] for sheet in sheets if sheet["properties"]["title"] == TAB))

    def make_room(self, rows: int, columns: int) -> None:
        """Make the grid at least so large."""
        properties = self.properties()
        grid, sheet_id = properties["gridProperties"], properties.get("sheetId", 0)
        requests = [
            {"appendDimension": {"sheetId": sheet_id, "dimension": dimension, "length": wanted - grid[size]}}
            for dimension, size, wanted in (("ROWS", "rowCount", rows), ("COLUMNS", "columnCount", columns))
            if wanted > grid[size]
        ]
        if requests:
            self.call("POST", ":batchUpdate", {"requests": requests})


def add_people(sheet: Sheet, keys_that_stay: set[str]) -> set[str]:
    """Write a note and a formula beside some rows and colour their names; gives the keys of those rows.

    The columns stand right of the data. Only rows that the next sync does not delete are used.
    """
    grid = sheet.grid()
    if not grid:
        return set()
    width = max(map(len, grid))
    sheet.make_room(len(grid), width + 2)
    places = [place for place, row in enumerate(grid) if place and str(row[0]) in keys_that_stay]
    places = places[:: max(1, len(places) // MOST_ROWS)][:MOST_ROWS]
    amount = column_letters(grid[0].index("amount"))
    note, double = column_letters(width), column_letters(width + 1)
    data = [{"range": f"{TAB}!{note}1:{double}1", "values": [[NOTE, DOUBLE]]}]
    data += [
        {"range": f"{TAB}!{note}{p + 1}:{double}{p + 1}", "values": [[_note(grid[p][0]), f"={amount}{p + 1}*2"]]}
        for p in places
    ]
    sheet.call("POST", "/values:batchUpdate", {"valueInputOption": "USER_ENTERED", "data": data})
    sheet_id = sheet.properties().get("sheetId", 0)
    sheet.call("POST", ":batchUpdate", {"requests": [_colour(sheet_id, place) for place in places]})
    return {str(grid[place][0]) for place in places}


def _note(key: Any) -> str:
    return f"Call learner {key} back"


def _colour(sheet_id: int, row: int) -> dict[str, Any]:
    span = {"sheetId": sheet_id, "startRowIndex": row, "endRowIndex": row + 1}
    return {
        "repeatCell": {
            "range": {**span, "startColumnIndex": 1, "endColumnIndex": 2},
            "cell": {"userEnteredFormat": {"backgroundColor": _YELLOW}},
            "fields": "userEnteredFormat.backgroundColor",
        }
    }


def harmed(sheet: Sheet, keys: set[str], wanted: pd.DataFrame) -> dict[str, int]:
    """Of the notes, formulas and colours, how many are gone or no longer belong to their row."""
    values, texts = sheet.grid(), sheet.grid("FORMULA")
    header = values[0] if values else []
    amounts = dict(zip(map(str, wanted["id"].tolist()), wanted["amount"].tolist(), strict=True))
    rows: dict[str, int] = {}
    for place, row in enumerate(values):
        if row and str(row[0]) in keys:
            rows.setdefault(str(row[0]), place)
    notes = formulas = 0
    for key in keys:
        there = rows.get(key)
        notes += there is None or _cell(values, there, header, NOTE) != _note(key)
        value = None if there is None else _cell(values, there, header, DOUBLE)
        is_formula = there is not None and str(_cell(texts, there, header, DOUBLE)).startswith("=")
        formulas += not (is_formula and isinstance(value, int | float) and abs(value - 2 * amounts[key]) < 1e-6)
    return {"of_each": len(keys), "notes": notes, "formulas": formulas, "colours": _lost_colours(sheet, rows, keys)}


def _cell(grid: list[list[Any]], place: int, header: list[Any], name: str) -> Any:
    column = header.index(name) if name in header else len(grid[place])
    return grid[place][column] if column < len(grid[place]) else ""


def _lost_colours(sheet: Sheet, rows: dict[str, int], keys: set[str]) -> int:
    """Rows whose name is no longer coloured; colours that moved to other rows count as lost on theirs."""
    if not rows:
        return len(keys)
    ranges = "".join(f"&ranges={TAB}!B{place + 1}" for place in rows.values())
    mask = "sheets(data(startRow,rowData(values(userEnteredFormat(backgroundColor)))))"
    answer = sheet.call("GET", f"?fields={quote(mask)}{ranges}")
    coloured = set()
    for data in answer["sheets"][0].get("data", []):
        for values in (row.get("values", []) for row in data.get("rowData", [])):
            if values and values[0].get("userEnteredFormat", {}).get("backgroundColor", {}).get("red") == 1.0:
                coloured.add(data.get("startRow", 0))
    return sum(rows.get(key) not in coloured for key in keys)
