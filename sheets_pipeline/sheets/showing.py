"""What a sync shows beside values, in the very requests that write these: notes in cells whose edits were not taken.

What stands in the tab is known from what was written there. It is read only where something is to be changed, because
people may have put a note of their own in the place since.
"""

from collections.abc import Collection
from typing import Any, Protocol

from sheets_pipeline.sheets.client import SheetsClient
from sheets_pipeline.sheets.rounds import Round
from sheets_pipeline.sync.batches import MAX_PAYLOAD_BYTES, fill_batches
from sheets_pipeline.sync.notes import CellNote, NoteChanges, Place, note_changes
from sheets_pipeline.sync.snapshot import row_runs

#: More spans than this of one column are asked for as one.
_MOST_SPANS = 100
_NOTES_MASK = "sheets(properties(sheetId),data(startRow,startColumn,rowData(values(note))))"


class Notes(Protocol):
    """What is known of our notes in one tab; the edits room keeps it."""

    def due(self) -> list[CellNote]:
        """Notes that do not say in the tab what they are to say, as far as is known."""

    def sending(self, notes: Collection[CellNote]) -> None:
        """These are about to be written."""

    def settled(self, notes: Collection[CellNote]) -> None:
        """These are known to stand in the tab as they were wanted."""

    def forget(self, notes: Collection[CellNote]) -> None:
        """These are no notes of ours any more."""

    def forget_all(self) -> None:
        """The tab is made anew."""


class TabShowing:
    """Adds to the rounds of one tab's syncs what is to be shown."""

    def __init__(self, client: SheetsClient, notes: Notes) -> None:
        self.client, self.notes = client, notes
        self._changes = NoteChanges()

    def add_to(self, planned: Round, *, dry_run: bool = False) -> Round:
        """Add to the plan what is to be shown; at most one read request, and none where nothing is to be changed."""
        self._changes = NoteChanges()
        if planned.index is None:
            if not dry_run:
                self.notes.forget_all()
        elif due := self.notes.due():
            there = self._read(planned, due)
            self._changes = note_changes(due, planned.index.row_of, planned.settled.layout, there)
            if not dry_run:
                self.notes.forget(self._changes.gone)
                self.notes.sending([note for note in self._changes.settled if note.wanted is not None])
            writes = planned.plan.writes
            pieces = self._changes.pieces(planned.facts.sheet_id)
            writes[-1:] = fill_batches(pieces, MAX_PAYLOAD_BYTES, writes[-1] if writes else None)
        return planned

    def applied(self) -> None:
        """All of the plan is known to stand in the tab."""
        self.notes.settled(self._changes.settled)

    def _read(self, planned: Round, due: list[CellNote]) -> dict[Place, str]:
        """The notes of the cells, and all of a column in which one of ours may be astray."""
        layout, row_of = planned.settled.layout, planned.index.row_of if planned.index else {}
        rows: dict[int, list[int]] = {layout[note.column]: [] for note in due if note.column in layout}
        for note in due:
            if note.column in layout and note.key in row_of:
                rows[layout[note.column]].append(row_of[note.key])
        astray = {layout[note.column] for note in due if note.sent is not None and note.column in layout}
        ranges = [_span(planned, column, 1, None) for column in astray]
        for column in rows.keys() - astray:
            runs = row_runs(sorted(set(rows[column])))
            runs = runs if len(runs) <= _MOST_SPANS else [(runs[0][0], runs[-1][1])]
            ranges += [_span(planned, column, first, end) for first, end in runs]
        if not ranges:
            return {}
        body = {"dataFilters": [{"gridRange": span} for span in ranges]}
        answer = self.client.read(":getByDataFilter", params={"fields": _NOTES_MASK}, body=body)
        cells = _cells(answer, planned.facts.sheet_id)
        return {place: cell["note"] for place, cell in cells.items() if cell.get("note")}


def _span(planned: Round, column: int, first: int, end: int | None) -> dict[str, int]:
    span = {"sheetId": planned.facts.sheet_id, "startColumnIndex": column, "endColumnIndex": column + 1}
    return {**span, "startRowIndex": first} | ({"endRowIndex": end} if end is not None else {})


def _cells(answer: Any, sheet_id: int) -> dict[Place, dict[str, Any]]:
    """What the answer says of cells, by their place."""
    found: dict[Place, dict[str, Any]] = {}
    for sheet in answer.get("sheets", []):
        if sheet.get("properties", {}).get("sheetId", 0) != sheet_id:
            continue
        for data in sheet.get("data", []):
            first, column = data.get("startRow", 0), data.get("startColumn", 0)
            for row, values in enumerate(data.get("rowData", []), start=first):
                found |= {(row, column + i): cell for i, cell in enumerate(values.get("values", []))}
    return found
