"""How many rows may stand without their keys before nearly everything would be written a second time."""

import pytest

from sheets_pipeline.errors import GuardRefused
from sheets_pipeline.sync.guards import check_inserts
from sheets_pipeline.sync.tab import Column, Tab

TAB = Tab("people", ("id",), (Column("id"), Column("name")))


@pytest.mark.parametrize(("strays", "wanted"), [(0, 0), (0, 9), (1, 3), (9, 20), (50, 200), (200, 1000)])
def test_a_few_rows_without_their_keys_are_written_anew(strays: int, wanted: int) -> None:
    check_inserts(TAB, range(2, 2 + strays), wanted)


@pytest.mark.parametrize(("strays", "wanted"), [(1, 1), (1, 2), (10, 20), (51, 200), (201, 1000)])
def test_half_of_a_small_tab_or_a_fifth_of_a_large_one_is_refused(strays: int, wanted: int) -> None:
    with pytest.raises(GuardRefused, match=f"{strays} rows stand in the tab without their key .id. .* first row 2"):
        check_inserts(TAB, range(2, 2 + strays), wanted)
