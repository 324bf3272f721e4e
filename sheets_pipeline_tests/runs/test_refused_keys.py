"""Keys that a tab's query cannot take hold up no others."""

from collections.abc import Collection
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

from sheets_pipeline.components import tab_asset as tab_asset_module
from sheets_pipeline.components.tab_asset import tab_assets
from sheets_pipeline.database import events
from sheets_pipeline.database.frames import read_frame
from sheets_pipeline.runs.refused_keys import KeysRefused, read_or_find_refused
from sheets_pipeline.sync.tab import Column, ColumnType, Tab
from sheets_pipeline_tests.learning_platform import Platform
from sheets_pipeline_tests.runs.test_event_round import change, make_due, queue, run


@pytest.mark.parametrize("makes_numbers_itself", [False, True], ids=["in the database", "in the function"])
def test_a_key_that_a_tabs_query_cannot_take_counts_no_attempt_of_others(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, makes_numbers_itself: bool
) -> None:
    change(platform, "create table orders (id int primary key, total int)", "insert into orders values (1, 5), (2, 7)")
    tab = Tab("Orders", ("id",), (Column("id"), Column("total", ColumnType.INTEGER)), entities=("order",))
    asked: list[Collection[Any] | None] = []

    def orders(connection: sa.Connection, ids: Collection[Any] | None) -> pd.DataFrame:
        asked.append(ids)
        wanted = [int(key) if makes_numbers_itself else key for key in ids or []]
        query = "select id, total from orders where :everything or id = any(:ids)"
        return read_frame(connection, query, {"everything": ids is None, "ids": wanted})

    monkeypatch.setattr(tab_asset_module, "_BY_KEY", tab_assets())
    tab_asset_module.tab_asset(tab)(orders)
    with platform.engine.begin() as connection:
        events.record_event(connection, "order", 1, "order_placed")
    assert run(platform).success  # creates the tab
    change(platform, "delete from pending_event", "update orders set total = total + 10")
    asked.clear()
    with platform.engine.begin() as connection:
        for key in (1, 2, "abc"):
            events.record_event(connection, "order", key, "order_changed")
    assert run(platform).success
    assert {str(key): row["total"] for key, row in platform.rows("Orders").items()} == {"1": 15, "2": 17}
    [left] = queue(platform)
    assert (left["key"], left["attempts"]) == ("abc", 1)
    assert "Tab 'Orders', row (not shown): the tab's query fails for this key" in left["reason"]
    assert None not in asked
    make_due(platform)
    assert run(platform).success  # it alone
    assert [event["attempts"] for event in queue(platform)] == [2]


@pytest.mark.parametrize(
    ("bad", "refused", "most"),
    [
        ({"k7"}, {"k7"}, 20),
        ({"k0", "k99"}, {"k0", "k99"}, 40),
        ({f"k{n}" for n in range(100)}, None, 62),  # too many to find one by one
    ],
)
def test_refused_keys_are_found_with_few_queries(bad: set[str], refused: set[str] | None, most: int) -> None:
    queries = 0

    def read(keys: Collection[str]) -> pd.DataFrame:
        nonlocal queries
        queries += 1
        if bad.intersection(keys):
            raise ValueError("no")
        return pd.DataFrame()

    with pytest.raises(ValueError if refused is None else KeysRefused) as raised:
        read_or_find_refused(read, [f"k{n}" for n in range(100)], lambda: None)
    assert getattr(raised.value, "keys", None) == refused
    assert queries <= most


def test_a_query_that_fails_without_any_key_is_the_tabs_failure() -> None:
    def read(keys: Collection[str]) -> pd.DataFrame:
        raise ValueError("always")

    with pytest.raises(ValueError, match="always"):
        read_or_find_refused(read, ["1"], lambda: None)
