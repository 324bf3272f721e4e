"""Our write against a person's: whatever is typed, at whatever moment, is in the inbox or in the tab."""

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from local_sheets.testing import LocalSheetsServer
from sheets_pipeline.database.engine import connect
from sheets_pipeline.errors import RequestRejected, SheetsUnavailable
from sheets_pipeline.pipeline import StoredMemory
from sheets_pipeline.sheets import access
from sheets_pipeline.sheets.copies import CellCopies
from sheets_pipeline.sheets.memory import BaseRows
from sheets_pipeline.sheets.reader import NeedsFullSync
from sheets_pipeline.sheets.shared_requests import SharedRequests
from sheets_pipeline.sync.cells import Cell
from sheets_pipeline.sync.copies import FoundEdit, copies_title
from sheets_pipeline.sync.diff import ChangeSet
from sheets_pipeline.sync.editing import Editing, Edits, RowTarget
from sheets_pipeline.sync.snapshot import column_letters
from sheets_pipeline.sync.tab import Tab
from sheets_pipeline.testing import PEOPLE, Bench
from sheets_pipeline_tests.sheets.family import MAIN, Family, full_sync
from sheets_pipeline_tests.sheets.test_archived import family

__all__ = ["family"]

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

    def __init__(self, tab: Tab = EDITED) -> None:
        self.edited, self.fails = tab.edited, 0
        self.found: list[FoundEdit] = []
        #: Those that a person is asked about.
        self.unsure: list[FoundEdit] = []

    def take(self, changes: ChangeSet, layout: Mapping[str, int], stood: Callable[[Collection[str]], BaseRows]) -> None:
        known = stood(changes.updated_keys)
        key_at = {row: key for key, row in changes.updated_keys.items()}
        for update in changes.updates:
            name = next((name for name in self.edited if layout[name] == update.column), None)
            row = known.get(key_at[update.row])
            if name and row is not None and name in row and row[name] != update.old:
                self.found.append(FoundEdit(key_at[update.row], name, update.old, row.get(name)))

    def note_overwritten(self, found: Sequence[FoundEdit], sent_at: float, *, is_sure: bool = True) -> None:
        if self.fails:
            self.fails -= 1
            raise SheetsUnavailable("The ledger is away.")
        kept = self.found if is_sure else self.unsure
        kept += [edit for edit in found if edit not in kept]

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

    def remembering(self, database: str) -> "EditedBench":
        """Keep what is known in a database, for other processes."""
        self.memory: Any = StoredMemory(connect(database), self.spreadsheet_id, self.tab.title)
        self.use(self.tab)
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
def test_what_rows_hold_stays_known_where_google_refuses_to_write_them(bench: EditedBench, kind: str) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise RequestRejected("You are trying to edit a protected cell or object.", status=400)

    before = bench.memory.base(["1"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(access, "apply_batch", refuse)
        with pytest.raises(RequestRejected):
            bench.run(kind, NEW)
    assert bench.memory.base(["1"]) == before
    assert before["1"] is not None
    bench.put(bench.a1("B2"), [["Typed"]])
    bench.sync(NEW)
    assert bench.inbox.typed == {("1", "name"): "Typed"}


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
            patch.setattr(CellCopies, "compare", killed)
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


def killed(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("kind", ["full", "events"])
def test_where_people_sort_meanwhile_each_edit_is_found_at_its_row_and_nothing_of_ours_is_taken_for_one(
    bench: EditedBench, kind: str
) -> None:
    def sort_and_type() -> None:
        span = {"sheetId": bench.sheet()["sheetId"], "startRowIndex": 1}
        bench.edit({"sortRange": {"range": span, "sortSpecs": [{"dimensionIndex": 0, "sortOrder": "DESCENDING"}]}})
        bench.put(bench.a1("B2"), [["Typed"]])  # Eve's row, where Ada's was

    bench.during("before write", sort_and_type)
    bench.during("after write", lambda: bench.put(bench.a1("B2"), [["Later"]]))  # over what came there by mistake
    bench.run(kind, NEW)
    assert set(bench.inbox.found) == {
        FoundEdit("3", "name", "Typed", "Eve"),
        FoundEdit("3", "name", "Later", "Ada L"),
    }
    assert {row[0]: row[1] for row in bench.values()[1:]} == NEW


def test_what_is_typed_into_a_row_that_is_about_to_be_deleted_is_found(bench: EditedBench) -> None:
    left = {1: "Ada", 2: "Bob"}
    bench.during("before write", lambda: bench.put(bench.a1("B4"), [["Typed"]]))
    bench.sync(left, allow_deletes=5)
    assert bench.inbox.found == [FoundEdit("3", "name", "Typed", "Eve")]
    bench.during("before write", lambda: bench.put(bench.a1("E3"), [[False]]))
    bench.server.faults(action="reset", after=True, kind="write", method="*batchUpdate", count=1)
    bench.event({1: "Ada"}, {"2"})
    assert bench.inbox.found[1:] == [FoundEdit("2", "active", False, True)]


@pytest.mark.parametrize("typed", ["=1/0", '=UPPER("x")', "007", "2026-05-04", "TRUE", "1.5", ""])
def test_whatever_is_typed_is_found_as_the_tab_shows_it(bench: EditedBench, typed: str) -> None:
    bench.put(bench.a1("B3"), [[typed]])
    [[shown]] = bench.values(bench.a1("B3")) or [[""]]
    bench.event({2: "Robert"}, {"2"})
    [edit] = bench.inbox.found
    assert (edit.typed, edit.stood) == (shown if shown != "" else None, "Bob")


def test_a_batch_of_many_rows_brings_back_each(bench: EditedBench) -> None:
    """More rows than the hidden tab has, in several requests, with neighbours and without."""
    rows = {number: f"n{number}" for number in range(1, 1201)}
    bench.sync(rows)
    typed = {str(number): f"Typed {number}" for number in (2, 3, 700, 1199)}

    def type_all() -> None:
        for key, text in typed.items():
            bench.put(bench.a1(f"B{int(key) + 1}"), [[text]])

    bench.during("before write", type_all)
    bench.sync({number: "y" * 1500 if number % 3 else name for number, name in rows.items()})
    assert {key: text for (key, _), text in bench.inbox.typed.items()} == {
        key: text for key, text in typed.items() if int(key) % 3
    }


@pytest.mark.usefixtures("patient_tabs")
def test_tabs_that_share_a_request_find_each_its_own(bench: EditedBench) -> None:
    shared = SharedRequests()
    other = EditedBench(bench.server, replace(EDITED, title="others"), bench.spreadsheet_id)
    other.start()
    for one in (bench, other):
        one.use(one.tab, shared.join())
        one.writer.keep_edits(one.inbox)
    typed: list[str] = []

    def type_in_both() -> None:  # whoever of them sends for both
        if not typed:
            typed.append("once")
            for one in (bench, other):
                one.put(one.a1("B2"), [["Typed"]])

    bench.during("before write", type_in_both)
    other.during("before write", type_in_both)
    bench.server.reset_stats()
    threads = [threading.Thread(target=one.run, args=("full", NEW)) for one in (bench, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert bench.sent()[1] - 2 == 1  # and two by hand
    for one in (bench, other):
        assert one.inbox.found == [FoundEdit("1", "name", "Typed", "Ada")]
        assert one.name_of(1) == "Ada L"


def test_what_is_typed_while_rows_move_to_archive_tabs_is_found_or_moves_along(family: Family) -> None:
    keys = family.submit(*(1 + 1.5 * i for i in range(40)))
    family.sync()
    family.submit(*(i / 30 for i in range(20)))
    inbox, writer, typed = Inbox(family.writer().tab), family.writer(), dict[str, float]()
    writer.inbox_of = lambda _tab: inbox
    write, place = writer.client.write, family.values(f"{MAIN}!1:1")[0].index("score")

    def somebody_types_first(path: str, **request: Any) -> Any:
        key = keys[-1 - len(typed)]  # the oldest rows go first
        title, row = next(
            (title, number)
            for title in family.look().tabs
            for number, [cell, *_] in enumerate(family.values(f"'{title}'!A2:A"), 2)
            if str(cell) == str(key)
        )
        typed[str(key)] = 1000.0 + key
        family.put(f"'{title}'!{column_letters(place)}{row}", [[1000 + key]])
        return write(path, **request)

    writer.client.write = somebody_types_first  # type: ignore[method-assign]
    full_sync(writer, family.engine)
    assert len(typed) > 2
    shown = {key: cells[place] for rows in family.look().tabs.values() for key, cells in rows.items()}
    for key, value in typed.items():
        in_tab = shown[key] not in ("", None) and float(shown[key]) == value
        assert in_tab or inbox.typed.get((key, "score")) == value
    assert any((key, "score") in inbox.typed for key in typed)  # some were written over, or read in time


@pytest.mark.parametrize("ends", ["well", "lost"])
def test_what_is_typed_into_a_cell_that_is_not_written_stays_where_it_is(bench: EditedBench, ends: str) -> None:
    def type_beside() -> None:
        bench.put(bench.a1("E2"), [[False]])  # in the row that is written, another cell
        bench.put(bench.a1("B3"), [["Between"]])  # in a row between two that are written

    bench.during("before write", type_beside)
    if ends == "lost":
        bench.server.faults(action="reset", after=True, kind="write", method="*batchUpdate", count=1)
    bench.event({1: "Ada L", 3: "Eva"}, {"1", "3"})
    shown = [row[1:5:3] for row in bench.values()[1:]]
    assert shown[1:] == [["Between", True], ["Eva", True]]
    # After a lost answer the rows are written anew, with all of their cells.
    assert bench.inbox.found == ([FoundEdit("1", "active", False, True)] if ends == "lost" else [])
    assert shown[0] == ["Ada L", ends == "lost"]
