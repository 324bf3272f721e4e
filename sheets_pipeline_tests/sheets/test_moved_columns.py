"""People who move columns, rename a header or duplicate the tab in the moment of a write, and a process that is killed then."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from local_sheets.testing import LocalSheetsServer
from sheets_pipeline.database.engine import connect
from sheets_pipeline.database.upgrade import install_state
from sheets_pipeline.sheets.copies import CellCopies
from sheets_pipeline.sync.copies import FoundEdit
from sheets_pipeline_tests.sheets.test_copies import EDITED, NEW, EditedBench, Inbox, bench, killed

__all__ = ["bench"]


def _by_header(bench: EditedBench) -> dict[int, dict[str, Any]]:
    header, *rows = bench.values()
    padded = [dict(zip(header, [*row, *[""] * len(header)], strict=False)) for row in rows]
    return {row["id"]: row for row in padded if row["id"] != ""}


def run_killed(bench: EditedBench, kind: str) -> None:
    """A run whose process dies between Google's answer and looking at it; the next one begins anew."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CellCopies, "compare", killed)
        with pytest.raises(KeyboardInterrupt):
            bench.run(kind, NEW)
    bench.again()


def _span(bench: EditedBench, first: int, end: int) -> dict[str, Any]:
    return {"sheetId": bench.sheet()["sheetId"], "dimension": "COLUMNS", "startIndex": first, "endIndex": end}


#: What people do to columns → from where and to where one moves; None: its header is renamed, the tab is duplicated.
SHIFTS: dict[str, Any] = {
    "an editable one away": (1, 8),
    "people's before the key": (7, 0),
    "people's to the place of an editable one": (7, 1),
    "two editable ones": (4, 1),
    "the key away": (0, 3),
    "header renamed": None,
    "tab duplicated": None,
}


@pytest.mark.parametrize(
    ("kind", "ends"), [("full", "well"), ("events", "well"), ("events", "killed"), ("full", "lost")]
)
@pytest.mark.parametrize("what", SHIFTS)
def test_whatever_people_do_to_columns_in_the_moment_of_a_write_nothing_is_lost_or_taken_for_another(
    bench: EditedBench, what: str, kind: str, ends: str
) -> None:
    """Somebody types into the cell that is about to be written, and columns move, all before the write comes."""
    bench.put(bench.a1("H2"), [["mine"], ["yours"], ["hers"]])

    def act() -> None:
        bench.put(bench.a1("B2"), [["Typed"]])
        if what == "header renamed":
            bench.put(bench.a1("B1"), [["Who"]])
        elif what == "tab duplicated":
            bench.edit({"duplicateSheet": {"sourceSheetId": bench.sheet()["sheetId"], "newSheetName": "Copy"}})
        else:
            first, before = SHIFTS[what]
            bench.edit({"moveDimension": {"source": _span(bench, first, first + 1), "destinationIndex": before}})
        if ends == "lost":
            bench.server.faults(action="reset", after=True, kind="write", method="*batchUpdate", count=1)

    bench.during("before write", act)
    if ends == "killed":
        run_killed(bench, kind)
    bench.run(kind, NEW)
    bench.sync(NEW)
    rows, name = _by_header(bench), "Who" if what == "header renamed" else "Full name"
    assert bench.inbox.typed in ({("1", "name"): "Typed"}, {})
    is_kept = any(edit.typed == "Typed" for edit in [*bench.inbox.found, *bench.inbox.unsure])
    assert is_kept or "Typed" in [row[name] for row in rows.values()]
    assert {key: rows[key][name] for key in NEW if rows[key][name] != "Typed"}.items() <= NEW.items()
    if ends == "well":
        assert list(rows) == list(NEW)
        assert [row["theirs"] for row in rows.values()] == ["mine", "yours", "hers"]
        assert {row["active"] for row in rows.values()} == {True}


def sync_and_die(endpoint: str, spreadsheet_id: str, database: str) -> None:
    """In a process of its own: an event sync that is killed when its write is applied, before it hears of that."""
    server: Any = SimpleNamespace(endpoint=endpoint)
    bench = EditedBench(server, EDITED, spreadsheet_id).remembering(database)
    bench.inbox = Inbox()
    bench.again()
    bench.during("after write", lambda: os.kill(os.getpid(), signal.SIGKILL))
    bench.event(NEW, {"1"})


@pytest.mark.parametrize("moves", [False, True])
def test_a_process_that_is_killed_between_the_copy_and_the_answer_loses_no_edit(
    sheets_server: LocalSheetsServer, tmp_path: Path, moves: bool
) -> None:
    install_state(connect(url := f"sqlite:///{tmp_path / 'memory.db'}"))
    bench = EditedBench(sheets_server, EDITED).remembering(url).start()
    bench.put(bench.a1("B2"), [["Typed"]])
    code = f"from {__name__} import sync_and_die; sync_and_die({bench.server.endpoint!r}, {bench.spreadsheet_id!r}, {url!r})"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == -signal.SIGKILL
    assert (bench.name_of(1), bench.inbox.found) == ("Ada L", [])
    if moves:  # before the next process looks: what was written moved along, so that the write came first
        bench.edit({"moveDimension": {"source": _span(bench, 1, 2), "destinationIndex": 5}})
    bench.again()
    bench.run("events", NEW)
    assert (bench.inbox.found, bench.inbox.unsure) == ([FoundEdit("1", "name", "Typed", "Ada")], [])
    assert {key: row["Full name"] for key, row in _by_header(bench).items()} == NEW


@pytest.mark.parametrize("kind", ["full", "events"])
@pytest.mark.parametrize(
    "what", ["the key to the place of an editable one", "people's to the place of an editable one"]
)
def test_what_a_dead_process_wrote_into_other_columns_is_put_back_by_the_next(
    bench: EditedBench, what: str, kind: str
) -> None:
    """Columns move in the moment of a write, which hits the key or people's own, and the process hears no answer."""
    bench.put(bench.a1("H2"), [["mine"], ["yours"], ["hers"]])

    def act() -> None:
        bench.put(bench.a1("B2"), [["Typed"]])
        first, before = (0, 2) if what.startswith("the key") else (7, 1)
        bench.edit({"moveDimension": {"source": _span(bench, first, first + 1), "destinationIndex": before}})

    bench.during("before write", act)
    run_killed(bench, kind)
    bench.run(kind, NEW)
    bench.sync(NEW)
    rows = _by_header(bench)
    assert list(rows) == list(NEW)
    assert [row["theirs"] for row in rows.values()] == ["mine", "yours", "hers"]
    assert bench.inbox.typed == {("1", "name"): "Typed"}
    assert bench.inbox.unsure == []
    assert {key: row["Full name"] for key, row in rows.items()} == NEW


def test_columns_that_move_after_the_very_first_write_take_what_it_wrote_along(
    sheets_server: LocalSheetsServer,
) -> None:
    """Its answer shows no headers, as the hidden tab is made by the same request."""
    bench = EditedBench(sheets_server, EDITED)
    bench.inbox = Inbox()
    bench.writer.keep_edits(bench.inbox)
    bench.sync({1: "Ada", 2: "Bob", 3: "Eve"})
    move = {"moveDimension": {"source": _span(bench, 4, 5), "destinationIndex": 1}}  # two that people edit
    bench.during("after write", lambda: bench.edit(move))
    bench.sync(NEW)
    bench.sync(NEW)
    assert (bench.inbox.found, bench.inbox.unsure) == ([], [])
    assert {key: row["Full name"] for key, row in _by_header(bench).items()} == NEW
