"""The new edits of one row of a tab: each cell is merged, and all that is to be written goes in one statement."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

import sqlalchemy as sa

from sheets_pipeline.database.edit_refusals import Kind, Refusal, refusal
from sheets_pipeline.database.edit_target import TargetRow
from sheets_pipeline.database.event_keys import edit_entity, stored_key
from sheets_pipeline.database.event_table import pending_event
from sheets_pipeline.edits import ledger, notes
from sheets_pipeline.edits.base import bases_of, note_base, zone_of
from sheets_pipeline.edits.ledger import Edit, Ended, State
from sheets_pipeline.errors import DatabaseError
from sheets_pipeline.sync.cells import KEY_SEPARATOR, Cell, same_cell
from sheets_pipeline.sync.editing import Editing, Edits
from sheets_pipeline.sync.merge import UNKNOWN, Outcome, Unknown, merge, same
from sheets_pipeline.sync.tab import Column, ColumnType, Tab
from sheets_pipeline.sync.typed_cells import Reader, Typed, database_value
from sheets_pipeline.sync.values import EXPECTED, Misfit, converter
from sheets_pipeline.sync.watch import Priority

logger = logging.getLogger(__name__)

#: A refused edit waits so long, after it was seen, for others of its row that may make it right.
TOGETHER_SECONDS = 0.3
#: While a sync is writing the row, nobody knows what its cells hold; then this long until the next look.
_UNDER_WAY_SECONDS, _UNDER_WAY_LIMIT_SECONDS = 0.3, 900.0


class Later(Exception):
    """The row cannot be settled now."""

    def __init__(self, seconds: float, reason: str) -> None:
        self.seconds, self.reason = seconds, reason
        super().__init__(reason)


class Refused(Exception):
    """The declaration does not take the edit; the message says why."""


@dataclass(slots=True)
class Wish:
    """An edit that is to be written: the column of the table, what it is given, what the cell means, what stood there."""

    edit: Edit
    target: str
    value: Any
    typed: Cell
    before: Cell


class Row:
    """The edits of one row of a tab, in open transactions."""

    def __init__(
        self,
        platform: sa.Connection,
        state: sa.Connection,
        tab: Tab,
        edits: list[Edit],
        base: dict[str, Cell] | None = None,
    ) -> None:
        """``base`` is what the tab was last known to hold in the row; looked up for None."""
        self.platform, self.state, self.tab, self.edits = platform, state, tab, edits
        self.base = self._read_base() if base is None else base
        self.ended: list[Ended] = []
        self.key = edits[0].row_key

    def settle(self) -> list[State]:
        """Merge each cell, write what is to be written, note what became of each; the states in which they ended.

        Raises:
            Later: They cannot be settled now.
        """
        for table, edits in self.by_table().items():
            self._settle_table(table, edits)
        return note_ends(self.platform, self.state, self.tab, [self])

    def by_table(self) -> dict[str, list[Edit]]:
        """The edits by the table that takes them; those of columns that nobody may edit end here."""
        found: dict[str, list[Edit]] = {}
        for edit in self.edits:
            if (editing := self.tab.edited.get(edit.column)) is None:
                self._end(edit, State.REJECTED, f"the column {edit.column} is not editable")
            else:
                found.setdefault(editing.target.table, []).append(edit)
        return found

    def _end(self, edit: Edit, state: State, reason: str | None = None, **values: Any) -> None:
        is_known = edit.column in self.tab.edited
        kind = self.tab.column(edit.column).type if is_known else ColumnType.TEXT
        self.ended.append(Ended(edit, state, reason, kind, **values))

    @property
    def shows_again(self) -> bool:
        """Whether the tab shows something else than the database holds now."""
        return any(
            end.edit.is_of_sheet and (end.state not in (State.APPLIED, State.SAME) or end.reason is not None)
            for end in self.ended
        )

    def held(self) -> dict[str, Cell]:
        """What the database holds now in the columns of these edits; nothing of the platform is locked or changed.

        Columns are left out whose row is not found.
        """
        found: dict[str, Cell] = {}
        for edit in self.edits:
            if (editing := self.tab.edited.get(edit.column)) is None:
                continue
            target = editing.target
            try:
                key = target_key(self.tab, target.table, edit.row_key, self.base, zone_of(edit))
                row = TargetRow(self.platform, target.table, key, [target.column])
                held = row.read()
            except (LookupError, Misfit):
                continue
            if held is not None:
                found[edit.column] = self._as_cell(edit, held[target.column])
        return found

    # The tab's side -----------------------------------------------------------------------------------------------------

    def _read_base(self) -> dict[str, Cell]:
        """What the tab was last known to hold in this row."""
        edit = self.edits[0]
        bases = bases_of(self.state, edit.tab_id, [edit.row_key])
        cells = bases.get(edit.row_key, {})
        if cells is None and _age(edit) < _UNDER_WAY_LIMIT_SECONDS:
            raise Later(_UNDER_WAY_SECONDS, "a sync is writing the row")
        return cells or {}

    # The database's side -------------------------------------------------------------------------------------------------

    def _settle_table(self, table: str, edits: list[Edit]) -> None:
        try:
            row = TargetRow(self.platform, table, self.target_key(table), self.target_columns(edits))
            held = row.read(lock=True)
            reason = f"its row is not in {table} any more, or the pipeline may not change it"
        except (LookupError, Misfit) as error:
            held, reason = None, f"its row of {table} is not found: {error}"
        if held is None:
            for edit in edits:
                self._end(edit, State.REJECTED, reason)
            return
        if wishes := self.wishes(edits, held):
            self._write(row, wishes)

    def target_key(self, table: str) -> dict[str, Any]:
        """As the function of this name, for this row."""
        return target_key(self.tab, table, self.key, self.base, zone_of(self.edits[0]))

    def target_columns(self, edits: Iterable[Edit]) -> list[str]:
        """The columns of the table that take these edits."""
        return list(dict.fromkeys(self.tab.edited[edit.column].target.column for edit in edits))

    def wishes(self, edits: Sequence[Edit], held: Mapping[str, Any]) -> list[Wish]:
        """What is to be written for edits of one table, whose row holds this; the others end here."""
        wishes: dict[str, Wish] = {}
        for edit in edits:
            target = self.tab.edited[edit.column].target.column
            if (wish := self._merged(edit, target, held[target])) is not None:
                if (earlier := wishes.get(target)) is not None:
                    self._end(earlier.edit, State.SUPERSEDED, "a later edit of the cell waited, too")
                wishes[target] = wish
        return list(wishes.values())

    def _merged(self, edit: Edit, target: str, held: Any) -> Wish | None:
        """What to write for an edit; None where it is settled without."""
        column, editing = self.tab.column(edit.column), self.tab.edited[edit.column]
        before, reader = self._as_cell(edit, held), _reader(edit)
        try:
            typed = _taken(edit, column, editing, reader)
            value = database_value(typed, column.type, reader.zone)
        except Misfit as misfit:
            self._end(
                edit, State.REJECTED, f"expected {EXPECTED[column.type]}, found {misfit.kind}", in_database=before
            )
            return None
        except Refused as refused:
            self._end(edit, State.REJECTED, str(refused), in_database=before)
            return None
        base = edit.base
        if isinstance(base, Unknown) and edit.is_of_sheet:  # a sync was writing the row when it was seen
            base = self.base.get(edit.column, UNKNOWN)
        sheet_wins = editing.on_conflict == "sheet"
        outcome = self._outcome(edit, base, typed, before, column, sheet_wins=sheet_wins)
        if outcome in (Outcome.APPLY, Outcome.SHEET_WINS):
            return Wish(edit, target, value, typed, before)
        state, reason = _ENDS[outcome]
        self._end(edit, state, reason, in_database=before, stored=before)
        return None

    def _outcome(
        self, edit: Edit, base: Cell | Unknown, typed: Cell, held: Cell, column: Column, *, sheet_wins: bool
    ) -> Outcome:
        if isinstance(base, Unknown):
            return merge(base, typed, held, column.type, sheet_wins=sheet_wins)
        before = _as_read(_reader(edit), base, column)
        outcome = merge(before, typed, held, column.type, sheet_wins=sheet_wins)
        is_text = isinstance(base, str) and column.type is not ColumnType.TEXT
        # What a person decided here is based on what the database held, not on what the tab showed.
        if not edit.is_of_sheet or not (is_text or outcome is Outcome.DATABASE_WINS):
            return outcome
        if (left := self._left_behind(edit)) is None:
            return outcome
        earlier, kept = left
        if is_text and base == earlier.typed:  # it means what it meant in the locale that the spreadsheet had then
            before = _as_read(_reader(earlier), base, column)
        return merge(before, typed, held, column.type, sheet_wins=sheet_wins, own=[kept])

    def _left_behind(self, edit: Edit) -> tuple[Edit, Cell] | None:
        """As in the ledger, which does not know yet what ended here."""
        for end in reversed(self.ended):
            if end.edit.column == edit.column and end.state is State.REJECTED:
                held = end.in_database
                return None if isinstance(held, Unknown | Mapping) else (end.edit, held)
        return ledger.left_behind(self.state, edit)

    def _as_cell(self, edit: Edit, value: Any) -> Cell:
        """A value of the database as the tab shows it."""
        if value is None:
            return None
        try:
            return converter(self.tab.column(edit.column).type, zone_of(edit))(value)
        except Misfit:
            return str(value)

    def _write(self, row: TargetRow, wishes: list[Wish]) -> None:
        """All cells in one statement; where the database refuses them, those that it takes without the others."""
        refused = self._attempt(row, wishes)
        if refused is None:
            self.written(wishes, row.read())
            return
        if (age := min(_age(wish.edit) for wish in wishes)) < TOGETHER_SECONDS:
            raise Later(TOGETHER_SECONDS - age, "waits for other cells of its row")
        named = [wish for wish in wishes if wish.target == refused.column]
        if len(wishes) == 1 or len(named) == 1:
            faulty = named[0] if named else wishes[0]
            self._end(faulty.edit, State.REJECTED, refused.reason, in_database=faulty.before)
            if others := [wish for wish in wishes if wish is not faulty]:
                self._write(row, others)
            return
        for wish in wishes:
            if (alone := self._attempt(row, [wish])) is None:
                self.written([wish], row.read())
            else:
                self._end(wish.edit, State.REJECTED, alone.reason, in_database=wish.before)

    def _attempt(self, row: TargetRow, wishes: list[Wish]) -> Refusal | None:
        """Write them; None where the database took them. What is no refusal is raised."""
        try:
            with self.platform.begin_nested():
                if row.change({wish.target: wish.value for wish in wishes}):
                    return None
                return Refusal(Kind.REFUSED, "the database left the row as it was (a trigger or a policy)")
        except Exception as error:
            refused = refusal(error)
            if refused.kind is not Kind.REFUSED:
                raise
            return refused

    def written(self, wishes: Iterable[Wish], held: Mapping[str, Any] | None) -> None:
        """End edits that were written; ``held`` is what the database made of them: rounded, trimmed, changed by a trigger."""
        for wish in wishes:
            stored: Cell | Unknown = UNKNOWN if held is None else self._as_cell(wish.edit, held[wish.target])
            kind = self.tab.column(wish.edit.column).type
            is_kept = not isinstance(stored, Unknown) and same(wish.typed, stored, kind)
            reason = None if is_kept else "the database stored another value than was typed"
            self._end(wish.edit, State.APPLIED, reason, in_database=wish.before, stored=stored)


def note_ends(platform: sa.Connection, state: sa.Connection, tab: Tab, rows: Sequence[Row]) -> list[State]:
    """Note what became of the edits of rows, and what their cells hold now; the states in which they ended."""
    ended = [end for row in rows for end in row.ended]
    ledger.settle(state, ended)
    note_base(state, [(row.edits, row.base) for row in rows])
    noted = notes.wish(state, ended)
    _show_again(platform, tab, [row.key for row in rows if row.key in noted or row.shows_again])
    return [end.state for end in ended]


def _show_again(platform: sa.Connection, tab: Tab, keys: Sequence[str]) -> None:
    """Have rows synced, where events are recorded: their cells show what the database holds."""
    if not keys or not has_queue(platform.engine):
        return
    common = {"entity": edit_entity(tab.title), "kind": "update", "priority": Priority.NORMAL}
    events = [common | {"key": stored_key(tuple(key.split(KEY_SEPARATOR)))} for key in keys]
    try:
        with platform.begin_nested():
            platform.execute(pending_event.insert(), events)
    except DatabaseError as error:
        if refusal(error).kind in (Kind.AGAIN, Kind.AWAY):
            raise
        logger.warning("No event could be recorded, so a refused cell is shown again by the next full sync.")


#: How merges end that write nothing.
_ENDS = {
    Outcome.NOTHING: (State.SAME, None),
    Outcome.SAME: (State.SAME, None),
    Outcome.DATABASE_WINS: (State.CONFLICT, "the database changed it, too, and its value was kept"),
    Outcome.ADOPT: (State.CONFLICT, "nobody knows what the cell held before; the database's value was kept"),
}


def target_key(tab: Tab, table: str, row_key: str, base: Mapping[str, Cell], zone: tzinfo) -> dict[str, Any]:
    """The values by which the row of a table is found: column → value.

    Raises:
        LookupError: A column of the tab that tells it is blank.
        Misfit: It holds something else than the column says.
    """
    parts = dict(zip(tab.key, row_key.split(KEY_SEPARATOR), strict=True))
    key = {}
    for column, name in (tab.edits or Edits()).row(table).key.items():
        kind, cell = tab.column(name).type, base.get(name)
        if cell is None and name in parts:
            cell = Reader("en_US", zone, datetime.now(zone).date()).read(parts[name], kind)
        if cell is None:
            raise LookupError(f"the tab's column {name} is blank")
        key[column] = database_value(cell, kind, zone)
    return key


def _taken(edit: Edit, column: Column, editing: Editing, reader: Reader) -> Cell:
    """What was typed, as the column takes it.

    Raises:
        Misfit: It is not of the column's type.
        Refused: The declaration does not take it.
    """
    return taken(edit.typed, edit.editor if edit.is_of_sheet else None, column, editing, reader)


def taken(typed: Typed, editor: str | None, column: Column, editing: Editing, reader: Reader) -> Cell:
    """The same of a cell; ``editor`` is None where a person decided about it here.

    Raises:
        Misfit: It is not of the column's type.
        Refused: The declaration does not take it.
    """
    if editor is not None and not editing.takes_edits_of(editor):
        who = f"{editor} is not among those who may" if editor else "it is not known who typed it, and not all may"
        raise Refused(f"{who} edit the column {column.name}")
    cell = reader.read(typed, column.type)
    if cell is not None and editing.one_of and not any(same_cell(cell, one) for one in editing.one_of):
        raise Refused(f"expected one of {', '.join(map(str, editing.one_of))}")
    return cell


def _reader(edit: Edit) -> Reader:
    zone = zone_of(edit)
    return Reader(edit.locale, zone, datetime.now(zone).date())


def _as_read(reader: Reader, cell: Cell, column: Column) -> Cell:
    try:
        return reader.read(cell, column.type)
    except Misfit:  # what had been typed before, and was refused
        return cell


def _age(edit: Edit) -> float:
    return (datetime.now(UTC) - edit.seen_at).total_seconds()


_QUEUES: dict[sa.Engine, bool] = {}


def has_queue(engine: sa.Engine) -> bool:
    """Whether events are recorded in this database; remembered once they are."""
    if not _QUEUES.get(engine):
        _QUEUES[engine] = sa.inspect(engine).has_table(pending_event.name)
    return _QUEUES[engine]
