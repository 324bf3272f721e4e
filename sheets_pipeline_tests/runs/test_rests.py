"""Rests between the queries and tabs of a full sync: in runs that nobody waits for, as long as the setting says."""

from types import SimpleNamespace

import pytest

from sheets_pipeline.runs import rests as rests_module
from sheets_pipeline.runs.rests import rest_seconds
from sheets_pipeline_tests.defs.test_jobs import run
from sheets_pipeline_tests.learning_platform import Platform


@pytest.mark.parametrize(
    ("busy", "share", "expected"),
    [
        pytest.param(0.1, 0.05, 1.9, id="a twentieth of the time at work"),
        pytest.param(0.1, 0.5, 0.1, id="half of the time"),
        pytest.param(0.1, 1.0, 0.0, id="no rests"),
        pytest.param(20.0, 0.05, 15.0, id="never so long that a sync of 300 s is late"),
    ],
)
def test_rests_follow_from_the_work_before(busy: float, share: float, expected: float):
    assert rest_seconds(busy, share, 300) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("tags", "rests"),
    [
        pytest.param({"dagster/schedule_name": "every_interval"}, 4 + 3, id="the schedule"),
        pytest.param({"dagster/sensor_name": "overdue_full_sync"}, 0, id="the sensor that catches up"),
        pytest.param({}, 0, id="a person"),
    ],
)
def test_only_runs_that_nobody_waits_for_rest(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, tags: dict[str, str], rests: int
):
    rested: list[float] = []
    monkeypatch.setattr(rests_module, "time", SimpleNamespace(sleep=rested.append))
    assert run(platform, "full_sync", tags=tags).success
    assert len(rested) == rests
    assert all(seconds > 0 for seconds in rested)
