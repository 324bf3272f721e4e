"""Homes and boundaries of a tab with archives."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheets_pipeline.sync.archive import (
    ColumnRun,
    Part,
    archive_tab,
    first_kept_month,
    home,
    map_columns,
    month_of,
    next_boundary,
    next_month,
)
from sheets_pipeline.sync.snapshot import TabSnapshot
from sheets_pipeline.sync.tab import Column, Tab

TAB = Tab("answers", ("id",), (Column("id"), Column("at")))
moments = st.datetimes(datetime(2020, 1, 1), datetime(2026, 12, 31)).map(lambda at: at.replace(tzinfo=UTC))


@given(st.lists(moments, max_size=60, unique=True), st.integers(4, 50))
def test_a_boundary_leaves_at_most_the_allowed_rows_and_never_none(found: list[datetime], max_rows: int) -> None:
    boundary = next_boundary(found, max_rows)
    assert (boundary is None) == (len(found) <= max_rows)
    if boundary is not None:
        stay = [moment for moment in found if home(moment, boundary) is None]
        assert max_rows // 4 <= len(stay) <= max_rows
        assert all(home(moment, boundary) == month_of(moment) for moment in set(found) - set(stay))


@given(st.lists(moments, min_size=6, max_size=60, unique=True))
def test_whole_months_move_where_enough_stays(found: list[datetime]) -> None:
    boundary = next_boundary(found, 5)
    assert boundary is not None
    is_month = boundary == month_of(boundary)
    one_too_much = sorted(found, reverse=True)[5]
    if sum(moment >= next_month(month_of(one_too_much)) for moment in found) >= 1:
        assert is_month
        assert boundary == next_month(month_of(one_too_much))


def test_rows_of_one_moment_stay_together() -> None:
    at = datetime(2026, 3, 4, tzinfo=UTC)
    assert next_boundary([at] * 30, 10) is None
    assert next_boundary([at] * 30 + [at + timedelta(days=1)] * 6, 10) == at + timedelta(days=1)


def test_months_are_counted_in_utc() -> None:
    late = datetime.fromisoformat("2026-10-31T23:30:00-03:00")
    assert month_of(late) == datetime(2026, 11, 1, tzinfo=UTC)
    assert archive_tab(TAB, month_of(late)).title == "answers 2026-11"
    assert next_month(datetime(2026, 12, 1, tzinfo=UTC)) == datetime(2027, 1, 1, tzinfo=UTC)


def test_the_newest_months_are_filled_as_far_as_there_is_room() -> None:
    parts = [Part(datetime(2026, month, 1, tzinfo=UTC), 250_000) for month in range(1, 11)]
    kept = first_kept_month(TAB, parts, 0, 1)
    assert kept == datetime(2026, 8, 1, tzinfo=UTC)
    assert first_kept_month(TAB, parts, 7_000_000, 1) is None
    assert first_kept_month(TAB, parts, 0, 149) == datetime(2026, 10, 1, tzinfo=UTC)


def grid(*columns: list[Any], width: int = 6) -> TabSnapshot:
    return TabSnapshot("t", 10, width, list(columns))


@pytest.mark.parametrize(
    ("target", "target_layout", "runs", "new"),
    [
        pytest.param(grid(["id"], ["at"], ["note"]), {"id": 0, "at": 1}, [ColumnRun(0, 0, 6)], {}, id="same"),
        pytest.param(grid(["id"], ["at"]), {"id": 0, "at": 1}, [ColumnRun(0, 0, 6)], {2: 2}, id="no note yet"),
        pytest.param(
            grid(["at"], ["note"], ["id"]),
            {"id": 2, "at": 0},
            [ColumnRun(0, 2, 1), ColumnRun(1, 0, 2), ColumnRun(3, 3, 3)],
            {},
            id="another order",
        ),
        pytest.param(
            grid(["id"], ["at"], ["theirs", 1], width=3),
            {"id": 0, "at": 1},
            [ColumnRun(0, 0, 2), ColumnRun(2, 3, 1)],
            {3: 2},
            id="another column stands there",
        ),
    ],
)
def test_columns_go_where_their_header_is(
    target: TabSnapshot, target_layout: dict[str, int], runs: list[ColumnRun], new: dict[int, int]
) -> None:
    source = grid(["id", 1], ["at", 2], ["note", "x"])
    result = map_columns(source, {"id": 0, "at": 1}, target, target_layout)
    assert (result.runs, result.new_headers) == (runs, new)


@given(st.permutations(range(6)), st.permutations(range(6)))
def test_no_two_columns_go_to_the_same_place(order: list[int], other: list[int]) -> None:
    names = ["id", "at", "a", "b", "c", ""]
    source, target = (grid(*([names[i], 1] for i in some)) for some in (order, other))
    layouts = [{"id": some.index(0), "at": some.index(1)} for some in (order, other)]
    result = map_columns(source, layouts[0], target, layouts[1])
    places = [run.target + i for run in result.runs for i in range(run.length)]
    assert len(places) == len(set(places))
    to = {run.source + i: run.target + i for run in result.runs for i in range(run.length)}
    for i in range(5):
        assert to[order.index(i)] == other.index(i)
