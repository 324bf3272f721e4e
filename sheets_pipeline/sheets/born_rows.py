"""Rows that people typed, as they show: once such a row is ours, its cells take the rules that other rows of ours have; one
that was refused carries a note.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sheets_pipeline.sheets.client import SheetsClient
from sheets_pipeline.sheets.row_marks import as_filter
from sheets_pipeline.sync.rules import WARNED, mark_of, rule_requests

_FIELDS = "sheets(properties(sheetId),data(startRow,rowData(values(dataValidation(condition,inputMessage,strict,showCustomUi)))))"

_NOTE_FIELDS = (
    "sheets(properties(sheetId),data(startRow,rowMetadata(developerMetadata(metadataValue)),rowData(values(note))))"
)

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


def notes_of_born(
    client: SheetsClient,
    sheet_id: int,
    wanted: Mapping[str, tuple[int, str] | None],
    ours: Callable[[Sequence[str]], set[str]],
) -> list[dict[str, Any]]:
    """Requests that put notes on marked rows, and take away those of ours that stand there else. One read request.

    Args:
        client: Of the spreadsheet.
        sheet_id: Of the tab.
        wanted: Mark of each row → column and text of its note, None: no note of ours.
        ours: Says which of these notes we wrote; where another one stands, none is written.
    """
    there = _read_notes(client, sheet_id, list(wanted))
    known = ours(sorted({text for _, notes in there.values() for text in notes.values()}))
    changes: dict[tuple[int, int], str] = {}
    for row, (uuid, notes) in there.items():
        changes |= {(row, column): "" for column, text in notes.items() if text in known}
        if (note := wanted[uuid]) is not None and notes.get(note[0], "") in {"", *known}:
            changes[row, note[0]] = note[1]
    return [_note_request(sheet_id, place, text) for place, text in sorted(changes.items())]


def _read_notes(client: SheetsClient, sheet_id: int, uuids: Sequence[str]) -> dict[int, tuple[str, dict[int, str]]]:
    """Row (0-based) → its mark, and its notes by column."""
    found: dict[int, tuple[str, dict[int, str]]] = {}
    body = {"dataFilters": [as_filter(uuid) for uuid in uuids]}
    for sheet in client.read(":getByDataFilter", params={"fields": _NOTE_FIELDS}, body=body).get("sheets", []):
        if sheet.get("properties", {}).get("sheetId", 0) != sheet_id:
            continue
        for data in sheet.get("data", []):
            rows = data.get("rowData", [])
            for at, facts in enumerate(data.get("rowMetadata", [])):
                marks = {mark.get("metadataValue") for mark in facts.get("developerMetadata", [])} & set(uuids)
                values = rows[at].get("values", []) if at < len(rows) else []
                notes = {column: cell["note"] for column, cell in enumerate(values) if cell.get("note")}
                found |= {data.get("startRow", 0) + at: (str(mark), notes) for mark in marks}
    return found


def _note_request(sheet_id: int, place: tuple[int, int], text: str) -> dict[str, Any]:
    start = {"sheetId": sheet_id, "rowIndex": place[0], "columnIndex": place[1]}
    return {"updateCells": {"start": start, "fields": "note", "rows": [{"values": [{"note": text} if text else {}]}]}}
