"""What a materialization carries can always be made, whatever objects the rows are of."""

import numpy as np
import pandas as pd

from sheets_pipeline.defs.metadata import report_metadata
from sheets_pipeline.sync.report import SyncReport


def test_a_preview_shows_arrays_and_json_as_the_tab_does() -> None:
    frame = pd.DataFrame({"a": [[1, None], np.array([1.5]), None, {"b": 1}, object(), pd.NA]})
    preview = report_metadata(SyncReport("T"), frame)["preview"]
    shown = [record.data["a"] for record in preview.records]
    assert shown == ["[1, null]", "[1.5]", "", '{"b": 1}', "(a Python object)", ""]
