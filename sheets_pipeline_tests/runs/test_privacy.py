"""What stands in cells reaches neither Dagster's event log nor our history nor the logs, whatever goes wrong."""

import logging
from typing import Any

import pytest
import sqlalchemy as sa

from sheets_pipeline.database import history
from sheets_pipeline.platform import queries
from sheets_pipeline_tests.defs.test_jobs import fill, run
from sheets_pipeline_tests.learning_platform import Platform

NAME = "Zaphod"


def rename_everybody(platform: Platform, suffix: str) -> None:
    with platform.engine.begin() as connection:
        connection.execute(sa.text(f"update users set full_name = '{NAME} {suffix} ' || id, email = '{NAME}@' || id"))


def stored(platform: Platform) -> str:
    """All that Dagster keeps of all runs, and we of all syncs."""
    records = [record for one in platform.instance.get_runs() for record in platform.instance.all_logs(one.run_id)]
    return repr(records) + repr(history.recent(platform.pipeline.state, limit=500))


def test_no_value_of_a_cell_is_stored_or_logged(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capfd: Any
) -> None:
    caplog.set_level(logging.INFO)
    rename_everybody(platform, "first")
    fill(platform)
    path = f"/v4/spreadsheets/{platform.spreadsheet_id}/values/UserProfiles!B3:C4?valueInputOption=RAW"
    platform.server.call("PUT", path, {"values": [[f"{NAME} typed", "x"], ["y", f"{NAME} too"]]})
    rename_everybody(platform, "second")
    assert run(platform, "full_sync").success
    assert "'changes'" in stored(platform)
    assert "'drift'" in stored(platform)

    rename_everybody(platform, "third")
    wrong = "select id as user_id, cast(full_name as integer) from users"
    monkeypatch.setattr(queries, "user_profiles", lambda: wrong)
    for job in ("event_sync", "full_sync"):
        run(platform, job)
    assert "invalid input syntax for type integer" in stored(platform)
    written = capfd.readouterr()
    for place in (stored(platform), caplog.text, written.out, written.err):
        assert NAME not in place
