"""Our write against a person's: whatever is typed, at whatever moment, is in the inbox or in the tab."""

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from local_sheets.testing import LocalSheetsServer
from sheets_pipeline.errors import SheetsUnavailable
from sheets_pipeline.sheets.copies import CellCopies
from sheets_pipeline.sheets.memory import BaseRows
from sheets_pipeline.sheets.reader import NeedsFullSync
from sheets_pipeline.sync.cells import Cell
from sheets_pipeline.sync.copies import FoundEdit, copies_title
from sheets_pipeline.sync.diff import ChangeSet
from sheets_pipeline.sync.editing import Editing, Edits, RowTarget
from sheets_pipeline.testing import PEOPLE, Bench

EDITED = replace(
    PEOPLE,
    columns=tuple(
        replace(column, editing=Editing(f"people.{column.name}")) if column.name in ("name", "active") else column
        for column in PEOPLE.columns
    ),
    edits=Edits((RowTarget("people", {"id": "id"}),)),
)

OLD = {1: "Ada", 2: "Bob", 3: "Eve"}
NEW = {1: "Ada L", 2: "Bob", 3: "Eve"}


class Inbox:
    """Follows the protocol ``EditInbox``; of a full sync's changes it takes none out."""

    def __init__(self) -> None:
        self.found: list[FoundEdit] = []
        self.fails = 0

    def take(self, changes: ChangeSet, layout: Mapping[str, int], stood: Callable[[Collection[str]], BaseRows]) -> None:
        known = stood(changes.updated_keys)
        key_at = {row: key for key, row in changes.updated_keys.items()}
        for update in changes.updates:
            name = next((name for name in EDITED.edited if layout[name] == update.column), None)
            row = known.get(key_at[update.row])
            if name and row is not None and row.get(name) != update.old:
                self.found.append(FoundEdit(key_at[update.row], name, update.old, row.get(name)))

    def note_overwritten(self, found: Sequence[FoundEdit], sent_at: float) -> None:
        if self.fails:
            self.fails -= 1
            raise SheetsUnavailable("The ledger is away.")
        self.found += [edit for edit in found if edit not in self.found]

    @property
    def typed(self) -> dict[tuple[str, str], Cell]:
        return {(edit.key, edit.column): edit.typed for edit in self.found}


class EditedBench(Bench):
    """A bench whose tab people edit: an inbox, and hands that type at a chosen moment."""

    inbox: Inbox

    def start(self, rows: Any = OLD) -> "EditedBench":
        """The tab with these rows, and its hidden tab made."""
        self.inbox = Inbox()
        self.writer.keep_edits(self.inbox)
        self.sync(dict.fromkeys(rows, "x"))
        self.sync(rows)
        self.put(self.a1("H1"), [["theirs"]])
        return self

    def again(self) -> None:
        """As a new process: another writer, the same memory."""
        self.use(self.tab)
        self.writer.keep_edits(self.inbox)

    def during(self, moment: str, act: Callable[[], Any]) -> None:
        """Do something once, before or after the next read or write."""
        when, kind = moment.split()
        send, done = getattr(self.client, kind), threading.Event()

        def sent(*args: Any, **kwargs: Any) -> Any:
            def once(now: str) -> None:
                if when == now and not done.is_set():
                    done.set()
                    act()

            once("before")
            try:
                return send(*args, **kwargs)
            finally:
                once("after")

        setattr(self.client, kind, sent)

    def run(self, kind: str, rows: Any) -> None:
        """A full sync, or an event sync of all rows; a full sync follows where that asks for one."""
        if kind == "events":
            try:
                self.event(rows, {str(key) for key in rows} | {"1", "2", "3"})
            except NeedsFullSync:
                self.sync(rows)
        else:
            self.sync(rows)

    def name_of(self, key: int) -> Any:
        return next(row[1] for row in self.values()[1:] if row[0] == key)


@pytest.fixture
def bench(sheets_server: LocalSheetsServer) -> Any:
    sheets_server.clear_faults()
    yield EditedBench(sheets_server, EDITED).start()
    sheets_server.clear_faults()


MOMENTS = ["before read", "after read", "before write", "after write"]


@pytest.mark.parametrize("kind", ["full", "events"])
@pytest.mark.parametrize("moment", MOMENTS)
def test_what_is_typed_at_any_moment_is_in_the_inbox_or_in_the_tab(bench: EditedBench, moment: str, kind: str) -> None:
    bench.during(moment, lambda: bench.put(bench.a1("B2"), [["Typed"]]))
    bench.run(kind, NEW)
    buried = bench.inbox.typed.get(("1", "name")) == "Typed"
    assert buried != (bench.name_of(1) == "Typed")
    assert buried == (moment != "after write")
    if buried:
        [edit] = bench.inbox.found
        assert edit.stood == "Ada"
        assert bench.name_of(1) == "Ada L"


def test_a_write_of_an_editable_cell_costs_one_read_and_one_write_and_a_sync_with_nothing_new_writes_nothing(
    bench: EditedBench,
) -> None:
    for kind, rows in (("full", NEW), ("events", OLD)):
        bench.server.reset_stats()
        bench.run(kind, rows)
        assert bench.sent()[:2] == (1, 1)
        bench.server.reset_stats()
        bench.run(kind, rows)
        assert bench.sent()[1] == 0
    assert bench.inbox.found == []


def test_the_hidden_tab_is_made_once_and_only_for_tabs_that_people_edit(
    bench: EditedBench, sheets_server: LocalSheetsServer
) -> None:
    title = copies_title(bench.sheet()["sheetId"])
    hidden = bench.sheet(title)
    assert hidden["hidden"]
    assert hidden["gridProperties"] == {"rowCount": 104, "columnCount": 3}
    assert "made anew" in bench.values(f"'{title}'!A1")[0][0]
    for rows in (NEW, OLD):
        bench.sync(rows)
    assert len(bench.call("GET", "?fields=sheets.properties.title")["sheets"]) == 3  # people's Sheet1 among them
    plain = Bench(sheets_server)
    plain.sync(OLD)
    plain.sync(NEW)
    assert len(plain.call("GET", "?fields=sheets.properties.title")["sheets"]) == 2


@pytest.mark.parametrize("harm", ["deleted", "renamed", "shrunk", "forgotten"])
def test_whatever_people_do_to_the_hidden_tab_nothing_is_lost(bench: EditedBench, harm: str) -> None:
    title = copies_title(bench.sheet()["sheetId"])
    sheet_id = bench.sheet(title)["sheetId"]
    properties: dict[str, Any] = {"sheetId": sheet_id, "title": "What is this?"}
    if harm == "deleted":
        bench.edit({"deleteSheet": {"sheetId": sheet_id}})
    elif harm == "renamed":
        bench.edit({"updateSheetProperties": {"properties": properties, "fields": "title"}})
    elif harm == "shrunk":
        span = {"sheetId": sheet_id, "dimension": "ROWS", "startIndex": 1, "endIndex": 104}
        bench.edit({"deleteDimension": {"range": span}})
    elif bench.memory.known is not None:
        bench.memory.known = replace(bench.memory.known, copies=None)
    bench.during("before write", lambda: bench.put(bench.a1("B2"), [["Typed"]]))
    bench.event(NEW, {"1"})
    assert bench.inbox.typed == {("1", "name"): "Typed"}
    bench.server.reset_stats()
    bench.event(OLD, {"1"})
    assert bench.sent()[:2] == (1, 1)
    assert len(bench.call("GET", "?fields=sheets.properties.title")["sheets"]) == 3


@pytest.mark.parametrize("kind", ["full", "events"])
@pytest.mark.parametrize("fault", ["lost", "refused", "killed", "ledger away"])
def test_an_edit_is_found_however_the_write_ends(bench: EditedBench, fault: str, kind: str) -> None:
    def type_it() -> None:
        bench.put(bench.a1("B2"), [["Typed"]])

    bench.during("before write", type_it)
    if fault == "ledger away":
        bench.inbox.fails = 1
        with pytest.raises(SheetsUnavailable):
            bench.run(kind, NEW)
    elif fault == "killed":  # after the write was applied
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(CellCopies, "compare", _killed)
            with pytest.raises(KeyboardInterrupt):
                bench.run(kind, NEW)
    elif fault == "lost":
        bench.server.faults(action="reset", after=True, kind="write", method="*batchUpdate", count=1)
        bench.run(kind, NEW)
    else:
        bench.server.faults(action="error", status=503, kind="write", method="*batchUpdate", count=1)
        bench.run(kind, NEW)
    if fault in ("ledger away", "killed"):
        assert bench.inbox.found == []
        bench.put(bench.a1("B3"), [["Later"]])  # typed over what the dead process may or may not have written
        bench.again()
        bench.run(kind, NEW)
        assert bench.inbox.typed.get(("2", "name"), bench.name_of(2)) == "Later"
        del bench.inbox.found[1:]
    assert bench.inbox.found == [FoundEdit("1", "name", "Typed", "Ada")]
    assert bench.name_of(1) == "Ada L"


def _killed(*_: object, **__: object) -> None:
    raise KeyboardInterrupt
