"""The command ``clean-up``: the job, run now, and what it removed in words."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from sheets_pipeline.cli.clean_up import told
from sheets_pipeline.cli.main import main
from sheets_pipeline.database import history
from sheets_pipeline.defs import retention
from sheets_pipeline_tests.learning_platform import Platform, platform

__all__ = ["platform"]


@pytest.fixture(autouse=True)
def in_memory(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command sees the test's Dagster instance and leaves it open."""

    class Opened:
        def __enter__(self) -> Any:
            return platform.instance

        def __exit__(self, *_: object) -> None:
            return None

    monkeypatch.setattr("dagster.DagsterInstance.from_config", lambda _home: Opened())


def old_syncs(platform: Platform, days: list[int]) -> None:
    """Records of syncs that ended so many days ago."""
    engine, spreadsheet_id = platform.pipeline.state, platform.pipeline.services.spreadsheet_id
    row = history.sync_history.c
    for number in days:
        sync_id = history.begin(engine, spreadsheet_id, "UserProfiles", "full", f"run {number}")
        history.complete(engine, sync_id, ValueError("x"))
        moment = datetime.now(UTC) - timedelta(days=number)
        with engine.begin() as connection:
            chosen = history.sync_history.update().where(row.id == sync_id)
            connection.execute(chosen.values(started_at=moment, ended_at=moment))


def test_clean_up_removes_what_is_old_and_says_what(platform: Platform) -> None:
    old_syncs(platform, [40, 35, 1])
    result = CliRunner().invoke(main, ["clean-up", "--json"])
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    assert said["error"] is None
    assert said["removed"]["syncs"] == 2
    assert said["removed"]["is_complete"] is True
    with platform.pipeline.state.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(history.sync_history)) == 1
    run = platform.instance.get_run_by_id(said["run_id"])
    assert run is not None
    assert (run.job_name, run.is_success) == ("clean_up", True)

    again = CliRunner().invoke(main, ["clean-up"])
    assert again.exit_code == 0
    assert "Nothing is old enough to be removed." in again.output


def test_a_clean_up_that_fails_says_why_with_code_1(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("the disk is gone")

    monkeypatch.setattr(retention, "clean_up_all", fail)
    result = CliRunner().invoke(main, ["clean-up", "--json"])
    assert result.exit_code == 1
    said = json.loads(result.stdout)
    assert said["removed"] is None
    assert "the disk is gone" in said["error"]


def test_what_was_removed_is_told_in_words() -> None:
    removed = {"event_runs": 17_280, "runs": 3, "syncs": 0, "seconds": 4.5, "is_complete": False}
    text = told({"run_id": "r1", "removed": removed, "error": None})
    assert "17,280  successful runs of event_sync" in text
    assert "3  finished runs with their logs" in text
    assert "records of syncs" not in text
    assert "the next one goes on" in text
    assert told({"run_id": "r1", "removed": None, "error": "Mend it."}).startswith("The clean-up failed: Mend it.")
