"""What a materialization carries can always be made, whatever objects the rows are of."""

import numpy as np
import pandas as pd
import pytest

from sheets_pipeline.runs.metadata import report_metadata
from sheets_pipeline.sync.drift import Drift, DriftedCell
from sheets_pipeline.sync.numbers import NUMBERS, Traffic
from sheets_pipeline.sync.report import SyncReport
from sheets_pipeline.sync.rows import SetAside


def test_a_preview_shows_arrays_and_json_as_the_tab_does() -> None:
    frame = pd.DataFrame({"a": [[1, None], np.array([1.5]), None, {"b": 1}, object(), pd.NA]})
    preview = report_metadata(SyncReport("T"), frame, values=True)["preview"]
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
    carried = repr(report_metadata(report, pd.DataFrame({"name": ["Jane shown"]}), values=values))
    shown = {f"Jane {what}" for what in ("written", "typed", "old", "new", "shown") if f"Jane {what}" in carried}
    assert shown == ({"Jane written", "Jane typed", "Jane old", "Jane new", "Jane shown"} if values else set())
    assert all(word in carried for word in ("key 1", "key 2", "name", "update"))


def test_every_number_of_a_sync_is_carried_under_its_own_name() -> None:
    traffic = Traffic(1, 2, 3, 4.00049, 5, 6, 7)
    report = SyncReport("T", rows=8, inserts=9, updates=10, deletes=11, cells=12, seconds=13.0, traffic=traffic)
    report.set_aside = [SetAside("7", "its key is blank")]
    carried = report_metadata(report)
    names = ["inserts", "updates", "deletes", "cells", "seconds", "read_requests", "write_requests", "bytes_sent"]
    names += ["quota_wait_seconds", "retries", "refused_requests", "shared_requests", "set_aside"]
    assert {*names, "rows"} == set(NUMBERS)
    assert [carried["dagster/row_count"], *(carried[name] for name in names)] == [
        *(8, 9, 10, 11, 12, 13.0, 1, 2, 3),
        *(4.0, 5, 6, 7, 1),
    ]
