"""How wide new columns are made."""

import pytest

from sheets_pipeline.sync.tab import Column, ColumnType
from sheets_pipeline.sync.widths import column_width


@pytest.mark.parametrize(
    ("column", "cells", "at_least", "at_most"),
    [
        pytest.param(Column("id", ColumnType.INTEGER), [1, 22, 333], 60, 60, id="no narrower than can be hit"),
        pytest.param(Column("average_score_of_the_last_month"), [1], 250, 280, id="the header is to be read whole"),
        pytest.param(Column("at", ColumnType.DATETIME), [46082.5], 140, 170, id="date and time"),
        pytest.param(Column("at", ColumnType.DATETIME), [], 140, 170, id="date and time, none yet"),
        pytest.param(Column("day", ColumnType.DATE), [46082], 75, 110, id="a date"),
        pytest.param(Column("name"), ["x" * 30] * 100, 210, 240, id="texts"),
        pytest.param(Column("name"), ["x" * 12] * 99 + ["x" * 900], 90, 110, id="one long text widens nothing"),
        pytest.param(Column("name"), ["x" * 900] * 9, 320, 320, id="room is left for the others"),
        pytest.param(Column("name"), ["ab\ncd" * 4], 60, 85, id="the longest line counts"),
        pytest.param(Column("n", ColumnType.DECIMAL), [1234567890.5], 100, 130, id="a number with decimals"),
        pytest.param(Column("n", ColumnType.BOOLEAN), [True, None], 60, 60, id="checkboxes and blanks"),
    ],
)
def test_a_column_is_as_wide_as_its_header_and_most_of_its_values(
    column: Column, cells: list[object], at_least: int, at_most: int
) -> None:
    assert at_least <= column_width(column, cells) <= at_most  # type: ignore[arg-type]
