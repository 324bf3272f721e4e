"""What a materialization carries can always be made, whatever objects the rows are of."""

import numpy as np
import pandas as pd
import pytest

from sheets_pipeline.runs.metadata import report_metadata
from sheets_pipeline.sync.cells import KEY_SEPARATOR
from sheets_pipeline.sync.drift import Drift, DriftedCell
from sheets_pipeline.sync.numbers import NUMBERS, Traffic
from sheets_pipeline.sync.privacy import shown_key
from sheets_pipeline.sync.report import SyncReport
from sheets_pipeline.sync.rows import SetAside
from sheets_pipeline.sync.tab import Column, ColumnType, Tab

TAB = Tab("T", ("id",), (Column("id"), Column("name")))
TAB_WITH_VALUES = Tab("T", ("id",), (Column("id"), Column("name")), allow_values_in_event_log=True)


def test_a_preview_shows_arrays_and_json_as_the_tab_does() -> None:
    frame = pd.DataFrame({"a": [[1, None], np.array([1.5]), None, {"b": 1}, object(), pd.NA]})
    preview = report_metadata(TAB_WITH_VALUES, SyncReport("T"), frame)["preview"]
    shown = [record.data["a"] for record in preview.records]
    assert shown == ["[1, null]", "[1.5]", "", '{"b": 1}', "(a Python object)", ""]


@pytest.mark.parametrize("values", [False, True])
def test_values_of_cells_are_carried_only_where_the_tab_lets_them_be(values: bool) -> None:
    drifted = DriftedCell(3, "key 2", "name", "Jane written", "Jane typed")
    report = SyncReport("T", drift=Drift(cells=1, sample=[drifted]))
    report.sample = [
        ("insert", None, "key 1", "", None, ["Jane"]),
        ("update", 3, "key 2", "B", "Jane old", "Jane new"),
    ]
    report.set_aside = [SetAside("key 3", "name is too long")]
    report.doubled_keys = {"key 4": [5, 6], "key 5": [7, 8]}
    carried = repr(report_metadata(TAB_WITH_VALUES if values else TAB, report, pd.DataFrame({"name": ["Jane shown"]})))
    shown = {f"Jane {what}" for what in ("written", "typed", "old", "new", "shown") if f"Jane {what}" in carried}
    assert shown == ({"Jane written", "Jane typed", "Jane old", "Jane new", "Jane shown"} if values else set())
    assert all((f"key {i}" in carried) == values for i in range(1, 6))
    assert all(word in carried for word in ("name is too long", "update", "[5, 6]", "[7, 8]"))


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        pytest.param(KEY_SEPARATOR.join(("7", "2f1e8a34-9b1c-4f0e-8d2a-0a1b2c3d4e5f")), True, id="a number and a UUID"),
        pytest.param(KEY_SEPARATOR.join(("7", "jane@example.org")), False, id="an address"),
        pytest.param(KEY_SEPARATOR.join(("7", "15551234567")), False, id="digits of a text may be a telephone number"),
        pytest.param("", True, id="blank"),
    ],
)
def test_a_key_is_shown_unless_it_may_be_a_persons(key: str, shown: bool) -> None:
    tab = Tab("T", ("course", "who"), (Column("course", ColumnType.INTEGER), Column("who")))
    assert shown_key(tab, key) == (key.replace(KEY_SEPARATOR, ", ") if shown else None)
    numbers = {"who": ColumnType.INTEGER}  # as the query's result has it
    assert shown_key(tab, key, numbers) == key.replace(KEY_SEPARATOR, ", ")


def test_every_number_of_a_sync_is_carried_under_its_own_name() -> None:
    traffic = Traffic(1, 2, 3, 4.00049, 5, 6, 7)
    report = SyncReport("T", rows=8, inserts=9, updates=10, deletes=11, cells=12, seconds=13.0, traffic=traffic)
    report.set_aside = [SetAside("7", "its key is blank")]
    carried = report_metadata(TAB, report)
    names = ["inserts", "updates", "deletes", "cells", "seconds", "read_requests", "write_requests", "bytes_sent"]
    names += ["quota_wait_seconds", "retries", "refused_requests", "shared_requests", "set_aside"]
    assert {*names, "rows"} == set(NUMBERS)
    assert [carried["dagster/row_count"], *(carried[name] for name in names)] == [
        *(8, 9, 10, 11, 12, 13.0, 1, 2, 3),
        *(4.0, 5, 6, 7, 1),
    ]
