"""Rows that cannot be written are set aside or refused before anything is sent."""

from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from sheets_pipeline.errors import GuardRefused, HeaderMismatch, KeysNotUnique, LimitExceeded, TabProblem
from sheets_pipeline.sync.diff import ChangeSet, RowDelete
from sheets_pipeline.sync.guards import Growth, check_deletes, check_growth
from sheets_pipeline.sync.headers import locate_columns, require_columns
from sheets_pipeline.sync.rows import rows_from_frame
from sheets_pipeline.sync.snapshot import (
    TabSnapshot,
    column_letters,
    column_number,
    grid_size,
)
from sheets_pipeline.sync.tab import Column, ColumnType, Tab

UTC = ZoneInfo("UTC")
TAB = Tab("T", ("id",), (Column("id", ColumnType.INTEGER), Column("name", header="Name")))


def test_a_row_without_a_key_is_set_aside() -> None:
    rows = rows_from_frame(TAB, pd.DataFrame({"id": [1, None], "name": ["a", "b"]}), UTC)
    assert rows.keys == ["1"]
    assert [row.reason for row in rows.set_aside] == ["its key (id) is blank"]


@pytest.mark.parametrize(("length", "is_set_aside"), [(50_000, False), (50_001, True)])
def test_a_text_over_the_cell_limit_is_set_aside(length: int, is_set_aside: bool) -> None:
    rows = rows_from_frame(TAB, pd.DataFrame({"id": [1, 2], "name": ["x" * length, "b"]}), UTC)
    assert bool(rows.set_aside) is is_set_aside
    assert len(rows) == 2 - is_set_aside


def test_a_key_longer_than_databases_index_is_set_aside() -> None:
    tab = Tab("T", ("id",), (Column("id"),))
    rows = rows_from_frame(tab, pd.DataFrame({"id": ["x" * 501, "x" * 500]}), UTC)
    assert rows.keys == ["x" * 500]
    assert [row.reason for row in rows.set_aside] == ["its key has 501 characters, at most 500 are allowed"]


def test_emoji_count_twice_against_the_cell_limit() -> None:
    rows = rows_from_frame(TAB, pd.DataFrame({"id": [1], "name": ["🌵" * 25_001]}), UTC)
    assert rows.set_aside[0].key == "1"


def test_a_doubled_key_is_refused() -> None:
    with pytest.raises(KeysNotUnique, match=r"found 1 keys more than once \(first: \['1'\]\)"):
        rows_from_frame(TAB, pd.DataFrame({"id": [1, 1], "name": ["a", "b"]}), UTC)


def test_a_missing_column_is_refused() -> None:
    with pytest.raises(TabProblem, match=r"\['name'\] are missing"):
        rows_from_frame(TAB, pd.DataFrame({"id": [1]}), UTC)


def test_a_missing_header_says_what_was_expected_and_found() -> None:
    snapshot = TabSnapshot("T", 10, 2, [["id"], ["Full name"]])
    with pytest.raises(HeaderMismatch, match=r"expected columns \['Name'\].*found \['id', 'Full name'\]"):
        require_columns(TAB, snapshot, locate_columns(TAB, snapshot))


def test_a_header_that_stands_twice_is_refused() -> None:
    with pytest.raises(TabProblem, match="more than once"):
        locate_columns(TAB, TabSnapshot("T", 10, 3, [["id"], ["Name"], ["Name"]]))


@pytest.mark.parametrize(
    ("present", "deletes", "wanted", "allowed", "passes"),
    [
        pytest.param(100, 50, 50, None, True, id="50 rows always pass"),
        pytest.param(100, 51, 49, None, False, id="51 of 100 do not"),
        pytest.param(1000, 200, 800, None, True, id="20 percent pass"),
        pytest.param(1000, 201, 799, None, False, id="more do not"),
        pytest.param(3, 3, 0, None, False, id="an empty frame never passes"),
        pytest.param(1000, 900, 100, 900, True, id="allowed by a person"),
        pytest.param(1000, 901, 99, 900, False, id="but no more than that"),
        pytest.param(3, 3, 0, 3, True, id="even all rows"),
    ],
)
def test_mass_deletes_are_guarded(present: int, deletes: int, wanted: int, allowed: int | None, passes: bool) -> None:
    changes = ChangeSet([], [], [RowDelete(i, str(i)) for i in range(deletes)], {}, [])
    if passes:
        check_deletes(TAB, changes, present, wanted, allowed)
    else:
        with pytest.raises(GuardRefused, match=f"--allow-deletes {deletes}"):
            check_deletes(TAB, changes, present, wanted, allowed)


@pytest.mark.parametrize(("text", "size"), [("'My tab'!A1:Z1000", (1000, 26)), ("T!A1:AB5", (5, 28)), ("T!A1", (1, 1))])
def test_the_grid_size_is_read_from_the_echoed_range(text: str, size: tuple[int, int]) -> None:
    assert grid_size(text) == size


def test_column_letters_and_numbers_are_each_others_inverse() -> None:
    assert [column_number(column_letters(i)) for i in range(20_000)] == list(range(1, 20_001))


@pytest.mark.parametrize(
    ("key", "columns", "message"),
    [
        ((), (Column("id"),), "at least one key column"),
        (("x",), (Column("id"),), "not among its columns"),
        (("id",), (Column("id"), Column("id")), "names must differ"),
        (("id",), (Column("id"), Column("b", header="id")), "headers must differ"),
    ],
)
def test_a_tab_that_cannot_work_is_refused_when_declared(
    key: tuple[str, ...], columns: tuple[Column, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Tab("T", key, columns)


def test_tabs_that_together_outgrow_the_spreadsheet_are_refused() -> None:
    fits = [Growth(TAB, 1_000, 0, 0), Growth(TAB, 5_000, 2_000, 20), Growth(TAB, 10, 1_000, 26)]
    check_growth(fits, 9_800_000, 5)
    with pytest.raises(LimitExceeded, match=r"T and T.*9,950,000 cells"):
        check_growth(fits, 9_950_000, 5)
    with pytest.raises(LimitExceeded, match="201 tabs"):
        check_growth(fits, 0, 200)
    check_growth([Growth(TAB, 10, 1_000, 26)], 10_000_000, 200)


def test_numbers_that_only_text_can_hold_are_told() -> None:
    rows = rows_from_frame(TAB, pd.DataFrame({"id": pd.Series([1, 2**53 + 1], dtype=object), "name": ["5", "b"]}), UTC)
    assert rows.columns["id"] == [1, "9007199254740993"]
    assert rows.kept_as_text == {"id": 1}
