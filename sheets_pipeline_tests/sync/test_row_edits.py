"""What people did to rows, told from one reading: added, copied or took out some, or changed the key of one."""

from typing import Any

import pytest

from sheets_pipeline.sync.cells import KEY_SEPARATOR
from sheets_pipeline.sync.editing import Editing, Edits, RowTarget
from sheets_pipeline.sync.row_edits import RowFindings, find_rows
from sheets_pipeline.sync.row_rules import row_faults
from sheets_pipeline.sync.snapshot import index_rows
from sheets_pipeline.sync.tab import Column, ColumnType, Tab
from sheets_pipeline_tests.sync.grid import Grid

OWN = RowTarget("task", {"id": "id"})
COLUMNS = (
    Column("id", ColumnType.INTEGER),
    Column("title", editing=Editing("task.title")),
    Column("status", editing=Editing("task.status")),
    Column("hours", ColumnType.DECIMAL, editing=Editing("task.hours")),
    Column("owner"),
)
TAB = Tab("Tasks", ("id",), COLUMNS, edits=Edits((OWN,), new_rows=True, needs=("title",), deleted_rows="hard"))
LAYOUT = {column.name: i for i, column in enumerate(COLUMNS)}
HEADER = [column.name for column in COLUMNS]

ONE, TWO, THREE = [1, "Paint", "open", 2, "Ada"], [2, "Draw", "done", 3, "Bob"], [3, "Sand", "open", 4, "Eve"]


def ours(*rows: list[Any]) -> dict[str, Any]:
    return {str(row[0]): dict(zip(HEADER, row, strict=True)) for row in rows}


BASE = ours(ONE, TWO, THREE)


def found(rows: list[list[Any]], base: Any = BASE, tab: Tab = TAB) -> RowFindings:
    snapshot = Grid([HEADER, *rows], width=len(HEADER)).snapshot()
    return find_rows(tab, snapshot, LAYOUT, index_rows(tab, snapshot, LAYOUT), base)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param([ONE, TWO, THREE], {}, id="as it was"),
        pytest.param([THREE, ONE, TWO], {}, id="sorted"),
        pytest.param([ONE, THREE], {"missing": ["2"]}, id="taken out"),
        pytest.param([ONE, [None, *TWO[1:]], THREE], {"moved": {"2": 2}}, id="key cleared"),
        pytest.param([ONE, [9, *TWO[1:]], THREE], {"moved": {"2": 2}}, id="key typed over"),
        pytest.param([ONE, [None, "Draw", "open", 3, "Bob"], THREE], {"moved": {"2": 2}}, id="and one cell of four"),
        pytest.param([ONE, [None, "Dig", "open", 3, "Bob"], THREE], {"missing": ["2"], "new": [2]}, id="and two cells"),
        pytest.param([ONE, TWO, THREE, TWO], {"copied": ["2"]}, id="copied"),
        pytest.param([ONE, TWO, TWO], {"copied": ["2"]}, id="copied over another one, which is not known to be gone"),
        pytest.param([ONE, TWO, THREE, [None, "Dig"]], {"new": [4]}, id="a new row"),
        pytest.param([ONE, TWO, THREE, [None, None, "open"]], {}, id="a new row whose title is missing"),
        pytest.param([ONE, TWO, THREE, [9, "Dig"]], {}, id="a key that the database gives was typed"),
        pytest.param([ONE, TWO, THREE, [None, ""]], {}, id="blank text is nothing"),
        pytest.param([[None, *ONE[1:]], [None, *ONE[1:]], TWO, THREE], {}, id="two rows could be the missing one"),
    ],
)
def test_what_was_done_to_rows(rows: list[list[Any]], expected: dict[str, Any]) -> None:
    findings = found(rows)
    told: dict[str, Any] = {"moved": findings.moved, "copied": findings.copied, "missing": findings.missing}
    told["new"] = [one.row for one in findings.new]
    assert {name: one for name, one in told.items() if one} == expected


FIXED = ("owner", "team", "made_at", "price")
WIDE = Tab(
    "Tasks",
    ("id",),
    (*COLUMNS, *(Column(name) for name in FIXED[1:])),
    edits=Edits((OWN,), new_rows=True, needs=("title",), deleted_rows="hard"),
)
FOUR = [4, "Paint", "open", 2, "Ada", "north", "monday", 7]
FIVE = [5, "Draw", "done", 3, "Ada", "north", "tuesday", 7]


def found_in_wide(rows: list[list[Any]], *known: list[Any]) -> RowFindings:
    header = [column.name for column in WIDE.columns]
    snapshot = Grid([header, *rows], width=len(header)).snapshot()
    layout = {name: i for i, name in enumerate(header)}
    base = {str(row[0]): dict(zip(header, row, strict=True)) for row in known}
    return find_rows(WIDE, snapshot, layout, index_rows(WIDE, snapshot, layout), base)


@pytest.mark.parametrize("key", [None, 99])
def test_a_row_that_was_pasted_over_is_known_again_by_what_people_do_not_edit(key: int | None) -> None:
    pasted = [key, "Sand", "late", 9, *FOUR[4:]]
    assert found_in_wide([pasted, FIVE], FOUR, FIVE).moved == {"4": 1}
    twin = [6, *FIVE[1:4], *FOUR[4:]]
    both = found_in_wide([pasted, FIVE], FOUR, FIVE, twin)  # it could be either
    assert (both.moved, both.missing, both.new) == ({}, [], [])
    sure = found_in_wide([pasted, FIVE, [None, *twin[1:]]], FOUR, FIVE, twin)  # one of them stands elsewhere
    assert sure.moved == {"6": 3, "4": 1}
    copy = found_in_wide([pasted, [5, *twin[1:]]], FOUR, [5, *twin[1:]])  # 4 was taken out, and 5 copied
    assert (copy.moved, copy.missing, copy.new) == ({}, [], [])
    other = found_in_wide([[key, *FOUR[1:7], 8], FIVE], FOUR, FIVE)  # one cell of eight alone
    assert other.moved == {"4": 1}
    assert found_in_wide([[key, "Sand", *FOUR[2:7], 8], FIVE], FOUR, FIVE).moved == {}
    typed = found_in_wide([[None, "Sand", "late", 9], FIVE], FOUR, FIVE)
    assert (typed.missing, [one.row for one in typed.new]) == (["4"], [1])


def test_rows_of_which_nothing_is_known_are_not_missed() -> None:
    assert found([ONE], {**BASE, "2": None, "3": None}).missing == []


def test_a_new_row_gives_its_filled_cells_and_a_typed_key_once() -> None:
    [new] = found([ONE, TWO, THREE, [None, "Dig", "", 0]]).new
    assert new.cells == {"title": "Dig", "hours": 0}
    typed = Tab("Tasks", ("id",), COLUMNS, edits=Edits((OWN,), new_rows=True, needs=("id", "title")))
    dug = [[7, "Dig"], [7, "Dug"], [8, "Dag"]]
    assert [one.cells["title"] for one in found([ONE, TWO, THREE, *dug], tab=typed).new] == ["Dig", "Dag"]
    plain = Tab("Tasks", ("id",), COLUMNS, edits=Edits((OWN,), deleted_rows="hard"))
    assert found([ONE, TWO, THREE, *dug], tab=plain).new == []


def test_two_alike_that_lost_their_keys_are_neither_missing_nor_new() -> None:
    """Nobody knows which is which; nothing is deleted, nothing inserted."""
    alike = ours([1, *TWO[1:]], TWO, THREE)
    findings = found([[None, *TWO[1:]], [None, *TWO[1:]], THREE], alike)
    assert (findings.moved, findings.missing, findings.new) == ({}, [], [])


def faults(edits: Edits, key: tuple[str, ...] = ("id",), *, is_parted: bool = False) -> list[str]:
    return [text for _, text in row_faults(key, COLUMNS, edits, is_parted=is_parted)]


@pytest.mark.parametrize(
    ("edits", "says"),
    [
        (Edits((OWN,), new_rows=True, needs=("title",), deleted_rows="soft"), ""),
        (Edits((OWN,), needs=("title",)), "Add new_rows: insert"),
        (Edits((OWN,), new_rows=True), "needs is missing"),
        (Edits((OWN,), new_rows=True, needs=("tilte",)), "'tilte' is not among the tab's columns"),
        (Edits((OWN,), new_rows=True, needs=("owner",)), "nobody can type 'owner' into 'task'"),
        (Edits((RowTarget("task", {"nr": "nr"}),), new_rows=True, needs=("title",)), "is not in the key of 'task'"),
        (Edits((OWN,), deleted_rows="soft", deleted_column="status"), "people edit it as 'status'"),
        (Edits((OWN,), deleted_rows="soft", deleted_column="id"), "part of the key of 'task'"),
        (Edits((OWN,), deleted_rows="hard", deleted_column="id"), ""),
        (Edits(()), ""),
    ],
)
def test_what_can_be_wrong_with_a_declaration_of_rows(edits: Edits, says: str) -> None:
    told = faults(edits)
    assert (len(told), says in "".join(told)) == (bool(says), True)


def test_rows_of_a_tab_with_archive_tabs_are_left_alone() -> None:
    assert faults(Edits((OWN,), deleted_rows="hard"), is_parted=True) == [
        "rows of a tab with archive tabs are neither added nor deleted in the sheet: they move"
    ]
    assert faults(Edits((OWN,)), is_parted=True) == []
    assert KEY_SEPARATOR not in "".join(faults(Edits((OWN,), new_rows=True), ("id", "title")))
