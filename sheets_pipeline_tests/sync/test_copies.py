"""Copies of what is written over: whatever is copied comes back whole, at its row and column, and tells the edits."""

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from sheets_pipeline.sync.batches import Batch
from sheets_pipeline.sync.cells import same_cell
from sheets_pipeline.sync.copies import FIRST_ROW, copied_names, copied_rows, copy_requests, found_edits, read_copies
from sheets_pipeline.sync.editing import Editing, Edits, RowTarget
from sheets_pipeline.sync.tab import Column, Tab

TAB = Tab(
    "T",
    ("id",),
    (Column("id"), *(Column(name, editing=Editing(f"t.{name}")) for name in ("a", "b", "c")), Column("plain")),
    edits=Edits((RowTarget("t", {"id": "id"}),)),
)
NAMES = copied_names(TAB)

PLACES = st.lists(st.integers(0, 9), min_size=len(NAMES), max_size=len(NAMES), unique=True)
ROWS = st.sets(st.integers(1, 60), min_size=1, max_size=30)


def pasted(rows: list[int], places: list[int]) -> list[list[Any]]:
    """The hidden tab after the requests, each cell as its row and column in the tab."""
    block: dict[tuple[int, int], tuple[int, int]] = {}
    for request in copy_requests(7, 8, places, rows):
        [(_, copy)] = orjson.loads(request).items()
        source, target = copy["source"], copy["destination"]
        assert (source["sheetId"], target["sheetId"], copy["pasteType"]) == (7, 8, "PASTE_VALUES")
        height = source["endRowIndex"] - source["startRowIndex"]
        width = source["endColumnIndex"] - source["startColumnIndex"]
        assert height == target["endRowIndex"] - target["startRowIndex"]
        assert width == target["endColumnIndex"] - target["startColumnIndex"]
        for i in range(height):
            for j in range(width):
                place = (target["startRowIndex"] + i, target["startColumnIndex"] + j)
                assert place not in block
                block[place] = (source["startRowIndex"] + i, source["startColumnIndex"] + j)
    return [[block[FIRST_ROW + i, j] for j in range(len(places))] for i in range(len(rows))]


@given(ROWS, PLACES)
def test_each_cell_is_copied_once_to_where_it_is_looked_for(rows: set[int], places: list[int]) -> None:
    batch = Batch(copied=list(rows), expected_keys={row: f"k{row}" for row in rows})
    copied = copied_rows(batch)
    assert [row for row, key in copied.items() if key is not None] == sorted(rows)
    assert all(key == (f"k{row}" if row in rows else None) for row, key in copied.items())
    assert pasted([*copied], places) == [[(row, place) for place in places] for row in copied]


CELLS = st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.sampled_from(["", "x", "1", "TRUE"]))
CONTENT = st.fixed_dictionaries(dict.fromkeys(TAB.edited, CELLS))


@given(st.dictionaries(st.sampled_from("pqrs"), st.tuples(CONTENT, st.none() | CONTENT), min_size=1), st.booleans())
def test_what_differs_from_what_is_known_is_found_and_nothing_else(rows: Any, has_stranger: bool) -> None:
    block = [[key, *(now[name] for name in TAB.edited)] for key, (now, _) in rows.items()]
    if has_stranger:
        block.append([None, "theirs", None, 1])
    stood = {key: known for key, (_, known) in rows.items()}
    found = {(edit.key, edit.column): (edit.typed, edit.stood) for edit in found_edits(read_copies(TAB, block), stood)}
    for key, (now, known) in rows.items():
        for name, cell in now.items():
            is_alike = known is None or same_cell(known[name], cell)
            assert (found.pop((key, name), None) is None) == is_alike
    assert found == {}
