"""Which of the two ways to write a tab the rule chooses."""

import pytest

from sheets_pipeline.sync.touch_cost import is_full_cheaper


@pytest.mark.parametrize(
    ("touched", "rows", "is_full"),
    [
        pytest.param(1, 20_000, False, id="one submission"),
        pytest.param(60, 60, False, id="all of a small tab"),
        pytest.param(999, 999, False, id="just below what is worth a look"),
        pytest.param(1_000, 2_000, True, id="half of the rows"),
        pytest.param(1_000, 2_001, False, id="a row less than half"),
        pytest.param(98_000, 150_000, True, id="a course is renamed"),
        pytest.param(98_000, 20_000, True, id="more rows touched than the tab shows"),
        pytest.param(98_000, 1_000_000, False, id="many rows, few of them"),
    ],
)
def test_the_whole_tab_is_written_from_half_of_its_rows_on(touched: int, rows: int, is_full: bool) -> None:
    assert is_full_cheaper(touched, rows) is is_full
