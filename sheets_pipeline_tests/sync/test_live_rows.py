"""Whether a row that an event asked for is gone, or only was not found by the key it was asked with."""

import pandas as pd
import pytest

from sheets_pipeline.sync.live_rows import with_live_rows
from sheets_pipeline.sync.tab import Column, ColumnType, Tab

TAB = Tab(
    "Orders", ("id",), (Column("id", ColumnType.INTEGER), Column("total", ColumnType.INTEGER)), entities=("order",)
)
PARTS = Tab("Parts", ("a", "b"), (Column("a"), Column("b", ColumnType.INTEGER)), entities=("part",))
OURS = {"1", "2", "3"}


def orders(*ids: object) -> pd.DataFrame:
    return pd.DataFrame({"id": pd.Series(list(ids), dtype=object), "total": [10] * len(ids)})


def looked(rows: pd.DataFrame, asked: set[str], everything: pd.DataFrame | None) -> list[object]:
    def all_rows() -> pd.DataFrame:
        if everything is None:
            pytest.fail("the whole tab was computed without need")
        return everything

    return [int(float(str(key))) for key in with_live_rows(TAB, rows, asked, OURS.intersection, all_rows)["id"]]


@pytest.mark.parametrize("form", [2, "2", 2.0, "2.0", " 2"])
def test_a_row_that_the_filter_missed_stays_whatever_the_form_of_its_key(form: object) -> None:
    assert looked(orders(1), {"1", "2"}, orders(1, form, 3))[0] == 1
    assert len(looked(orders(1), {"1", "2"}, orders(1, "2", 3))) == 2


def test_a_row_that_is_gone_is_gone() -> None:
    assert looked(orders(1), {"1", "2"}, orders(1, 3)) == [1]
    assert looked(orders(), {"2"}, orders()) == []


def test_nothing_more_is_computed_where_no_row_of_ours_would_go() -> None:
    assert looked(orders(1, 2), {"1", "2"}, None) == [1, 2]
    assert looked(orders(1), {"1", "77"}, None) == [1]  # 77 was never written
    assert looked(orders(1, 2, 3), {"1"}, None) == [1, 2, 3]  # the filter was left out: nothing is lost by it


def test_keys_of_several_columns_are_compared_as_the_tab_writes_them() -> None:
    everything = pd.DataFrame({"a": ["x", "y"], "b": [1, 2]})
    key = "y\x1f2"
    result = with_live_rows(PARTS, everything[:0], {key}, lambda keys: set(keys), lambda: everything)
    assert result["a"].tolist() == ["y"]
