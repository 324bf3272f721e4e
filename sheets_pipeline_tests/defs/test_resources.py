"""Who lends a pipeline to what Dagster runs in the same process."""

from typing import Any

import pytest

from sheets_pipeline.defs import resources
from sheets_pipeline.defs.resources import PipelineResource, lending
from sheets_pipeline.sync.report import SyncReport


def test_the_pipeline_lent_last_is_in_use_until_it_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, own = ("first", "second", "own")
    opened: Any = PipelineResource().opened
    monkeypatch.setattr(resources, "_loans", [])
    monkeypatch.setattr(resources, "_own", lambda: own)
    assert opened() == own
    with lending(lambda: first):  # type: ignore[arg-type, return-value]
        with lending(lambda: second):  # type: ignore[arg-type, return-value]
            assert opened() == second
        assert opened() == first
        with pytest.raises(ZeroDivisionError), lending(lambda: 1 / 0):  # type: ignore[arg-type, return-value]
            opened()
        assert opened() == first
    assert opened() == own


def test_who_lends_the_pipeline_is_told_what_was_written_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "_loans", [])
    nothing: Any = None
    with lending(nothing) as loan:
        PipelineResource().done(SyncReport("orders"))
    PipelineResource().done(SyncReport("later"))
    assert loan.reports.keys() == {"orders"}
