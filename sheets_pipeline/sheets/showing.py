"""What a sync shows beside values, in the very requests that write these.

Notes in cells whose edits were not taken (``sync/notes.py``), rules and warnings that keep people from typing what is not
taken (``sync/rules.py``). What stands in the tab is known from what was written there. It is read only where something is
to be changed, because people may have put something of their own in the place since.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Protocol

from sheets_pipeline.sheets.client import SheetsClient
from sheets_pipeline.sheets.rounds import Round
from sheets_pipeline.sync import rules
from sheets_pipeline.sync.batches import MAX_PAYLOAD_BYTES, Piece, dump, fill_batches
from sheets_pipeline.sync.columns import cell_number_format_request
from sheets_pipeline.sync.notes import CellNote, NoteChanges, Place, note_changes
from sheets_pipeline.sync.rules import WARNED, Choices, Guards
from sheets_pipeline.sync.snapshot import row_runs
from sheets_pipeline.sync.tab import ColumnType, Tab

#: More spans than this of one column are asked for as one.
_MOST_SPANS = 100

#: Columns of days, and the kinds of number formats that Google gives a cell when somebody types a day or a time.
_OF_DAYS, _DAYS = (ColumnType.DATE, ColumnType.DATETIME), ("DATE", "TIME", "DATE_TIME")


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
    """Adds to the rounds of one tab's syncs what is to be shown.

    Args:
        tab: As declared.
        client: Of its spreadsheet.
        notes: What is known of our notes; None where people's edits are not taken, and neither rules nor warnings stay.
        choices: What the database lets into the editable columns, by their names.
    """

    def __init__(
        self, tab: Tab, client: SheetsClient, notes: Notes | None, choices: Callable[[], Mapping[str, Choices]] = dict
    ) -> None:
        self.tab, self.client, self.notes, self._choices = tab, client, notes, choices
        self._changes = NoteChanges()
        #: Whether warnings stand on all columns: nothing that is typed there is taken.
        self._is_archive = False

    def of_archive(self, tab: Tab) -> "TabShowing":
        """What is shown in an archive tab of this one: warnings, where people's edits are taken in this one."""
        showing = TabShowing(tab, self.client, None)
        showing._is_archive = self.notes is not None and bool(self.tab.edited)
        return showing

    def add_to(self, planned: Round, *, dry_run: bool = False) -> None:
        """Add to the plan what is to be shown; reads nothing where nothing is to be changed."""
        self._changes = NoteChanges()
        self._guard(planned)
        if self.notes is None:
            return
        if planned.index is None:
            if not dry_run:
                self.notes.forget_all()
        elif due := self.notes.due():
            cells = self._read_cells(planned, due)
            there = {place: cell["note"] for place, cell in cells.items() if cell.get("note")}
            self._changes = note_changes(due, planned.index.row_of, planned.settled.layout, there)
            if not dry_run:
                self.notes.forget(self._changes.gone)
                self.notes.sending([note for note in self._changes.settled if note.wanted is not None])
            _add(planned, self._changes.pieces(planned.facts.sheet_id))
            _add(planned, self._numbers_again(planned, due, cells))

    def applied(self) -> None:
        """All of the plan is known to stand in the tab."""
        if self.notes is not None:
            self.notes.settled(self._changes.settled)

    # Notes -----------------------------------------------------------------------------------------------------------

    def _read_cells(self, planned: Round, due: list[CellNote]) -> dict[Place, dict[str, Any]]:
        """Notes and kinds of number formats of the cells, and of all of a column in which a note of ours may be astray."""
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
        cells, _ = self._read(planned, ranges, "note,userEnteredFormat(numberFormat(type))")
        return cells

    def _numbers_again(
        self, planned: Round, due: list[CellNote], cells: Mapping[Place, Mapping[str, Any]]
    ) -> Iterator[Piece]:
        """Number formats of cells into which a date was typed, for which they are not: what stands there would be shown as one,
        and whatever is typed there next be taken for one."""
        layout, row_of = planned.settled.layout, planned.index.row_of if planned.index else {}
        for note in due:
            row, at = row_of.get(note.key), layout.get(note.column)
            if note.wanted is None or row is None or at is None:
                continue
            kind, shown = self.tab.column(note.column).type, cells.get((row, at), {}).get("userEnteredFormat", {})
            if kind not in _OF_DAYS and shown.get("numberFormat", {}).get("type") in _DAYS:
                request = cell_number_format_request(planned.facts.sheet_id, row, at, kind)
                yield Piece(dump(request), 0, [], {row: note.key})

    # Rules and warnings ----------------------------------------------------------------------------------------------

    def _guard(self, planned: Round) -> None:
        """Rules and warnings as they are wanted, where that is not what was last set; new rows take those above them."""
        known = dict(planned.facts.rules) if planned.sight.is_as_known else {}
        new_rows, is_whole = _new_rows(planned), planned.rows is None or self._is_archive
        if new_rows and new_rows[0] == 1:  # no row above tells their rules
            known = {name: mark for name, mark in known.items() if mark == WARNED}
        wanted = (
            self._wanted(known) if is_whole else Guards(known, {})
        )  # an event sync leaves that to the next full one
        requests = self._changed(planned, wanted, known) if is_whole else []
        if new_rows and new_rows[0] > 1:
            layout, fresh = planned.settled.layout, planned.columns.added
            ruled = [name for name, mark in wanted.marks.items() if mark not in ("", WARNED) and name in layout]
            columns = [layout[name] for name in ruled if name not in fresh]
            requests += rules.rules_of_new_rows(planned.facts.sheet_id, columns, new_rows[0], len(new_rows))
        if not requests and wanted.marks == dict(planned.facts.rules):
            return
        _add(planned, [Piece(dump(request), 0, [], {}) for request in requests])
        if len(planned.plan.batches) > 1:  # what was done is not known until all of it is
            planned.facts = replace(planned.facts, rules={})
        planned.settled = replace(planned.settled, rules=wanted.marks)

    def _wanted(self, known: Mapping[str, str]) -> Guards:
        if self._is_archive:
            return Guards({column.name: WARNED for column in self.tab.columns}, {})
        if self.notes is None or not self.tab.edited:
            return Guards({}, {})
        return rules.wanted_guards(self.tab, self._choices(), known)

    def _changed(self, planned: Round, wanted: Guards, known: Mapping[str, str]) -> list[dict[str, Any]]:
        """Requests for the columns in which something else is wanted than was set, or that have left the declaration."""
        is_new, layout = planned.index is None, planned.settled.layout
        added = set(layout) if is_new else set(planned.columns.added)
        names = [name for name in rules.changed_guards(wanted.marks, known, added) if name in layout]
        left = planned.columns.struck if known else []
        if not names and not left:
            return []
        there: dict[Place, Mapping[str, Any]] = {}
        areas: Iterable[Mapping[str, Any]] = ()
        rows = sorted(planned.index.row_of.values()) if planned.index else []
        if not added.issuperset(names) or left:
            columns = [layout[name] for name in names if name not in added] + left
            mask = rules.rule_mask(len(rows), wanted.rules.values())
            cells, areas = self._read(planned, [_span(planned, column, 1, None) for column in columns], mask)
            there = {place: cell["dataValidation"] for place, cell in cells.items() if cell.get("dataValidation")}
        new_rows, sheet_id = _new_rows(planned), planned.facts.sheet_id
        requests: list[dict[str, Any]] = []
        for name in names:
            is_alone = name in added or not rows  # no row above tells the rule of new ones
            rule, mark = wanted.rules.get(name), known.get(name, "")
            some = [*rows, *new_rows] if is_alone else rows
            requests += rules.rule_requests(sheet_id, layout[name], some, rule, there, mark)
        for column in left:
            requests += rules.rule_requests(sheet_id, column, rows, None, there, "")
        warned = [layout[name] for name in names if wanted.marks.get(name) == WARNED]
        free = [layout[name] for name in names if wanted.marks.get(name) != WARNED] + left
        return requests + list(rules.warning_requests(sheet_id, warned, free, areas))

    def _read(
        self, planned: Round, spans: list[dict[str, int]], mask: str
    ) -> tuple[dict[Place, dict[str, Any]], list[dict[str, Any]]]:
        """What is asked of cells, by their place, and the tab's protected ranges. One read request."""
        fields = f"sheets(properties(sheetId),protectedRanges,data(startRow,startColumn,rowData(values({mask}))))"
        body = {"dataFilters": [{"gridRange": span} for span in spans]}
        answer = self.client.read(":getByDataFilter", params={"fields": fields}, body=body)
        cells: dict[Place, dict[str, Any]] = {}
        areas: list[dict[str, Any]] = []
        for sheet in answer.get("sheets", []):
            if sheet.get("properties", {}).get("sheetId", 0) != planned.facts.sheet_id:
                continue
            areas += sheet.get("protectedRanges", [])
            for data in sheet.get("data", []):
                first, column = data.get("startRow", 0), data.get("startColumn", 0)
                for row, values in enumerate(data.get("rowData", []), start=first):
                    cells |= {(row, column + i): cell for i, cell in enumerate(values.get("values", []))}
        return cells, areas


def _new_rows(planned: Round) -> range:
    """Where new rows will stand; none where that is below everything."""
    first = planned.first_new_row
    return range(0) if first is None else range(first, first + len(planned.changes.inserts))


def _add(planned: Round, pieces: Iterable[Piece]) -> None:
    """Into the last write, as far as there is room, or into one of its own."""
    writes = planned.plan.writes
    writes[-1:] = fill_batches(pieces, MAX_PAYLOAD_BYTES, writes[-1] if writes else None)


def _span(planned: Round, column: int, first: int, end: int | None) -> dict[str, int]:
    span = {"sheetId": planned.facts.sheet_id, "startColumnIndex": column, "endColumnIndex": column + 1}
    return {**span, "startRowIndex": first} | ({"endRowIndex": end} if end is not None else {})
