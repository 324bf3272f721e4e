"""Histories of edits: people, the application, syncs in steps, messages lost, doubled, late; nothing is lost or done twice.

The writer is a model of what it promises (a full sync reads the tab before it compares, an event sync compares with the base);
ledger, merge, reading and applying are the real ones, on SQLite. The judge is that of ``benchmarks.edit_histories``.
"""

import shutil
import tempfile
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from benchmarks.edit_checker import Typed, check
from benchmarks.edit_values import Change
from sheets_pipeline.database.engine import connect
from sheets_pipeline.database.state import TabStore
from sheets_pipeline.edits import decisions, ledger, typed_over
from sheets_pipeline.edits.ledger import Seen, Source, State
from sheets_pipeline.edits.reading import Reading
from sheets_pipeline.edits.recording import record
from sheets_pipeline.sheets.memory import Sent, stood_at
from sheets_pipeline.sync.cells import same_cell
from sheets_pipeline.sync.copies import Copy, found_edits
from sheets_pipeline.sync.diff import CellUpdate, ChangeSet
from sheets_pipeline.sync.merge import UNKNOWN
from sheets_pipeline_tests.edits.stage import CELLS, KEY, TAB, make_stage

COLUMNS = ("title", "points", "low", "high")
ENDS = ("well", "killed before", "killed after")
LAYOUT = {name: at for at, name in enumerate(CELLS)}


class Histories(RuleBasedStateMachine):
    """One row of a tab, and everybody who changes it."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(typed_over, "_CLOCKS", 0.0)  # there is one clock
        self.folder = Path(tempfile.mkdtemp(prefix="histories-"))
        self.engine = connect(f"sqlite:///{self.folder / 'one.db'}")
        self.stage = make_stage(self.engine, self.engine)
        self.store: Any = TabStore(self.engine, "SHEET", TAB.title)
        client: Any = SimpleNamespace(read=lambda *_, **__: {"properties": {"locale": "en_US", "timeZone": "Etc/UTC"}})
        self.reading = Reading(self.engine, client, "SHEET", TAB)
        self.sheet: dict[str, Any] = dict(CELLS)
        self.typed: list[Typed] = []
        self.changes: list[Change] = []
        self.held = self._row()
        self.sync: Any = None
        self.read: Any = None
        self.left: Any = None
        self.messages: list[tuple[Source, list[Seen], bool]] = []
        self.taken: set[str] = set()
        self.number = 100

    def teardown(self) -> None:
        try:
            self.come_to_rest()
        finally:
            self.close()

    def close(self) -> None:
        self.patch.undo()
        self.engine.dispose()
        shutil.rmtree(self.folder, ignore_errors=True)

    # People -------------------------------------------------------------------------------------------------------------

    @rule(column=st.sampled_from(COLUMNS), fate=st.sampled_from(["told", "told", "told", "lost", "doubled"]))
    def type(self, column: str, fate: str) -> None:
        """A value that was never there before."""
        self._edit([column], fate)

    @rule(fate=st.sampled_from(["told", "lost"]))
    def paste(self, fate: str) -> None:
        """Two cells that satisfy a rule of the database only together."""
        self._edit(["low", "high"], fate)

    def _edit(self, columns: list[str], fate: str) -> None:
        seen = []
        for column in columns:
            self.number += 1
            value: Any = f"typed {self.number}" if column == "title" else self.number
            old = self.sheet[column] if len(columns) == 1 else UNKNOWN
            seen.append(Seen(KEY, column, value, old, len(columns) == 1))
            self.sheet[column] = value
            self.typed.append(Typed(TAB.title, KEY, column, str(value), float(self.number)))
        source = Source(f"m{self.number}", "webhook", self._clock(), "en_US", "Etc/UTC", "ada@example.org")
        if fate != "lost":
            self.messages.append((source, seen, fate == "doubled"))

    @precondition(lambda self: self.messages)
    @rule(data=st.data())
    def deliver(self, data: st.DataObject) -> None:
        """Any of the messages under way; one that is doubled comes again, with the same number."""
        at = data.draw(st.integers(0, len(self.messages) - 1))
        source, seen, is_doubled = self.messages.pop(at)
        self._take(source, seen)
        if is_doubled:
            self.messages.append((source, seen, False))

    def _take(self, source: Source, seen: list[Seen]) -> None:
        if source.event_id in self.taken:  # as the intake does
            return
        self.taken.add(source.event_id)
        with ledger.writing(self.engine) as connection:
            record(connection, self.stage.tab_id, seen, source, known_rows_only=True)

    @precondition(lambda self: any(edit.state is State.APPLIED for edit in self.stage.edits()))
    @rule()
    def undo(self) -> None:
        """Take back what was applied last."""
        applied = [edit for edit in self.stage.edits() if edit.state is State.APPLIED]
        decisions.undo(self.engine, [applied[-1].id], "eve")

    # The database -------------------------------------------------------------------------------------------------------

    @rule(column=st.sampled_from(["title", "points"]))
    def change(self, column: str) -> None:
        """The application writes."""
        self.number += 1
        self.stage.change(**{column: f"changed {self.number}" if column == "title" else self.number})
        self._note_changes("platform")

    @rule()
    def apply(self) -> None:
        """What is due, after the time to wait for company."""
        self.stage.apply()
        self._note_changes("sheets-pipeline")

    # Reading for edits, in steps ----------------------------------------------------------------------------------------

    @precondition(lambda self: self.read is None and self.sync is None)
    @rule()
    def look(self) -> None:
        """The tab is read, for what nobody told of."""
        self._recover()
        cells, read_at = dict(self.sheet), self.store.now()
        names = {at: name for name, at in LAYOUT.items()}
        snapshot = SimpleNamespace(column_cells=lambda at: [cells[names[at]]])
        index = SimpleNamespace(doubled=())
        self.read = SimpleNamespace(row_of={KEY: 1}, layout=LAYOUT, snapshot=snapshot, index=index, read_at=read_at)

    @precondition(lambda self: self.read is not None and self.sync is None)
    @rule()
    def compare(self) -> None:
        """And compared with what is known by now."""
        look, self.read = self.read, None
        self.reading.note(look, partial(stood_at, self.store, look.read_at))

    # Syncs, in steps, one at a time ----------------------------------------------------------------------------------

    @precondition(lambda self: self.sync is None and self.read is None)
    @rule(kind=st.sampled_from(["full", "event"]))
    def compute(self, kind: str) -> None:
        """A sync settles what one before it left on its way, and computes its row; a full one reads the tab."""
        self.sync = self._computed(kind)

    def _computed(self, kind: str) -> SimpleNamespace:
        computed_at = self.store.now()
        self._recover()
        wanted, read_at = self._row(), self.store.now()
        read = dict(self.sheet) if kind == "full" else None
        return SimpleNamespace(kind=kind, at=computed_at, wanted=wanted, read=read, read_at=read_at)

    @precondition(lambda self: self.sync is not None)
    @rule(ends=st.sampled_from([*ENDS, "well", "well"]))
    def write(self, ends: str) -> None:
        """It compares, says what it is about to write, copies and writes, and notes both; or is killed on the way."""
        self._send(ends)

    def _send(self, ends: str) -> None:
        sync, self.sync = self.sync, None
        updates = self._full_updates(sync) if sync.kind == "full" else self._event_updates(sync)
        if not updates:
            if sync.kind == "full" and self.store.base([KEY])[KEY] is None:
                self.store.confirm({KEY: sync.wanted})
            return
        way = SimpleNamespace(
            at=self._clock(), sent={name: sync.wanted[name] for name in updates if name in TAB.edited}
        )
        self.store.send({KEY: Sent("version", 0, way.sent)})
        way.copies = None if ends == "killed before" else {name: self.sheet[name] for name in way.sent}
        if way.copies is not None:
            self.sheet |= {name: sync.wanted[name] for name in updates}
        if ends == "well":
            self._bring_back(way)
            self.store.confirm({KEY: sync.wanted})
        else:
            self.left = way

    def meet(self, column: str, kind: str, ends: str) -> None:
        """Somebody types, and no message tells, in the moment before a sync writes that very cell."""
        self.number += 1
        self.stage.change(**{column: f"changed {self.number}" if column == "title" else self.number})
        self._note_changes("platform")
        self.sync = self._computed(kind)
        self._edit([column], "lost")
        self._send(ends)

    def _recover(self) -> None:
        """What was sent was applied or not: the tab's version tells, and the hidden tab still has the copies."""
        way, self.left = self.left, None
        if way is None:
            return
        now = self.store.stood([KEY])[KEY]
        if way.copies is not None:
            self._bring_back(way)
            now = {**(now or {}), **way.sent}
        self.store.settle({KEY: now})

    def _bring_back(self, way: Any) -> None:
        if found := found_edits([Copy(KEY, way.copies)], self.store.stood([KEY])):
            self.reading.note_overwritten(found, way.at)

    def _full_updates(self, sync: Any) -> list[str]:
        cells = [
            CellUpdate(1, LAYOUT[name], sync.read[name], sync.wanted[name])
            for name in CELLS
            if not same_cell(sync.read[name], sync.wanted[name])
        ]
        changes = ChangeSet([], cells, [], {KEY: 1} if cells else {}, [])
        self.reading.take(changes, LAYOUT, partial(stood_at, self.store, sync.read_at))
        changes.leave(self.store.written_since(sync.at))
        written = {update.column for update in changes.updates}
        return [name for name, at in LAYOUT.items() if at in written]

    def _event_updates(self, sync: Any) -> list[str]:
        base = self.store.base([KEY])[KEY] or {}
        return [name for name in CELLS if name not in base or not same_cell(base[name], sync.wanted[name])]

    # What came of it -------------------------------------------------------------------------------------------------

    def come_to_rest(self) -> None:
        while self.messages:
            source, seen, _ = self.messages.pop(0)
            self._take(source, seen)
        self.sync = self.read = None
        for _ in range(8):
            self.apply()
            self.compute("full")
            self.write("well")
        found = check(self.typed, self.changes, self.stage.edits(), sheet_wins=("points",))
        assert not found.damage, found.lines
        typed = {(edit.column, edit.value) for edit in self.typed}
        assert {(edit.column, str(edit.typed)) for edit in self.stage.edits() if edit.seen_by != "undo"} <= typed
        wanted = self._row()
        assert {name: self.sheet[name] for name in COLUMNS} == {name: wanted[name] for name in COLUMNS}

    def _clock(self) -> float:
        return self.store.now()

    def _row(self) -> dict[str, Any]:
        task = self.stage.task()
        return {**CELLS, **{name: getattr(task, name) for name in COLUMNS}}

    def _note_changes(self, who: str) -> None:
        now = self._row()
        for name in COLUMNS:
            if now[name] != self.held[name]:
                number = len(self.changes)
                self.changes.append(Change(number, TAB.title, KEY, name, self.held[name], now[name], who, number))
        self.held = now


@pytest.mark.parametrize("ends", ENDS)
@pytest.mark.parametrize("kind", ["full", "event"])
@pytest.mark.parametrize("column", ["title", "points"])
def test_what_is_typed_in_the_moment_of_a_write_is_in_the_ledger(column: str, kind: str, ends: str) -> None:
    history = Histories()
    history.meet(column, kind, ends)
    history.come_to_rest()
    [edit] = history.stage.edits()
    assert edit.state is (State.CONFLICT if column == "title" else State.APPLIED)
    assert str(edit.typed) == history.typed[-1].value
    history.close()


def test_an_edit_that_was_taken_back_before_its_message_came_stays_so() -> None:
    """It was found as a write brought it back."""
    history = Histories()
    history.change("points")
    history.compute("full")
    history.type("points", "told")
    history.write("well")
    history.apply()
    history.undo()
    history.come_to_rest()
    assert [(edit.state, edit.seen_by) for edit in history.stage.edits()] == [("undone", "read"), ("applied", "undo")]
    history.close()


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)
