"""Histories of edits: people, the application, syncs in steps, messages lost, doubled, late; nothing is lost or done twice.

The writer is a model of what it promises (a full sync reads the tab before it compares, an event sync compares with the base);
ledger, merge, reading and applying are the real ones, on SQLite. The judge is that of ``benchmarks.edit_histories``.
"""

import shutil
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from benchmarks.edit_checker import Typed, check
from benchmarks.edit_values import Change
from sheets_pipeline.database.engine import connect
from sheets_pipeline.database.state import TabStore
from sheets_pipeline.edits import decisions, ledger
from sheets_pipeline.edits.ledger import Seen, Source, State
from sheets_pipeline.edits.reading import Reading
from sheets_pipeline.edits.recording import record
from sheets_pipeline.sync.cells import same_cell
from sheets_pipeline.sync.diff import CellUpdate, ChangeSet
from sheets_pipeline.sync.merge import UNKNOWN
from sheets_pipeline_tests.edits.stage import CELLS, KEY, TAB, make_stage

COLUMNS = ("title", "points", "low", "high")
LAYOUT = {name: at for at, name in enumerate(CELLS)}


class Histories(RuleBasedStateMachine):
    """One row of a tab, and everybody who changes it."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="histories-"))
        self.engine = connect(f"sqlite:///{self.folder / 'one.db'}")
        self.stage = make_stage(self.engine, self.engine)
        self.store = TabStore(self.engine, "SHEET", TAB.title)
        client: Any = SimpleNamespace(read=lambda **_: {"properties": {"locale": "en_US", "timeZone": "Etc/UTC"}})
        self.reading = Reading(self.engine, client, "SHEET", TAB)
        self.sheet: dict[str, Any] = dict(CELLS)
        self.typed: list[Typed] = []
        self.changes: list[Change] = []
        self.held = self._row()
        self.sync: Any = None
        self.messages: list[tuple[Source, list[Seen], bool]] = []
        self.taken: set[str] = set()
        self.number = 100

    def teardown(self) -> None:
        try:
            self._come_to_rest()
        finally:
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
            seen.append(Seen(KEY, column, value, old))
            self.sheet[column] = value
            self.typed.append(Typed(TAB.title, KEY, column, str(value), float(self.number)))
        source = Source(f"m{self.number}", "webhook", self._clock(), "en_US", "Etc/UTC", "ada@example.org")
        # Known to be open: while nobody knows what a killed sync left in the row, only messages tell of edits.
        if fate != "lost" or self.store.base([KEY])[KEY] is None:
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

    # Syncs, in steps, one at a time ----------------------------------------------------------------------------------

    @precondition(lambda self: self.sync is None)
    @rule(kind=st.sampled_from(["full", "event"]))
    def compute(self, kind: str) -> None:
        """A sync computes its row, a full one reads the tab."""
        computed_at = self.store.now()
        self.sync = SimpleNamespace(kind=kind, at=computed_at, wanted=self._row(), read=None)
        if kind == "full":
            self.sync.read = dict(self.sheet)

    @precondition(lambda self: self.sync is not None)
    @rule(ends=st.sampled_from(["well", "well", "well", "killed before", "killed after"]))
    def write(self, ends: str) -> None:
        """It compares, says what it is about to write, writes, and notes what it wrote; or is killed on the way."""
        sync, self.sync = self.sync, None
        updates = self._full_updates(sync) if sync.kind == "full" else self._event_updates(sync)
        if not updates:
            return
        if ends != "well":
            self._tell_what_is_lost()
        self.store.intend([KEY])
        if ends == "killed before":
            return
        for name in updates:
            self.sheet[name] = sync.wanted[name]
        if ends == "well":
            self.store.confirm({KEY: sync.wanted})

    def _full_updates(self, sync: Any) -> list[str]:
        if self.store.written_since(sync.at):
            return []
        cells = [
            CellUpdate(1, LAYOUT[name], sync.read[name], sync.wanted[name])
            for name in CELLS
            if not same_cell(sync.read[name], sync.wanted[name])
        ]
        changes = ChangeSet([], cells, [], {KEY: 1} if cells else {}, [])
        self.reading.take(changes, LAYOUT, self.store.base)
        names = [name for name, at in LAYOUT.items() if at in {update.column for update in changes.updates}]
        # Known to be open: a write buries what was typed since the tab was read, where no message tells of it.
        return names if not self._buries(names, sync.read) else []

    def _event_updates(self, sync: Any) -> list[str]:
        base = self.store.base([KEY])[KEY] or {}
        names = [name for name in CELLS if name not in base or not same_cell(base[name], sync.wanted[name])]
        return names if not self._buries(names, None) else []

    def _tell_what_is_lost(self) -> None:
        known = {(edit.column, str(edit.typed)) for edit in self.stage.edits()}
        known |= {(seen.column, str(seen.typed)) for _, some, _ in self.messages for seen in some}
        for edit in self.typed:
            if str(self.sheet[edit.column]) == edit.value and (edit.column, edit.value) not in known:
                self.number += 1
                source = Source(f"m{self.number}", "webhook", self._clock(), "en_US", "Etc/UTC", "ada@example.org")
                self.messages.append((source, [Seen(KEY, edit.column, self.sheet[edit.column])], False))

    def _buries(self, names: list[str], read: Any) -> bool:
        """Whether it would write over an edit that neither a message nor its own read tells of."""
        base = self.store.base([KEY])[KEY]
        known = {(edit.column, str(edit.typed)) for edit in self.stage.edits()}
        known |= {(seen.column, str(seen.typed)) for _, some, _ in self.messages for seen in some}
        typed = {(edit.column, edit.value) for edit in self.typed}
        for name in names:
            cell = (name, str(self.sheet[name]))
            if cell in typed and cell not in known and (read is None or base is None or read[name] != self.sheet[name]):
                return True
        return False

    # What came of it -------------------------------------------------------------------------------------------------

    def _come_to_rest(self) -> None:
        while self.messages:
            source, seen, _ = self.messages.pop(0)
            self._take(source, seen)
        self.sync = None
        for _ in range(8):
            self.apply()
            self.compute("full")
            self.write("well")
        found = check(self.typed, self.changes, self.stage.edits(), sheet_wins=("points",))
        assert not found.damage, found.lines
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


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)
