"""Applying the plan gives the wanted rows and leaves everything else alone, whatever the grid."""

from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sheets_pipeline.sync.batches import cell_json
from sheets_pipeline.sync.cells import Cell, same_cell
from sheets_pipeline.sync.diff import compare, compare_touched
from sheets_pipeline.sync.headers import locate_columns
from sheets_pipeline.sync.inserts import AT_THE_END, place_after, row_after_ours
from sheets_pipeline.sync.plan import Plan, plan_changes, plan_creation
from sheets_pipeline.sync.rows import Rows, rows_from_frame
from sheets_pipeline.sync.snapshot import index_rows
from sheets_pipeline.sync.tab import Column, ColumnType, OnRemoved, Tab
from sheets_pipeline_tests.sync.grid import Grid

UTC = ZoneInfo("UTC")
TAB = Tab("T", ("id",), (Column("id", ColumnType.INTEGER), Column("name"), Column("score", ColumnType.DECIMAL)))
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8) | st.sampled_from(
    ["=1+1", "007", "+1-555", "1E5", "TRUE", "'x", "@a", "-3", "\n", "é🌵"]
)
SCORE = st.none() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)


def rows_of(records: dict[int, tuple[Any, Any]], tab: Tab = TAB) -> Rows:
    frame = pd.DataFrame(
        {
            "id": pd.Series(list(records), dtype="object"),
            "name": pd.Series([name for name, _ in records.values()], dtype="object"),
            "score": pd.Series([score for _, score in records.values()], dtype="object"),
        }
    )
    return rows_from_frame(tab, frame, UTC)


def sync(grid: Grid, wanted: Rows, owned: set[str], *, tab: Tab = TAB, max_bytes: int = 2_000_000) -> Plan:
    snapshot = grid.snapshot()
    layout = locate_columns(tab, snapshot)
    index = index_rows(tab, snapshot, layout)
    changes = compare(tab, snapshot, layout, index, wanted, lambda keys: owned & set(keys))
    place = place_after(row_after_ours(index, changes.foreign_keys), snapshot, layout)
    plan = plan_changes(tab, 7, snapshot, layout, wanted, changes, max_bytes, place=place)
    grid.apply(plan)
    return plan


@st.composite
def tabs_in_use(draw: st.DrawFn) -> tuple[Grid, dict[int, Any], dict[int, Any], dict[int, str]]:
    """A grid that people live in: columns in any order, theirs between ours, their rows between ours."""
    before = draw(st.dictionaries(st.integers(1, 40), st.tuples(TEXT, SCORE), max_size=12))
    after = draw(st.dictionaries(st.integers(1, 40), st.tuples(TEXT, SCORE), max_size=12))
    order = draw(st.permutations(["id", "name", "score", "note", "colour"]))
    notes: dict[int, str] = {}
    rows: list[list[Any]] = []
    for key in draw(st.permutations(list(before))):
        cells = dict(zip(["id", "name", "score"], [key, *before[key]], strict=True))
        notes[key] = cells["note"] = f"note {key}"
        rows.append([cells.get(name) if cells.get(name) != "" else None for name in order])
        if draw(st.booleans()):
            rows.append([f"mine {len(rows)}" if name == "note" else None for name in order])
    for _ in range(draw(st.integers(0, 2))):  # checkboxes, say, below all
        rows.append([False if name == "colour" else None for name in order])
    spare = draw(st.integers(0, 3))
    return Grid([list(order), *rows, *([None] * 5 for _ in range(spare))]), before, after, notes


@settings(max_examples=200, deadline=None)
@given(tabs_in_use(), st.sampled_from([400, 2_000_000]))
def test_any_grid_becomes_as_wanted_and_keeps_what_is_not_ours(case: Any, max_bytes: int) -> None:
    grid, before, after, notes = case
    header = list(grid.rows[0])
    theirs_before = _without_key(grid)
    wanted = rows_of(after)
    sync(grid, wanted, {str(key) for key in before}, max_bytes=max_bytes)

    assert grid.rows[0] == header
    result = {row[header.index("id")]: row for row in grid.rows[1:] if row[header.index("id")] is not None}
    assert set(result) == set(after)
    for key, row in result.items():
        i = wanted.position[str(key)]
        for name in ("id", "name", "score"):
            assert same_cell(wanted.columns[name][i], row[header.index(name)])
        if key in before:
            assert row[header.index("note")] == notes[key]
    assert _without_key(grid) == theirs_before


def _without_key(grid: Grid) -> list[list[Any]]:
    place = grid.rows[0].index("id")
    return [row for row in grid.rows[1:] if row[place] is None and any(cell is not None for cell in row)]


@settings(max_examples=100, deadline=None)
@given(tabs_in_use())
def test_a_second_sync_sends_nothing(case: Any) -> None:
    grid, before, after, _ = case
    owned = {str(key) for key in before}
    sync(grid, rows_of(after), owned)
    assert sync(grid, rows_of(after), owned).batches == []


@settings(max_examples=100, deadline=None)
@given(tabs_in_use(), st.data())
def test_a_stop_after_any_batch_leaves_whole_rows_and_the_next_sync_finishes(case: Any, data: st.DataObject) -> None:
    grid, before, after, _ = case
    owned = {str(key) for key in before}
    wanted = rows_of(after)
    whole = Grid([list(row) for row in grid.rows])
    plan = sync(whole, wanted, owned, max_bytes=300)
    sent = data.draw(st.integers(0, len(plan.batches)))
    grid.apply(Plan(plan.batches[:sent]))

    header = grid.rows[0]
    old, new = rows_of(before), wanted
    keys = []
    for row in grid.rows[1:]:
        if (key := row[header.index("id")]) is None:
            continue
        keys.append(key)
        cells = [row[header.index(name)] for name in ("id", "name", "score")]
        versions = [rows.row(rows.position[str(key)]).values() for rows in (old, new) if str(key) in rows.position]
        assert any(all(map(same_cell, version, cells)) for version in versions)
    assert len(keys) == len(set(keys))
    sync(grid, wanted, owned | {str(key) for key in after})
    assert sync(grid, wanted, owned).batches == []


def test_cells_sent_are_the_cells_that_differ() -> None:
    grid = Grid([["id", "name", "score"], *([i, f"n{i}", i / 2] for i in range(1, 21))])
    changed = {i: (f"n{i}", i / 2) for i in range(1, 21)} | {3: ("x", 1.5), 4: ("n4", 9), 22: ("new", None)}
    plan = sync(grid, rows_of(changed), set())
    assert plan.cells == 2 + 2
    assert len(plan.batches) == 1


def test_one_changed_column_of_many_rows_is_one_range() -> None:
    grid = Grid([["id", "name", "score"], *([i, "same", i] for i in range(1, 501))])
    plan = sync(grid, rows_of({i: ("same", i + 1) for i in range(1, 501)}), set())
    assert plan.cells == 500
    assert len(orjson.loads(plan.batches[0].body)) == 1


def test_rows_that_were_never_ours_stay() -> None:
    grid = Grid([["id", "name", "score"], [1, "ours", 1], [99, "typed by hand", 2]])
    plan = sync(grid, rows_of({}), {"1"})
    assert [row[0] for row in grid.rows[1:]] == [99]
    assert plan.deletes is not None
    assert plan.deletes.keys == ["1"]


def test_removed_rows_stay_where_the_tab_keeps_them() -> None:
    tab = Tab("T", ("id",), TAB.columns, on_removed=OnRemoved.KEEP)
    grid = Grid([["id", "name", "score"], [1, "a", 1]])
    assert sync(grid, rows_of({}, tab), {"1"}, tab=tab).batches == []


def test_deleting_every_row_leaves_one_row_below_the_header() -> None:
    grid = Grid([["id", "name", "score"], [1, "a", 1], [2, "b", 2]])
    sync(grid, rows_of({}), {"1", "2"})
    assert len(grid.rows) == 2


def test_the_topmost_of_two_rows_with_one_key_is_ours_and_the_other_is_reported() -> None:
    grid = Grid([["id", "name", "score"], [1, "old", 1], [1, "copy", 5]])
    snapshot = grid.snapshot()
    layout = locate_columns(TAB, snapshot)
    index = index_rows(TAB, snapshot, layout)
    assert index.doubled == {"1": [2, 3]}
    sync(grid, rows_of({1: ("new", 1)}), {"1"})
    assert grid.rows[1:] == [[1, "new", 1], [1, "copy", 5]]


def test_true_and_one_are_different_cells() -> None:
    grid = Grid([["id", "name", "score"], [1, "a", True]])
    assert sync(grid, rows_of({1: ("a", 1)}), set()).cells == 1


def append(grid: Grid, wanted: Rows) -> Plan:
    """Add rows below everything, as where Google lets none be put in."""
    snapshot = grid.snapshot()
    layout = locate_columns(TAB, snapshot)
    changes = compare(TAB, snapshot, layout, index_rows(TAB, snapshot, layout), wanted, lambda keys: set())
    plan = plan_changes(TAB, 7, snapshot, layout, wanted, changes, place=AT_THE_END)
    grid.apply(plan)
    return plan


def test_rows_below_everything_grow_the_grid_only_when_it_is_full_and_get_number_formats() -> None:
    roomy = Grid([["id", "name", "score"], [1, "a", 1], [None] * 3])
    assert append(roomy, rows_of({1: ("a", 1), 2: ("b", 2)})).row_count == 3
    assert len(roomy.rows) == 3
    assert roomy.formats == []
    full = Grid([["id", "name", "score"], [1, "a", 1]])
    append(full, rows_of({1: ("a", 1), 2: ("b", 2)}))
    assert len(full.rows) == 103
    assert {span["startRowIndex"] for span in full.formats} == {2}


def test_rows_put_in_bring_their_own_room() -> None:
    grid = Grid([["id", "name", "score"], [1, "a", 1], [None, "theirs", None], [None] * 3])
    plan = sync(grid, rows_of({1: ("a", 1), 2: ("b", 2)}), set())
    assert grid.rows[1:] == [[1, "a", 1], [2, "b", 2], [None, "theirs", None], [None] * 3]
    assert (plan.row_count, plan.grid_cells) == (5, 3)


def test_a_copy_of_a_row_of_ours_counts_as_ours_and_a_row_with_a_key_of_theirs_does_not() -> None:
    snapshot = Grid([["id", "name", "score"], [1, "a", 1], [2, "b", 2], [1, "a", 1], [9, "theirs", 0]]).snapshot()
    assert row_after_ours(index_rows(TAB, snapshot, locate_columns(TAB, snapshot)), {"9"}) == 4


def test_touched_rows_are_written_where_they_differ_from_what_we_last_wrote() -> None:
    grid = Grid([["id", "name", "score"], [1, "a", 1], [2, "b", 2], [3, "c", 3], [4, "d", 4]])
    snapshot = grid.snapshot()
    layout = locate_columns(TAB, snapshot)
    wanted = rows_of({1: ("a", 9), 2: ("b", 2), 3: ("c", 3), 8: ("new", 8)})
    base: dict[str, dict[str, Cell] | None] = {"3": None}
    base |= {key: {"id": int(key), "name": name, "score": int(key)} for key, name in {"1": "a", "2": "b"}.items()}
    changes = compare_touched(TAB, index_rows(TAB, snapshot, layout), layout, wanted, base, ["4"])
    assert [(update.row, update.column) for update in changes.updates] == [(1, 2), (3, 0), (3, 1), (3, 2)]
    grid.apply(plan_changes(TAB, 7, snapshot, layout, wanted, changes))
    assert grid.rows[1:5] == [[1, "a", 9], [2, "b", 2], [3, "c", 3], [8, "new", 8]]


@pytest.mark.parametrize("rows", [0, 1, 500])
def test_a_new_tab_is_created_with_header_formats_and_rows_in_one_request(rows: int) -> None:
    wanted = rows_of({i: (f"name {i}", i) for i in range(1, rows + 1)})
    plan = plan_creation(TAB, 7, wanted)
    assert len(plan.batches) == 1
    requests = orjson.loads(plan.batches[0].body)
    kinds = [next(iter(request)) for request in requests]
    assert kinds[:2] == ["addSheet", "updateCells"]
    assert kinds.count("createDeveloperMetadata") == 3 + 1  # of each column, and the tab's position
    assert kinds.count("updateDimensionProperties") == 3
    grid = requests[0]["addSheet"]["properties"]["gridProperties"]
    assert grid["frozenRowCount"] == 1
    spans = [request["insertDimension"]["range"] for request in requests if "insertDimension" in request]
    made = grid["rowCount"] + sum(span["endIndex"] - span["startIndex"] for span in spans)
    assert made == plan.row_count >= rows + 1 + 100


@pytest.mark.parametrize("kind", ["inserts", "updates", "both", "creation"])
@pytest.mark.parametrize(("rows", "length", "limit"), [(3000, 200, 100_000), (2600, 1000, None)])
def test_payloads_stay_within_the_limit(kind: str, rows: int, length: int, limit: int | None) -> None:
    wanted = rows_of({i: ("x" * length, i) for i in range(1, rows + 1)})
    there = {"inserts": 0, "updates": rows, "both": rows // 2, "creation": 0}[kind]
    snapshot = Grid([["id", "name", "score"], *([i, "old", i] for i in range(1, there + 1))]).snapshot()
    layout = locate_columns(TAB, snapshot)
    changes = compare(TAB, snapshot, layout, index_rows(TAB, snapshot, layout), wanted, lambda keys: set())
    options: Any = {"max_bytes": limit} if limit else {}
    if kind == "creation":
        plan = plan_creation(TAB, 7, wanted, **options)
    else:
        plan = plan_changes(TAB, 7, snapshot, layout, wanted, changes, **options)
    sizes = [batch.bytes for batch in plan.batches]
    assert max(sizes) <= (limit or 2_000_000)
    assert len(sizes) <= 2 * sum(sizes) / (limit or 2_000_000) + 1
    assert sorted(key for batch in plan.batches for key in batch.keys) == sorted(wanted.keys)


@given(TEXT | SCORE | st.booleans())
def test_no_cell_is_ever_sent_as_a_formula(value: Any) -> None:
    cell = orjson.loads(cell_json(value or None))
    kinds = set(cell.get("userEnteredValue", {}))
    assert kinds <= {"stringValue", "numberValue", "boolValue"}
