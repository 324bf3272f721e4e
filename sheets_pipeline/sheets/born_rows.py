"""Rules of rows that people typed: once such a row is ours, its cells take the rules that other rows of ours have."""

from collections.abc import Mapping, Sequence
from typing import Any

from sheets_pipeline.sheets.client import SheetsClient
from sheets_pipeline.sheets.row_marks import as_filter
from sheets_pipeline.sync.rules import WARNED, mark_of, rule_requests

_FIELDS = "sheets(properties(sheetId),data(startRow,rowData(values(dataValidation(condition,inputMessage,strict,showCustomUi)))))"

#: Row (0-based) → column → rule.
_Rules = dict[int, dict[int, Mapping[str, Any]]]


def rules_of_born(
    client: SheetsClient,
    sheet_id: int,
    layout: Mapping[str, int],
    marks: Mapping[str, str],
    uuids: Sequence[str],
    rows: Sequence[int],
) -> list[dict[str, Any]]:
    """Requests that give marked rows the rules of their columns; cells in which a rule stands keep it.

    One read request, none where no column has a rule.

    Args:
        client: Of the spreadsheet.
        sheet_id: Of the tab.
        layout: Column → where it stands.
        marks: Column → mark of the rule that was set there last.
        uuids: Marks of the rows.
        rows: Rows of ours (0-based), of which some tell the rules; what people set there does not count.
    """
    columns = {name: layout[name] for name, mark in marks.items() if mark not in ("", WARNED) and name in layout}
    samples = sorted({rows[0], rows[len(rows) // 2], rows[-1]}) if rows else []
    if not columns or not samples or not uuids:
        return []
    there = _read(client, sheet_id, uuids, samples)
    born = sorted(there.keys() - set(samples))
    places = {(row, column): rule for row in born for column, rule in there[row].items()}
    requests: list[dict[str, Any]] = []
    for name, column in columns.items():
        told = (there.get(row, {}).get(column) for row in samples)
        rule = next((one for one in told if one is not None and mark_of(one) == marks[name]), None)
        if rule is not None:
            requests += rule_requests(sheet_id, column, born, rule, places, marks[name])
    return requests


def _read(client: SheetsClient, sheet_id: int, uuids: Sequence[str], samples: Sequence[int]) -> _Rules:
    spans = [{"gridRange": {"sheetId": sheet_id, "startRowIndex": row, "endRowIndex": row + 1}} for row in samples]
    body = {"dataFilters": [*map(as_filter, uuids), *spans]}
    found: _Rules = {}
    for sheet in client.read(":getByDataFilter", params={"fields": _FIELDS}, body=body).get("sheets", []):
        if sheet.get("properties", {}).get("sheetId", 0) != sheet_id:
            continue
        for data in sheet.get("data", []):
            for row, values in enumerate(data.get("rowData", [{}]), start=data.get("startRow", 0)):
                cells = enumerate(values.get("values", []))
                found[row] = {column: cell["dataValidation"] for column, cell in cells if cell.get("dataValidation")}
    return found
