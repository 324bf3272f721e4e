"""What is known of a tab's rows is from before they were computed."""

from dataclasses import replace
from typing import Any

import pandas as pd

from sheets_pipeline.components.tab_asset import tab_assets
from sheets_pipeline.database import events
from sheets_pipeline.platform.simulate import submit_quizzes
from sheets_pipeline.runs.computed import compute_all
from sheets_pipeline.runs.covered_events import failed_before
from sheets_pipeline_tests.learning_platform import Platform


def test_what_happens_while_rows_are_computed_is_not_covered_by_them(platform: Platform) -> None:
    tab_asset = next(one for one in tab_assets().values() if one.tab.title == "course_statistics")
    list(submit_quizzes(platform.engine, 1, 100))
    moments: list[float] = []

    def compute(*arguments: Any, **options: Any) -> pd.DataFrame:
        rows = tab_asset.compute(*arguments, **options)
        moments.append(platform.pipeline.writer(tab_asset.tab).memory.now())
        with platform.engine.begin() as connection:
            due = [event.id for event in events.pending(connection)]
            events.record_failure(connection, due, "header", 5, waits_for={tab_asset.tab.title})
        return rows

    computed = compute_all(platform.pipeline, replace(tab_asset, compute=compute))
    assert computed.computed_at < moments[0]
    assert computed.failed_events == ()
    assert failed_before(platform.pipeline, tab_asset.tab) != []
    assert len(computed.rows) == 4
