"""New rows on their way: marked in the tab, inserted into the database, given their key; each exactly once.

    noted in sheet_row_birth → mark on the row → INSERT and the birth's key in one transaction → key into the marked row
    → base → mark away → forgotten

The mark follows the row. Whatever ends in between, the next sync or reading of the tab goes on from what was noted: a birth
without a key was not inserted, one with a key is never inserted again. Keys that people changed are put back the same way.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson
import sqlalchemy as sa

from sheets_pipeline.database.edit_refusals import Kind, Refusal, refusal
from sheets_pipeline.database.edit_tables import sheet_edit
from sheets_pipeline.database.edit_target import TargetRow
from sheets_pipeline.database.event_keys import TabEvents
from sheets_pipeline.database.row_tables import sheet_row_birth
from sheets_pipeline.edits import ledger, row_steps
from sheets_pipeline.edits.apply import MOST_ATTEMPTS, transactions
from sheets_pipeline.edits.ends import Ends
from sheets_pipeline.edits.ledger import Edit, State
from sheets_pipeline.edits.notes import note_of_row
from sheets_pipeline.edits.row import Refused, taken
from sheets_pipeline.edits.row_lines import refused_rows
from sheets_pipeline.edits.whole_rows import Kept, keep
from sheets_pipeline.errors import DatabaseError
from sheets_pipeline.sheets.born_rows import notes_of_born, rules_of_born
from sheets_pipeline.sheets.client import SheetsClient
from sheets_pipeline.sheets.memory import TabMemory
from sheets_pipeline.sheets.rounds import TabLook
from sheets_pipeline.sheets.row_marks import fill_marked, mark_rows, read_marked, unmark_rows
from sheets_pipeline.sync.cells import Cell, row_keys, same_cell
from sheets_pipeline.sync.notes import row_note_number
from sheets_pipeline.sync.row_edits import NewRow
from sheets_pipeline.sync.tab import Tab
from sheets_pipeline.sync.typed_cells import Reader, database_value
from sheets_pipeline.sync.values import EXPECTED, Misfit, converter

_BIRTH = sheet_row_birth.c
#: An insertion that failed unexpectedly is tried again after so long, in seconds.
_AGAIN_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class _Birth:
    """A row on its way; ``row_key`` is None until the database has it, ``edit_id`` None for a key that is put back."""

    uuid: str
    edit_id: int | None
    row_key: str | None
    key_cells: dict[str, Cell]
    cells: dict[str, Cell]
    is_tried: bool


class Births:
    """The rows of one tab that are on their way; to be used while nobody else writes the tab."""

    def __init__(self, pipeline: Ends, client: SheetsClient, tab: Tab, tab_id: int, memory: TabMemory) -> None:
        self.pipeline, self.client, self.tab, self.tab_id, self.memory = pipeline, client, tab, tab_id, memory
        self._typists: dict[str, set[str]] = {}

    def are_left(self) -> bool:
        """Whether one was begun and is not done."""
        with self.pipeline.state.connect() as connection:
            return (
                connection.execute(sa.select(_BIRTH.uuid).where(_BIRTH.tab_id == self.tab_id).limit(1)).first()
                is not None
            )

    def begin(self, look: TabLook, new: Sequence[tuple[NewRow, Edit]], moved: Mapping[str, int]) -> None:
        """Note rows that are to be inserted, and those (key → 0-based row) that are to get their key back; mark them."""
        births, rows = [], {}
        base = self.memory.base(moved)
        for row, edit in new:
            births.append(self._noted(row.cells, edit_id=edit.id))
            rows[births[-1]["uuid"]] = row.row
        for key, place in moved.items():
            known = base.get(key) or {}
            cells = {name: look.snapshot.cell(place, at) for name, at in look.layout.items()}
            key_cells = {name: known.get(name) for name in self.tab.key}
            births.append(self._noted(cells, row_key=key, key_cells=key_cells))
            rows[births[-1]["uuid"]] = place
        if births:
            with ledger.writing(self.pipeline.state) as connection:
                connection.execute(sheet_row_birth.insert(), births)
            mark_rows(self.client, look.sheet_id, rows)

    def _noted(self, cells: Mapping[str, Cell], **values: Any) -> dict[str, Any]:
        text = {name: orjson.dumps(values.get(name) or {}).decode() for name in ("key_cells",)}
        return {
            "uuid": str(uuid.uuid4()),
            "tab_id": self.tab_id,
            "row_key": None,
            "edit_id": None,
            **values,
            **text,
        } | {
            "cells": orjson.dumps({name: cell for name, cell in cells.items() if cell not in (None, "")}).decode(),
            "is_tried": False,
        }

    def go_on(self, look: TabLook, reader: Reader) -> list[str]:
        """Bring all that were begun to their end; returns the keys that were put back."""
        births = self._begun()
        if not births:
            return []
        marked = read_marked(self.client, [birth.uuid for birth in births])
        if lost := self._cut_elsewhere(look, births, marked):
            mark_rows(self.client, look.sheet_id, lost, again=lost)
            marked |= read_marked(self.client, list(lost))
        ready: list[tuple[_Birth, dict[str, Cell]]] = []
        for birth in births:
            if (row := marked.get(birth.uuid)) is None:
                continue
            cells = {name: row[at] if at < len(row) else None for name, at in look.layout.items()}
            if birth.row_key is None:
                born = self._insert(birth, reader) if self._is_as_typed(birth, cells) else None
            else:
                born = birth if self._is_its_row(birth, cells) else None
            if born is not None:
                ready.append((born, cells))
        self._give_keys(look, ready)
        also = self._rules(look, [birth for birth, _ in ready if birth.edit_id is not None])
        self._end(births, [*also, *self._notes(look, births)])
        return [birth.row_key for birth, _ in ready if birth.row_key and birth.edit_id is None]

    def _begun(self) -> list[_Birth]:
        query = sa.select(sheet_row_birth).where(_BIRTH.tab_id == self.tab_id).order_by(_BIRTH.edit_id, _BIRTH.uuid)
        with self.pipeline.state.connect() as connection:
            return [
                _Birth(
                    row.uuid,
                    row.edit_id,
                    row.row_key,
                    orjson.loads(row.key_cells or "{}"),
                    orjson.loads(row.cells),
                    row.is_tried,
                )
                for row in connection.execute(query)
            ]

    # Whose row it is ------------------------------------------------------------------------------------------------------

    def _is_as_typed(self, birth: _Birth, cells: Mapping[str, Cell]) -> bool:
        """Whether nobody has typed on since, and the mark came to the row that was meant."""
        return all(same_cell(birth.cells.get(name), cell) for name, cell in cells.items())

    def _is_its_row(self, birth: _Birth, cells: Mapping[str, Cell]) -> bool:
        """Whether a key may be written there: of a row that holds something, and no other key."""
        if birth.edit_id is None:
            return self._is_as_typed(birth, cells)
        key = row_keys([[cells.get(name)] for name in self.tab.key])[0]
        is_free = all(
            cells.get(name) in (None, "") or same_cell(cells.get(name), birth.key_cells.get(name))
            for name in self.tab.key
        )
        return key == birth.row_key or (is_free and any(cell not in (None, "") for cell in cells.values()))

    def _cut_elsewhere(
        self, look: TabLook, births: Sequence[_Birth], marked: Mapping[str, list[Cell]]
    ) -> dict[str, int]:
        """Rows that were inserted and stand in another row now than their mark, which marks what was cut out."""
        found: dict[str, int] = {}
        for birth in births:
            row = marked.get(birth.uuid, [])
            if (
                birth.edit_id is None
                or birth.row_key is None
                or any(row[at : at + 1] not in ([], [""]) for at in look.layout.values())
            ):
                continue
            for place in range(1, look.snapshot.last_row):
                cells = {name: look.snapshot.cell(place, at) for name, at in look.layout.items()}
                if self._is_as_typed(birth, cells) and place not in found.values():
                    found[birth.uuid] = place
                    break
        return found

    # Into the database -----------------------------------------------------------------------------------------------------

    def _insert(self, birth: _Birth, reader: Reader) -> _Birth | None:
        """Insert the row; None where it was refused, or is to be tried again."""
        with self.pipeline.state.connect() as connection:
            found = ledger.select(connection, sheet_edit.c.id == birth.edit_id, sheet_edit.c.state == State.NEW.value)
        if not found:
            return None
        edit = found[0]
        if birth.is_tried:  # ledger and platform are two databases, and the process ended in between
            text = (
                "the process ended while the row was inserted: see whether the database has it; accept inserts it again"
            )
            self._settle(edit, State.DEAD, text)
            return None
        try:
            edit = self._by_whom(birth, edit)
            values = self._values(birth.cells, reader, edit)
            if self.pipeline.platform is not self.pipeline.state:
                with ledger.writing(self.pipeline.state) as connection:
                    tried = sheet_row_birth.update().where(_BIRTH.uuid == birth.uuid)
                    connection.execute(tried.values(is_tried=True))
            return self._inserted(birth, edit, values, reader)
        except Refused as refused:
            self._settle(edit, State.REJECTED, str(refused))
        except Exception as error:
            self._failed(edit, error, refusal(error))
        return None

    def _by_whom(self, birth: _Birth, edit: Edit) -> Edit:
        """Note who typed the row: all of them, where several did."""
        cells = {name: birth.cells.get(name) for name in self.tab.edited}
        with ledger.writing(self.pipeline.state) as connection:
            self._typists = row_steps.typists_of(connection, self.tab_id, cells)
            people = sorted(set().union(*self._typists.values()))
            editor = "" if "" in people else ", ".join(people)[:254]
            connection.execute(sheet_edit.update().where(sheet_edit.c.id == edit.id).values(editor=editor))
        return replace(edit, editor=editor)

    def _values(self, typed: Mapping[str, Cell], reader: Reader, edit: Edit) -> dict[str, Any]:
        """Column of the table → value.

        Raises:
            Refused: The declaration does not take one of the cells.
        """
        own, values = self.tab.edits.own if self.tab.edits else None, {}
        keys = {name: column for column, name in own.key.items()} if own else {}
        for name, cell in typed.items():
            column, editing = self.tab.column(name), self.tab.edited.get(name)
            try:
                if editing is not None and own is not None and editing.target.table == own.table:
                    for editor in sorted(self._typists.get(name, {""})):
                        read = taken(cell, editor if edit.is_of_sheet else None, column, editing, reader)
                    values[editing.target.column] = database_value(read, column.type, reader.zone)
                elif name in keys:
                    values[keys[name]] = database_value(reader.read(cell, column.type), column.type, reader.zone)
            except Misfit as misfit:
                raise Refused(f"{name}: expected {EXPECTED[column.type]}, found {misfit.kind}") from None
        return values

    def _inserted(self, birth: _Birth, edit: Edit, values: Mapping[str, Any], reader: Reader) -> _Birth:
        """Insert the row, and note its key and what became of its line, in one transaction."""
        if self.tab.edits is None:
            raise TypeError(f"The tab {self.tab.title!r} does not say into which table its rows go.")
        own = self.tab.edits.own
        with transactions(self.pipeline) as (platform, state):
            row = TargetRow(platform, own.table, values, list(own.key)).insert()
            by_column = {column: row[column] for column in own.key}
            by_name = {name: row[column] for column, name in own.key.items()}
            key = TabEvents((), (), tuple(map(self.tab.column, self.tab.key))).key_of_values(
                [by_name[name] for name in self.tab.key]
            )
            parts = dict(zip(self.tab.key, [by_name[name] for name in self.tab.key], strict=True))
            cells = {name: self._key_cell(name, value, reader) for name, value in parts.items()}
            mine = sheet_row_birth.update().where(_BIRTH.uuid == birth.uuid)
            state.execute(mine.values(row_key=key, key_cells=orjson.dumps(cells).decode()))
            ledger.settle(state, [_applied(edit, keep(platform, self.tab, by_column, edit))])
            row_steps.forget(state, self.tab_id, {name: birth.cells.get(name) for name in self.tab.edited})
            state.execute(sheet_edit.update().where(sheet_edit.c.id == edit.id).values(row_key=key))
        return _Birth(birth.uuid, birth.edit_id, key, cells, birth.cells, birth.is_tried)

    def _key_cell(self, name: str, value: Any, reader: Reader) -> Cell:
        return converter(self.tab.column(name).type, reader.zone)(value)

    def _settle(self, edit: Edit, state: State, reason: str) -> None:
        with ledger.writing(self.pipeline.state) as connection:
            ledger.settle(connection, [ledger.Ended(edit, state, reason)])

    def _failed(self, edit: Edit, error: Exception, why: Refusal) -> None:
        if why.kind is Kind.AWAY and isinstance(error, DatabaseError):
            raise error
        if why.kind is Kind.REFUSED:
            self._settle(edit, State.REJECTED, why.reason)
        elif why.kind is Kind.UNEXPECTED and edit.attempts + 1 >= MOST_ATTEMPTS:
            self._settle(edit, State.DEAD, f"{why.reason}; tried {edit.attempts + 1} times")
        else:
            with ledger.writing(self.pipeline.state) as connection:
                ledger.postpone(connection, [edit], _AGAIN_SECONDS, why.reason, counts=why.kind is Kind.UNEXPECTED)

    # Into the tab ----------------------------------------------------------------------------------------------------------

    def _give_keys(self, look: TabLook, ready: Sequence[tuple[_Birth, dict[str, Cell]]]) -> None:
        """Keys into the marked rows; what they hold is their base from now on."""
        lacking = {
            birth.uuid: {
                look.layout[name]: cell for name, cell in birth.key_cells.items() if not same_cell(cell, cells[name])
            }
            for birth, cells in ready
        }
        lacking = {uuid: cells for uuid, cells in lacking.items() if cells}
        if lacking:
            fill_marked(self.client, lacking)
        self.memory.confirm(
            {b.row_key: dict.fromkeys(cells) | b.cells | b.key_cells for b, cells in ready if b.row_key and b.edit_id}
        )

    def _rules(self, look: TabLook, born: Sequence[_Birth]) -> list[dict[str, Any]]:
        """What gives rows that were typed the dropdowns and other rules of the rows of ours."""
        facts = self.memory.facts()
        if not born or facts is None:
            return []
        rows = sorted(look.row_of.values())
        return rules_of_born(self.client, look.sheet_id, look.layout, facts.rules, [one.uuid for one in born], rows)

    def _notes(self, look: TabLook, births: Sequence[_Birth]) -> list[dict[str, Any]]:
        """What tells on rows that they were refused, and takes that away from those that have been inserted since."""
        with self.pipeline.state.connect() as connection:
            mine = sheet_edit.c.id.in_([birth.edit_id for birth in births if birth.edit_id is not None])
            lines = {edit.id: edit for edit in ledger.select(connection, mine)}
            if not lines or not refused_rows(connection, self.tab_id):
                return []
        wanted: dict[str, tuple[int, str] | None] = {}
        for birth in births:
            line = lines.get(birth.edit_id or 0)
            if line is not None and line.state in (State.APPLIED, State.REJECTED, State.DEAD):
                places = [look.layout[name] for name in (*self.tab.edited, *birth.cells) if name in birth.cells]
                wanted[birth.uuid] = None if line.state is State.APPLIED else (places[0], note_of_row(line))
        return notes_of_born(self.client, look.sheet_id, wanted, self._ours) if wanted else []

    def _ours(self, notes: Sequence[str]) -> set[str]:
        """Those of the notes that we wrote on rows of this tab."""
        numbers = {text: row_note_number(text) for text in notes}
        with self.pipeline.state.connect() as connection:
            mine = (sheet_edit.c.tab_id == self.tab_id) & sheet_edit.c.id.in_([n for n in numbers.values() if n])
            known = set(connection.scalars(sa.select(sheet_edit.c.id).where(mine)))
        return {text for text, number in numbers.items() if number in known}

    def _end(self, births: Sequence[_Birth], also: Sequence[Mapping[str, Any]]) -> None:
        uuids = [birth.uuid for birth in births]
        unmark_rows(self.client, uuids, also)
        with ledger.writing(self.pipeline.state) as connection:
            connection.execute(sheet_row_birth.delete().where(_BIRTH.uuid.in_(uuids)))


def _applied(edit: Edit, kept: Kept | None) -> ledger.Ended:
    if kept is None:
        return ledger.Ended(edit, State.APPLIED)
    return ledger.Ended(edit, State.APPLIED, in_database=None, stored=kept.shown, whole_row=kept.whole)
