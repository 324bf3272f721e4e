"""Sources in Python, and the example of the docs that watches policies."""

import asyncio
from pathlib import Path

import pytest

from sheets_pipeline.errors import SourceProblem, UnknownSource
from sheets_pipeline.sources import AsyncSources, Sources
from sheets_pipeline.sources import reading as reading_module
from sheets_pipeline_tests.learning_platform import Platform, platform
from sheets_pipeline_tests.sources.compliance_monitor import monitor
from sheets_pipeline_tests.sources.test_processing import put

__all__ = ["platform"]

#: In the form of the studied system.
CONFIG = """
version: "1.0.0"
name: Policies
sources:
  - id: policies
    name: Policies
    type: spreadsheet
    spreadsheet_config: {{url: "https://docs.google.com/spreadsheets/d/{id}/edit#gid=0", range: "A1:Z1000", use_adc: true}}
    versioning_strategy: timestamp
    fetch_strategy: async
    fetch_interval: 3600
    enabled: true
    priority: 1
    tags: [compliance]
    key: [policy]
"""


@pytest.fixture
def config(platform: Platform, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(reading_module, "SETTLE_SECONDS", 0.01)
    path = tmp_path / "policies.yaml"
    path.write_text(CONFIG.format(id=platform.spreadsheet_id))
    put(platform, [["policy", "days"], ["GDPR", 30], ["SOX", 7]])
    return path


def test_the_monitor_tells_which_policies_changed(platform: Platform, config: Path):
    assert asyncio.run(monitor(str(config))) == []
    put(platform, [["policy", "days"], ["GDPR", 14], ["HIPAA", 60]])
    assert asyncio.run(monitor(str(config))) == [
        "policies: changed GDPR days: 30 → 14",
        "policies: inserted HIPAA",
        "policies: deleted SOX",
    ]
    assert asyncio.run(monitor(str(config))) == []


def test_versions_are_read_searched_and_cleaned_up(platform: Platform, config: Path):
    sources = Sources(config, pipeline=platform.pipeline)
    with pytest.raises(SourceProblem, match="Process it first"):
        sources.data("policies")
    [task] = sources.process(["policies"])
    put(platform, [["policy", "days"], ["GDPR", 14]])
    sources.process()
    assert list(sources.data("policies").records()) == [{"policy": "GDPR", "days": 14}]
    assert len(sources.data("policies", str(task.content_hash)[:8])) == 2
    assert len(sources.data("policies", search="gdpr")) == 1
    assert asyncio.run(AsyncSources(config, pipeline=platform.pipeline).task(task.id)) == sources.task(task.id)
    assert sources.cleanup(max_age_hours=0).tasks == 1
    assert [one.source for one in sources.status()] == ["policies"]
    with pytest.raises(UnknownSource, match="Did you mean 'policies'"):
        sources.process(["policy"])
    with pytest.raises(SourceProblem, match="no version"):
        sources.data("policies", "ffff")
