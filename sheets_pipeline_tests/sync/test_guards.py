"""Where guards let go: rows without their keys, and growth beyond what a spreadsheet holds."""

from contextlib import nullcontext
from dataclasses import replace

import pytest

from sheets_pipeline.errors import GuardRefused, LimitExceeded
from sheets_pipeline.sync.diff import ChangeSet, RowDelete
from sheets_pipeline.sync.guards import (
    MAX_SPREADSHEET_CELLS,
    MAX_TABS,
    Growth,
    check_deletes,
    check_growth,
    check_inserts,
)
from sheets_pipeline.sync.tab import Column, Tab

TAB = Tab("people", ("id",), (Column("id"), Column("name")))


@pytest.mark.parametrize(("strays", "wanted"), [(0, 0), (0, 9), (1, 3), (9, 20), (50, 200), (200, 1000)])
def test_a_few_rows_without_their_keys_are_written_anew(strays: int, wanted: int) -> None:
    check_inserts(TAB, range(2, 2 + strays), wanted)


@pytest.mark.parametrize(("strays", "wanted"), [(1, 1), (1, 2), (10, 20), (51, 200), (201, 1000)])
def test_half_of_a_small_tab_or_a_fifth_of_a_large_one_is_refused(strays: int, wanted: int) -> None:
    with pytest.raises(GuardRefused, match=f"{strays} rows stand in the tab without their key .id. .* first row 2"):
        check_inserts(TAB, range(2, 2 + strays), wanted)


@pytest.mark.parametrize(
    ("sizes", "present", "deletes", "wanted", "passes"),
    [
        pytest.param({"max_deletes": 0, "max_deletes_share": 0}, 100, 1, 99, False, id="none at all"),
        pytest.param({"max_deletes": 60, "max_deletes_share": 0}, 100, 60, 40, True, id="so many"),
        pytest.param({"max_deletes": 0, "max_deletes_share": 0.5}, 100, 50, 50, True, id="half of them"),
        pytest.param({"max_deletes": 0, "max_deletes_share": 0.5}, 100, 51, 49, False, id="more than half"),
        pytest.param({"max_deletes": 9}, 3, 3, 0, False, id="an empty frame"),
        pytest.param({"max_deletes_share": 1}, 3, 3, 0, True, id="a tab that may be emptied"),
    ],
)
def test_each_tab_has_sizes_of_its_own(
    sizes: dict[str, float], present: int, deletes: int, wanted: int, passes: bool
) -> None:
    changes = ChangeSet([], [], [RowDelete(i, str(i)) for i in range(deletes)], {}, [])
    tab = replace(TAB, **sizes)  # type: ignore[arg-type]
    with nullcontext() if passes else pytest.raises(GuardRefused):
        check_deletes(tab, changes, present, wanted, None)


def test_rows_without_their_keys_go_by_the_same_sizes() -> None:
    check_inserts(replace(TAB, max_deletes=60), range(2, 62), 200)
    with pytest.raises(GuardRefused):
        check_inserts(replace(TAB, max_deletes=0, max_deletes_share=0), [2], 200)


@pytest.mark.parametrize(
    ("data_rows", "grid", "cells"),
    [
        pytest.param(99, (100, 8), 0, id="header and rows just fit"),
        pytest.param(100, (100, 8), 101 * 8, id="one row too many: a hundred rows and its own"),
        pytest.param(0, (1, 8), 0, id="the header alone"),
        pytest.param(5, (0, 0), 106 * 8, id="no tab: with six columns for people"),
        pytest.param(2000, (2000, 8), 201 * 8, id="a tenth more where there are many"),
    ],
)
def test_a_tab_grows_from_the_first_row_that_does_not_fit(data_rows: int, grid: tuple[int, int], cells: int) -> None:
    assert Growth(TAB, data_rows, *grid).cells == cells


def test_a_spreadsheet_may_be_full_to_the_last_cell_and_tab() -> None:
    growing = [Growth(TAB, 100, 100, 8), Growth(TAB, 5, 0, 0)]
    cells = sum(growth.cells for growth in growing)
    check_growth(growing, MAX_SPREADSHEET_CELLS - cells, MAX_TABS - 1)
    with pytest.raises(LimitExceeded, match="10,000,000"):
        check_growth(growing, MAX_SPREADSHEET_CELLS - cells + 1, MAX_TABS - 1)
    with pytest.raises(LimitExceeded, match="201 tabs"):
        check_growth(growing, MAX_SPREADSHEET_CELLS - cells, MAX_TABS)
    check_growth([Growth(TAB, 99, 100, 8)], MAX_SPREADSHEET_CELLS + 1, MAX_TABS + 1)  # it need not grow
