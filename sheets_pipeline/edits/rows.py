"""Rows that people add, copy, take out or give another key: what is found in one reading of a tab, and what becomes of it."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
import sqlalchemy as sa

from sheets_pipeline.database.state import sync_base_row
from sheets_pipeline.edits import ledger, looks
from sheets_pipeline.edits.base import forgotten
from sheets_pipeline.edits.births import Births
from sheets_pipeline.edits.deletions import delete_row
from sheets_pipeline.edits.ends import Ends
from sheets_pipeline.edits.ledger import Edit, State
from sheets_pipeline.edits.reading import Reading
from sheets_pipeline.edits.row_lines import RowLines
from sheets_pipeline.sheets.cell_dates import Place
from sheets_pipeline.sheets.memory import TabMemory
from sheets_pipeline.sheets.rounds import TabLook
from sheets_pipeline.sync.cells import Cell
from sheets_pipeline.sync.diff import ChangeSet
from sheets_pipeline.sync.guards import unasked
from sheets_pipeline.sync.row_edits import NewRow, RowFindings, find_rows
from sheets_pipeline.sync.rows import Rows
from sheets_pipeline.sync.tab import Tab
from sheets_pipeline.sync.values import EXPECTED

#: A new row is inserted when nobody has typed in it for so long; a row is deleted when it has been gone for so long.
REST_SECONDS, GONE_SECONDS = 3.0, 60.0

_Cells = Mapping[str, Cell]


class TabRows:
    """The rows of one tab; to be used while nobody else writes it."""

    def __init__(self, pipeline: Ends, reading: Reading, tab_id: int, memory: TabMemory) -> None:
        self.pipeline, self.reading, self.tab_id, self.memory = pipeline, reading, tab_id, memory
        self.tab: Tab = reading.tab
        self.births = Births(pipeline, reading.client, reading.tab, tab_id, memory)

    def finish(self, look: TabLook) -> None:
        """Bring to their end rows that a process left on their way."""
        self.births.go_on(look, self.reading.reader())

    def settle(self, look: TabLook) -> float | None:
        """Do what is due of all that was done to rows; returns in how many seconds to look again, None: not by itself.

        Raises:
            SheetsPipelineError: The tab or the database cannot be reached; what was begun goes on with the next sync.
        """
        if self.births.are_left():
            self.finish(look)
            return looks.APART_SECONDS  # it stands otherwise now
        base = self._base()
        found = find_rows(self.tab, look.snapshot, look.layout, look.index, base)
        if not (found.new or found.moved or found.copied or found.missing) and not self._are_open():
            return None
        dates = self._dates(found.new, look.layout)
        new, gone, moment = self._noted(found, base)
        at_rest = [(row, edit) for row, edit in new if _age(edit, moment) >= REST_SECONDS]
        for row, edit in at_rest:
            self._refuse_date(row, edit, dates, look.layout)
        if at_rest or found.moved:
            self.births.begin(look, at_rest, found.moved)
            self._tell_put_back(look, found, base, self.births.go_on(look, self.reading.reader()))
            # What was typed in them until then is read as theirs the next time.
        again = [looks.APART_SECONDS] if found.moved else []
        due = [edit for edit in gone if _age(edit, moment) >= GONE_SECONDS]
        ended = [edit for edit in due if delete_row(self.pipeline, self.tab, edit)]
        self.memory.forget([edit.row_key for edit in ended])
        waits = again + [REST_SECONDS - _age(edit, moment) for _, edit in new]
        waits += [GONE_SECONDS - _age(edit, moment) for edit in gone if edit not in ended]
        return max(min(waits), 0.0) if waits else None

    def hold(self, changes: ChangeSet, look: TabLook, wanted: Rows) -> None:
        """Note what people did to rows, and take out of a full sync's changes what would undo it before it is seen to."""
        edits, index = self.tab.edits, look.index
        missing = self.memory.owned([wanted.keys[i] for i in changes.inserts]) if changes.inserts else ()
        strangers = edits is not None and edits.new_rows and (index.keyless or changes.foreign_keys)
        if not (missing or strangers or index.doubled):
            return
        held = self._held(look, wanted)
        changes.inserts = [i for i in changes.inserts if wanted.keys[i] not in held]

    def _held(self, look: TabLook, wanted: Rows) -> set[str]:
        """Keys of rows that are not to be put in: another reading of the tab sees to them."""
        base = self._base()
        found = find_rows(self.tab, look.snapshot, look.layout, look.index, base)
        found.missing = [key for key in found.missing if key in wanted.position]
        new, gone, moment = self._noted(found, base)
        waits = [0.0 for _ in found.moved] + [REST_SECONDS - _age(edit, moment) for _, edit in new]
        waits += [GONE_SECONDS - _age(edit, moment) for edit in gone]
        if waits:
            with ledger.writing(self.pipeline.state) as connection:
                looks.ask(connection, self.tab_id, max(min(waits), 0.0))
        return {*found.moved, *(edit.row_key for edit in gone)}

    def _dates(self, new: Sequence[NewRow], layout: Mapping[str, int]) -> set[Place]:
        return self.reading.dates(
            (name, cell, (row.row, layout[name])) for row in new for name, cell in row.cells.items()
        )

    def _refuse_date(self, row: NewRow, edit: Edit, dates: set[Place], layout: Mapping[str, int]) -> None:
        """Refuse a new row with a date where its column holds none, as the script's messages are; it is marked for its note."""
        names = [name for name in row.cells if (row.row, layout[name]) in dates]
        for name in names[:1]:
            reason = f"{name}: expected {EXPECTED[self.tab.column(name).type]}, found a date"
            with ledger.writing(self.pipeline.state) as connection:
                ledger.settle(connection, [ledger.Ended(edit, State.REJECTED, reason)])

    def recover(self, look: Callable[[], TabLook | None]) -> None:
        """Before the tab is written: finish what a process left."""
        if self.births.are_left() and (now := look()) is not None:
            self.finish(now)

    # The ledger ----------------------------------------------------------------------------------------------------------

    def _noted(
        self, found: RowFindings, base: Mapping[str, _Cells | None]
    ) -> tuple[list[tuple[NewRow, Edit]], list[Edit], datetime]:
        """New rows and missing ones that wait for nothing but their time, with their lines; and the moment."""
        edits = self.tab.edits
        locale, zone = self.reading.place()
        new: list[tuple[NewRow, Edit]] = []
        gone: list[Edit] = []
        with ledger.writing(self.pipeline.state) as connection:
            lines = RowLines(connection, self.tab_id, locale, zone)
            lines.copied(found.copied)
            if edits is not None and edits.new_rows:
                new = lines.new_rows(found.new, edits.needs_approval_above)
            if edits is not None and edits.deleted_rows:
                refusal = self._refusal(len(found.missing), len(base))
                gone = lines.missing({key: base[key] for key in found.missing}, refusal=refusal)
                if refusal is not None:
                    connection.execute(forgotten(self.tab_id, found.missing))
        return new, [edit for edit in gone if edit.state is State.NEW], lines.moment

    def _refusal(self, missing: int, rows: int) -> str | None:
        limit = unasked(self.tab, rows)
        if missing <= limit and (missing < rows or not rows):
            return None
        return f"{missing} rows were gone at once, and {limit} may be deleted without asking: they were put back"

    def _tell_put_back(
        self, look: TabLook, found: RowFindings, base: Mapping[str, _Cells | None], keys: list[str]
    ) -> None:
        locale, zone = self.reading.place()
        with ledger.writing(self.pipeline.state) as connection:
            lines = RowLines(connection, self.tab_id, locale, zone)
            for key in keys:
                for name in self.tab.key:
                    stood, typed = (base[key] or {}).get(name), look.snapshot.cell(found.moved[key], look.layout[name])
                    if stood != typed:
                        lines.put_back(key, name, stood, typed)

    def _are_open(self) -> bool:
        with self.pipeline.state.connect() as connection:
            return RowLines.are_open(connection, self.tab_id)

    def _base(self) -> dict[str, Any]:
        """What we last wrote in all rows that are ours."""
        columns = sync_base_row.c
        query = sa.select(columns.row_key, columns.cells).where(
            columns.tab_id == self.tab_id, columns.is_gone.is_(False)
        )
        with self.pipeline.state.connect() as connection:
            return {row.row_key: orjson.loads(row.cells) if row.cells else None for row in connection.execute(query)}


def _age(edit: Edit, moment: datetime) -> float:
    return (moment - edit.seen_at).total_seconds()
