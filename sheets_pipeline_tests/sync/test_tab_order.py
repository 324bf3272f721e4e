"""Where a new tab goes among the others."""

from datetime import datetime
from itertools import permutations

import pytest

from sheets_pipeline.sync.archive import archive_tab
from sheets_pipeline.sync.tab import Column, Tab
from sheets_pipeline.sync.tab_order import index_of_new_tab


@pytest.mark.parametrize(
    ("position", "there", "index"),
    [
        pytest.param(10, [], 0, id="the first of all"),
        pytest.param(10, [None, None], 2, id="behind those of people"),
        pytest.param(20, [None, 10, 30], 2, id="between two of ours"),
        pytest.param(10, [None, 20, 30], 1, id="before the first of ours"),
        pytest.param(30, [10, None, 20, None], 3, id="right behind the one before it"),
        pytest.param(1000, [1000, 1000], 2, id="without a position: in the order in which they are made"),
        pytest.param(20, [30, 10], 2, id="where people have moved ours, behind the one before it"),
    ],
)
def test_a_new_tab_follows_the_last_that_goes_before_it(position: int, there: list[int | None], index: int) -> None:
    assert index_of_new_tab(position, there) == index


def test_tabs_stand_in_their_order_whichever_is_made_first() -> None:
    for positions in permutations([10, 20, 30, 976_000, 976_001]):
        there: list[int | None] = [None]
        for position in positions:
            there.insert(index_of_new_tab(position, there), position)
        assert there == [None, *sorted(positions)]


def test_archive_tabs_stand_behind_all_others_the_newest_first() -> None:
    tab = Tab("responses", ("id",), (Column("id"),))
    months = [datetime(2026, 1, 1), datetime(2025, 12, 1), datetime(2025, 11, 1), datetime(2024, 12, 1)]
    positions = [archive_tab(tab, month).position for month in months]
    assert positions == sorted(positions)
    assert len({*positions}) == len(months)
    assert positions[0] > tab.position
