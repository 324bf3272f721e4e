"""Values of every type stand in the tab as they are in the database; a row that cannot stays as it was."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local_sheets.testing import LocalSheetsServer
from sheets_pipeline.sync.cells import same_cell
from sheets_pipeline.sync.tab import Column, ColumnType, OnRemoved, Tab
from sheets_pipeline.testing import Bench

EVERY = Tab(
    "every", ("id",), (Column("id", ColumnType.INTEGER), *(Column(name, ColumnType(name)) for name in ColumnType))
)
CHANGED = Tab(
    "changed",
    ("id",),
    (Column("id", ColumnType.INTEGER), Column("n", ColumnType.INTEGER), Column("at", ColumnType.DATETIME)),
)

STRATEGIES: dict[str, Any] = {
    "text": st.text(max_size=20) | st.integers() | st.floats(-1e6, 1e6) | st.lists(st.integers(), max_size=3),
    "integer": st.integers() | st.sampled_from(["12", 12.0, Decimal(5), 2**53 + 1, None]),
    "decimal": st.decimals(allow_nan=False, allow_infinity=False) | st.floats(allow_nan=False, allow_infinity=False),
    "percent": st.floats(0, 1),
    "boolean": st.sampled_from([True, False, "N", "f", "t", 0, 1, b"\x00", None]),
    "date": st.dates(),
    "datetime": st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1), timezones=st.just(UTC)),
    "json": st.dictionaries(st.text(max_size=5), st.lists(st.integers() | st.none(), max_size=3), max_size=3),
}


def write(bench: Bench, frame: pd.DataFrame, **keywords: Any) -> Any:
    return bench.writer.full_sync(frame, computed_at=bench.memory.now(), **keywords)


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.fixed_dictionaries(STRATEGIES), min_size=30, max_size=30))
def test_what_is_written_is_read_back_and_not_written_again(
    sheets_server: LocalSheetsServer, rows: list[dict[str, Any]]
) -> None:
    bench = Bench(sheets_server, EVERY)
    frame = pd.DataFrame([{"id": i, **row} for i, row in enumerate(rows, start=1)], dtype=object)
    assert write(bench, frame).set_aside == []
    again = write(bench, frame)
    assert (again.cells, again.traffic.write_requests) == (0, 0)
    look = bench.writer.look()
    assert look is not None
    base = bench.memory.base([str(i + 1) for i in range(len(rows))])
    for name in (column.name for column in EVERY.columns):
        for row, by_column in enumerate(look.snapshot.column_cells(look.layout[name]), start=1):
            wanted = base[str(row)]
            assert wanted is not None
            assert same_cell(wanted[name], by_column)


@pytest.mark.parametrize("on_removed", list(OnRemoved))
def test_a_row_that_cannot_be_written_keeps_its_place_and_notes(bench: Bench, on_removed: OnRemoved) -> None:
    bench.use(replace(CHANGED, on_removed=on_removed))
    day = datetime(2026, 3, 1, 12, tzinfo=UTC)
    good = pd.DataFrame({"id": [1, 2, 3], "n": [1, 2, 3], "at": [day] * 3})
    write(bench, good)
    bench.put("changed!F3", [["a note on 2"]])
    bad = pd.DataFrame({"id": [1, 2, 3], "n": [1, "twenty", 4], "at": pd.Series([day, day, "infinity"], dtype=object)})
    report = write(bench, bad)
    assert [(row.key, row.reason) for row in report.set_aside] == [
        ("2", "n holds text, where a whole number was expected"),
        ("3", "at holds text that is not an ISO date, where a date and time was expected"),
    ]
    assert (report.updates, report.deletes, report.rows) == (0, 0, 1)
    event = bench.writer.event_sync(lambda: bad[1:2], {"2"})
    assert (event.deletes, event.updates, len(event.set_aside)) == (0, 0, 1)
    assert [row[:3] for row in bench.values()[1:]] == [[1, 1, 46082.5], [2, 2, 46082.5], [3, 3, 46082.5]]
    assert bench.values("changed!F3") == [["a note on 2"]]
    write(bench, good.assign(n=[1, 20, 30]))
    assert [row[1] for row in bench.values()[1:]] == [1, 20, 30]


def test_a_date_in_a_tab_is_a_date(bench: Bench) -> None:
    bench.use(Tab("days", ("id",), (Column("id", ColumnType.INTEGER), Column("day", ColumnType.DATE))))
    write(bench, pd.DataFrame({"id": [1], "day": [date(2026, 7, 1)]}))
    assert bench.values("days!B2", "FORMATTED_VALUE") == [["2026-07-01"]]
