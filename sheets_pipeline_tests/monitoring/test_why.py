"""``sheets-pipeline tabs why``: one row in the database, in the tab and in what was written, and what explains it."""

import json
import logging
from contextlib import nullcontext
from typing import Any

import pytest
from click.testing import CliRunner

from sheets_pipeline.cli import run_sync
from sheets_pipeline.cli.main import main
from sheets_pipeline.dagster_runtime import connections
from sheets_pipeline.definitions import defs
from sheets_pipeline.errors import TabProblem
from sheets_pipeline.monitoring.why import _row_key as key_of_row
from sheets_pipeline.sync.cells import row_keys
from sheets_pipeline.sync.tab import Column, ColumnType, Tab
from sheets_pipeline_tests.components.test_project_folder import PROGRESS, SCHEMA, TABS, WATCHES, Project, project
from sheets_pipeline_tests.learning_platform import Platform, platform

__all__ = ["platform", "project"]


def why(*words: str) -> dict[str, Any]:
    result = CliRunner().invoke(main, ["tabs", "why", *words, "--json"])
    assert result.exit_code == 0, result.output
    return dict(json.loads(result.stdout))


def test_a_row_is_explained_through_its_life(
    platform: Platform, project: Project, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with platform.engine.begin() as connection:
        connection.exec_driver_sql(SCHEMA)
    for module in (connections, run_sync):
        monkeypatch.setattr(module, "opened_instance", lambda: nullcontext(platform.instance))
    parts = TABS.partition("---\ntype: sheets_pipeline.Tab\nattributes:\n  title: Broken")
    project(school_yaml=parts[0].replace("  owners: team:school\n", WATCHES), progress_sql=PROGRESS)
    assert CliRunner().invoke(main, ["db", "install"]).exit_code == 0
    new = why("Student progress", "a-1", "1")
    assert (new["sheet"], new["written_at"], new["run_id"]) == (None, None, None)
    assert new["reasons"] == ["The row was never written; the next full sync writes it (they come every 15 min)."]

    run_id = run_sync.run_sync([], None)["run_id"]
    caplog.set_level(logging.DEBUG)
    before = platform.server.stats()["totals"]["reads"]
    fine = why("Student progress", '["a-1", 1]')
    assert platform.server.stats()["totals"]["reads"] == before + 1
    assert (fine["run_id"], fine["row_number"], fine["key"]) == (run_id, 2, ["a-1", "1"])
    assert fine["database"] == fine["sheet"] | {"row_status": None} == fine["written"]
    assert fine["reasons"] == ["The tab holds what the database gives."]

    with platform.engine.begin() as connection:
        connection.exec_driver_sql("update attempt set score = 12 where learner_id = 'a-1' and lesson_id = 1")
    pending = why("Student progress", "a-1", "1", "score")
    assert (pending["database"], pending["sheet"]) == ({"score": 12}, {"score": 91.5})
    assert "The database has changed score since it was written; an event is on its way." in pending["reasons"][0]
    assert "(update in attempt, " in pending["reasons"][1]
    assert why("Student progress", "b-2", "1")["events"] == []  # of another row

    assert defs().resolve_job_def("event_sync").execute_in_process(instance=platform.instance).success
    platform.server.call(
        "PUT",
        f"/v4/spreadsheets/{platform.spreadsheet_id}/values/Student%20progress!D2?valueInputOption=RAW",
        {"values": [[99]]},
    )
    assert why("Student progress", "a-1", "1", "score")["reasons"][0].startswith("Somebody changed score in the tab")
    text = CliRunner().invoke(main, ["tabs", "why", "Student progress", "a-1", "1"]).output
    assert "Row 2; last written" in text
    assert "91.5" not in caplog.text
    assert "Fractions" not in caplog.text


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ("Student progress", "a-1"),
            "Expected a key of 2 (learner_id, lesson_id) and perhaps a column, found 1 words",
        ),
        (("Student progress", "a", "1", "x", "y"), "found 4 words"),
        (("Progress", "a-1"), "Student progress"),
    ],
)
def test_a_wrong_call_says_what_is_expected(project: Project, words: tuple[str, ...], told: str) -> None:
    project(school_yaml=TABS, progress_sql=PROGRESS)
    result = CliRunner().invoke(main, ["tabs", "why", *words])
    assert result.exit_code == 2
    assert told in " ".join(result.stderr.split())


def test_a_key_with_a_date_is_that_of_its_cell() -> None:
    tab = Tab(
        "Trips",
        ("id", "day", "paid"),
        (Column("id"), Column("day", ColumnType.DATE), Column("paid", ColumnType.BOOLEAN)),
    )
    key = key_of_row(tab, ["a-1", "2026-07-01", "true"])
    assert key == row_keys([["a-1"], [46204], [True]])[0]
    with pytest.raises(TabProblem, match="has text that is not an ISO date"):
        key_of_row(tab, ["a-1", "1st of May", "true"])
