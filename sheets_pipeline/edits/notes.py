"""Notes of edits that were not taken: what each cell's is to say is noted with the edit's end, and a sync writes it."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from sheets_pipeline.database.edit_tables import sheet_note
from sheets_pipeline.database.state import TabStore
from sheets_pipeline.edits.base import zone_of
from sheets_pipeline.edits.ledger import Edit, Ended, State
from sheets_pipeline.sync.cells import from_serial
from sheets_pipeline.sync.notes import CellNote, note_text, row_note_text
from sheets_pipeline.sync.tab import ColumnType
from sheets_pipeline.sync.typed_cells import Moment

#: Ends of edits after which the cell does not hold what was typed.
_NOT_TAKEN = (State.REJECTED, State.CONFLICT, State.DEAD)
_TAKEN = (State.APPLIED, State.SAME)

_COLUMNS = sheet_note.c
_KNOWN = sa.select(_COLUMNS.row_key, _COLUMNS.column_name, _COLUMNS.wanted).where(
    _COLUMNS.tab_id == sa.bindparam("b_tab"), _COLUMNS.row_key.in_(sa.bindparam("b_keys", expanding=True))
)


def wish(connection: sa.Connection, ended: Sequence[Ended]) -> set[str]:
    """Note what the notes of cells of one tab are to say now that their edits have ended; the keys of rows where that changes.

    What a person typed and was not taken is told; a note of ours goes once an edit of its cell is taken.
    """
    wanted: dict[tuple[str, str], str | None] = {}
    for end in ended:
        if end.state in _NOT_TAKEN and end.edit.is_of_sheet:
            wanted[end.edit.row_key, end.edit.column] = _text(end)
        elif end.state in _TAKEN:
            wanted[end.edit.row_key, end.edit.column] = None
    if not wanted:
        return set()
    tab_id, keys = ended[0].edit.tab_id, {key for key, _ in wanted}
    rows = connection.execute(_KNOWN, {"b_tab": tab_id, "b_keys": list(keys)})
    known = {(row.row_key, row.column_name): row.wanted for row in rows}
    changed = {cell: text for cell, text in wanted.items() if text != known.get(cell)}
    for (key, name), text in changed.items():
        mine = (_COLUMNS.tab_id == tab_id) & (_COLUMNS.row_key == key) & (_COLUMNS.column_name == name)
        if (key, name) in known:
            connection.execute(sheet_note.update().where(mine).values(wanted=text))
        else:
            values = {"tab_id": tab_id, "row_key": key, "column_name": name, "wanted": text}
            connection.execute(sheet_note.insert().values(values))
    return {key for key, _ in changed}


def _text(end: Ended) -> str:
    edit, zone = end.edit, zone_of(end.edit)
    when = datetime.fromtimestamp(edit.typed_at, UTC).astimezone(zone)
    return note_text(_shown(end), f"{when:%Y-%m-%d %H:%M}", end.reason or "it was refused", edit.id)


def note_of_row(line: Edit) -> str:
    """What the note of a row says that was typed and not inserted."""
    when = datetime.fromtimestamp(line.typed_at, UTC).astimezone(zone_of(line))
    return row_note_text(f"{when:%Y-%m-%d %H:%M}", line.reason or "it was refused", line.id)


def _shown(end: Ended) -> str:
    """What was typed, as people read it."""
    typed, days = end.edit.typed, end.kind is ColumnType.DATE
    if isinstance(typed, Moment):
        moment = datetime.fromtimestamp(typed.milliseconds / 1000, UTC).astimezone(zone_of(end.edit))
    elif isinstance(typed, bool):
        return str(typed).upper()
    elif isinstance(typed, int | float) and (days or end.kind is ColumnType.DATETIME) and 0 <= typed < 2_000_000:
        moment = from_serial(typed)
    else:
        return "" if typed is None else str(typed)
    return f"{moment:%Y-%m-%d}" if days else f"{moment:%Y-%m-%d %H:%M}"


class NoteStore:
    """What is known of our notes in one tab."""

    def __init__(self, tab: TabStore) -> None:
        self.engine, self._tab = tab.engine, tab

    @property
    def _mine(self) -> sa.ColumnElement[bool]:
        return _COLUMNS.tab_id == self._tab.id

    def due(self) -> list[CellNote]:
        """Notes that do not say in the tab what they are to say, as far as is known."""
        query = sa.select(_COLUMNS.row_key, _COLUMNS.column_name, _COLUMNS.wanted, _COLUMNS.written, _COLUMNS.sent)
        differs = _COLUMNS.wanted.is_distinct_from(_COLUMNS.written) | _COLUMNS.sent.is_not(None)
        with self.engine.connect() as connection:
            return [CellNote(*row) for row in connection.execute(query.where(self._mine, differs))]

    def sending(self, notes: Collection[CellNote]) -> None:
        """These are about to be written."""
        self._change(notes, {"sent": sa.bindparam("b_wanted")})

    def settled(self, notes: Collection[CellNote]) -> None:
        """These are known to stand in the tab as they were wanted; what has been wanted since stays wanted."""
        self._change(notes, {"written": sa.bindparam("b_wanted"), "sent": sa.null()})
        with self.engine.begin() as connection:
            none = _COLUMNS.wanted.is_(None) & _COLUMNS.written.is_(None) & _COLUMNS.sent.is_(None)
            connection.execute(sheet_note.delete().where(self._mine, none))

    def forget(self, notes: Collection[CellNote]) -> None:
        """These are no notes of ours any more: their row has left the tab, or a note of people's stands there."""
        if notes:
            with self.engine.begin() as connection:
                unchanged = _COLUMNS.wanted.is_not_distinct_from(sa.bindparam("b_wanted"))
                connection.execute(sheet_note.delete().where(*self._one(), unchanged), self._parameters(notes))

    def forget_all(self) -> None:
        """The tab is made anew."""
        with self.engine.begin() as connection:
            connection.execute(sheet_note.delete().where(self._mine))

    def _change(self, notes: Collection[CellNote], values: dict[str, sa.ColumnElement[Any]]) -> None:
        if notes:
            with self.engine.begin() as connection:
                connection.execute(sheet_note.update().where(*self._one()).values(values), self._parameters(notes))

    def _one(self) -> list[sa.ColumnElement[bool]]:
        return [self._mine, _COLUMNS.row_key == sa.bindparam("b_key"), _COLUMNS.column_name == sa.bindparam("b_column")]

    @staticmethod
    def _parameters(notes: Collection[CellNote]) -> list[dict[str, str | None]]:
        return [{"b_key": note.key, "b_column": note.column, "b_wanted": note.wanted} for note in notes]
