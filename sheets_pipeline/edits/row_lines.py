"""Whole rows in the ledger: rows that people typed, copied or took out, one line each, with ``(row)`` for the column.

What was typed in a new row is its ``typed``; what a deleted one held is its ``base``. Until it has a key, a new row is known by
what stands in it: so long as nobody types on, it is the same row at the next reading, and was not refused for nothing.
"""

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from sheets_pipeline.database.edit_tables import sheet_edit
from sheets_pipeline.edits.ledger import OPEN, ROW, Edit, State, as_json, now, select
from sheets_pipeline.sync.cells import Cell
from sheets_pipeline.sync.row_edits import NewRow

Cells = Mapping[str, Cell]

_COLUMNS = sheet_edit.c
_OF_ROWS = (_COLUMNS.column_name == ROW) & (_COLUMNS.seen_by != "undo")
COPIED = "a copy: another row has this key. It is not inserted; clear its key to make a new row of it"
PUT_BACK = "a key says which row it is: it was put back"
_TYPED_ON = "somebody typed on"
_CAME_BACK = "the row came back"


class RowLines:
    """The lines of one tab, in an open transaction."""

    def __init__(self, connection: sa.Connection, tab_id: int, locale: str, time_zone: str) -> None:
        self.connection, self.tab_id = connection, tab_id
        self.moment = now(connection)
        self._common = {"locale": locale[:40], "time_zone": time_zone[:80], "editor": "", "attempts": 0}
        self._common |= {"typed_at": self.moment.timestamp(), "seen_at": self.moment, "due_at": self.moment}
        self._common |= {"tab_id": tab_id, "seen_by": "row", "batch": str(uuid.uuid4()), "column_name": ROW}

    @staticmethod
    def are_open(connection: sa.Connection, tab_id: int) -> bool:
        """Whether a row of the tab waits."""
        mine = (_COLUMNS.tab_id == tab_id) & _OF_ROWS & _COLUMNS.state.in_(OPEN)
        return connection.execute(sa.select(_COLUMNS.id).where(mine).limit(1)).first() is not None

    def new_rows(self, rows: Sequence[NewRow], approval_above: int | None) -> list[tuple[NewRow, Edit]]:
        """Note rows that are new here; gives those that wait for nothing but their time, with their lines.

        Rows that hold the same come one after the other.
        """
        latest = {as_json(_cells(edit.typed)): edit for edit in self._lines(_COLUMNS.row_key == "")}
        wanted: dict[str | None, NewRow] = {}
        for row in rows:
            wanted.setdefault(as_json(row.cells), row)
        self.close([e for text, e in latest.items() if e.state in OPEN and text not in wanted], _TYPED_ON)
        fresh = {text: row for text, row in wanted.items() if _is_over(latest.get(text))}
        cells = sum(len(row.cells) for row in fresh.values())
        state, reason = State.NEW, None
        if approval_above is not None and cells > approval_above:
            state = State.AWAITING
            reason = f"{cells} cells of new rows at once; more than {approval_above} wait for a person to accept them"
        self._add({"row_key": "", "typed": text, "state": state.value, "reason": reason} for text in fresh)
        lines = {as_json(_cells(edit.typed)): edit for edit in self._lines(_COLUMNS.row_key == "")}
        return [(row, edit) for text, row in wanted.items() if (edit := lines[text]).state is State.NEW]

    def missing(self, rows: Mapping[str, Cells | None], *, refusal: str | None = None) -> list[Edit]:
        """Note rows that are gone, and that others came back; gives the open lines. A ``refusal`` ends them at once."""
        open_lines = self._lines(_COLUMNS.row_key != "", _COLUMNS.state.in_(OPEN))
        self.close([edit for edit in open_lines if edit.row_key not in rows], _CAME_BACK)
        known = {edit.row_key for edit in open_lines}
        state = State.NEW if refusal is None else State.REJECTED
        self._add(
            {"row_key": key, "base": as_json(cells or {}), "state": state.value, "reason": refusal}
            for key, cells in rows.items()
            if key not in known
        )
        if refusal is not None:
            self.close([edit for edit in open_lines if edit.row_key in rows], refusal, State.REJECTED)
        return self._lines(_COLUMNS.row_key != "", _COLUMNS.state.in_(OPEN))

    def copied(self, keys: Collection[str]) -> None:
        """Tell, once, that rows were copied with their key."""
        mine = (_COLUMNS.tab_id == self.tab_id) & (_COLUMNS.reason == COPIED) & _COLUMNS.row_key.in_(list(keys))
        told = set(self.connection.scalars(sa.select(_COLUMNS.row_key).where(mine))) if keys else set()
        self._add({"row_key": k, "state": State.REJECTED.value, "reason": COPIED} for k in keys if k not in told)

    def put_back(self, key: str, column: str, stood: Cell, typed: Cell) -> None:
        """Tell that a key was changed and put back."""
        values = {"base": as_json(stood), "typed": as_json(typed), "column_name": column}
        self._add([{"row_key": key, "state": State.REJECTED.value, "reason": PUT_BACK, **values}])

    def close(self, edits: Collection[Edit], reason: str, state: State = State.SUPERSEDED) -> None:
        """End lines that were open."""
        if edits:
            mine = _COLUMNS.id.in_([edit.id for edit in edits]) & _COLUMNS.state.in_(OPEN)
            values = {"state": state.value, "reason": reason, "settled_at": self.moment}
            self.connection.execute(sheet_edit.update().where(mine).values(values))

    def _lines(self, *where: sa.ColumnElement[bool]) -> list[Edit]:
        return select(self.connection, _COLUMNS.tab_id == self.tab_id, _OF_ROWS, *where)

    def _add(self, lines: Iterable[dict[str, Any]]) -> None:
        rows = [
            {"event_id": f"row-{uuid.uuid4()}", "base": None, "typed": "null", "reason": None, **self._common, **line}
            | {"settled_at": None if line["state"] in OPEN else self.moment}
            for line in lines
        ]
        if rows:
            self.connection.execute(sheet_edit.insert(), rows)


def refused_rows(connection: sa.Connection, tab_id: int) -> bool:
    """Whether rows that people typed in the tab were refused, so that notes may tell of them."""
    mine = (_COLUMNS.tab_id == tab_id) & _OF_ROWS & (_COLUMNS.row_key == "")
    refused = _COLUMNS.state.in_([State.REJECTED.value, State.DEAD.value])
    return connection.execute(sa.select(_COLUMNS.id).where(mine, refused).limit(1)).first() is not None


def _cells(typed: Any) -> Cells:
    return typed if isinstance(typed, dict) else {}


def _is_over(edit: Edit | None) -> bool:
    """Whether a row that was seen before is to be looked at anew."""
    return edit is None or edit.state in (State.SUPERSEDED, State.APPLIED)
