"""What changed between versions."""

from collections import Counter
from decimal import Decimal
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheets_pipeline.errors import SourceProblem
from sheets_pipeline.sources.content import Content, Row, SourceColumn
from sheets_pipeline.sources.diff import CellChange, Difference, diff
from sheets_pipeline.sync.source import CellType
from sheets_pipeline_tests.sources.contents import people, person
from sheets_pipeline_tests.sources.memory import KeptVersions

_PAIRS = (SourceColumn("id", "ID", CellType.MIXED), SourceColumn("v", "V", CellType.MIXED))


def _diff(before: Any, after: Any, *key: str, columns: Any = (_PAIRS, _PAIRS)) -> Difference:
    store = KeptVersions()
    earlier, later = store.version(Content(columns[0], before)), store.version(Content(columns[1], after))
    return diff(cast(Any, store), earlier, later, key)


def _told(difference: Difference) -> list[tuple[str, int, Row, tuple[CellChange, ...]]]:
    return [(change.kind.value, change.number, change.row, change.cells) for change in difference.changes()]


def test_by_key_cells_are_told():
    difference = _diff([(1, "a"), (2, "b"), (3, "c")], [(3, "c"), (2, "B"), (4, "d")], "id")
    assert _told(difference) == [
        ("changed", 1, (2, "B"), (CellChange("v", "b", "B"),)),
        ("inserted", 2, (4, "d"), ()),
        ("deleted", 0, (1, "a"), ()),
    ]
    assert difference.unchanged == 1


def test_by_content_rows_come_and_go():
    difference = _diff([(1, "a"), (1, "a"), (2, "b")], [(2, "b"), (1, "a"), (2, "c")])
    assert _told(difference) == [("inserted", 2, (2, "c"), ()), ("deleted", 1, (1, "a"), ())]


def test_values_of_another_kind_are_changes():
    difference = _diff([(1, 1), (2, Decimal("1.0")), ("1", 5)], [(1, True), (2, 1), ("1", 6)], "id")
    assert [change.cells for change in difference.changes()] == [(CellChange("v", 1, True),), (CellChange("v", 5, 6),)]


def test_rows_of_one_key_are_paired_in_their_order():
    difference = _diff([(1, "a"), (1, "b"), (None, "c")], [(1, "A"), (1, "B"), (1, "C"), (None, "D")], "id")
    assert difference.changed == [(0, 0), (1, 1), (2, 3)]
    assert (difference.inserted, difference.deleted) == ([2], [])


def test_columns_that_came_and_went_are_told_and_rows_compared_by_the_others():
    id_, v = _PAIRS
    more = (SourceColumn("new", "New", CellType.TEXT), SourceColumn("v", "Value", CellType.MIXED), id_)
    difference = _diff([(1, "a"), (2, "b")], [("x", "a", 1), ("y", "c", 2)], "id", columns=(_PAIRS, more))
    assert [(change.name, change.before, change.after) for change in difference.columns] == [
        ("v", v, more[1]),
        ("new", None, more[0]),
    ]
    assert _told(difference) == [("changed", 1, ("y", "c", 2), (CellChange("v", "b", "c"),))]
    with pytest.raises(SourceProblem, match="its key names new, which is not in both versions; these are: v, id"):
        _diff([(1, "a")], [("x", "a", 1)], "new", columns=(_PAIRS, more))


def test_only_rows_that_differ_are_read():
    store = KeptVersions()
    before, after = store.version(people(2_000)), store.version(people(2_000, person(7, "Grace")))
    [change] = diff(cast(Any, store), before, after, key=["id"]).changes()
    assert change.cells == (CellChange("name", "Ada", "Grace"),)
    assert store.rows_read <= 4


_ROWS = st.lists(st.tuples(st.integers(0, 6), st.sampled_from("ab")), max_size=12)


@given(_ROWS, _ROWS, st.booleans())
def test_changes_take_one_version_to_the_other(before: list, after: list, by_key: bool):
    difference = _diff(before, after, *(["id"] if by_key else []))
    made = Counter(before)
    for change in difference.changes():
        if change.kind == "deleted":
            made[change.row] -= 1
            continue
        made[change.row] += 1
        if change.kind == "changed":
            [cell] = change.cells
            assert before[{new: old for old, new in difference.changed}[change.number]] == (change.row[0], cell.before)
            made[change.row[0], cell.before] -= 1
    assert +made == Counter(after)
    assert difference.unchanged + len(difference.changed) + len(difference.deleted) == len(before)
