"""What the page "Changes" promises of a project's tabs: the note that a person wrote beside a row stays through all of it."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from click.testing import CliRunner

from sheets_pipeline.cli import run_sync
from sheets_pipeline.cli.main import main
from sheets_pipeline.components.tab_asset import watched
from sheets_pipeline.database import triggers
from sheets_pipeline_tests.components.test_project_folder import Project, project
from sheets_pipeline_tests.learning_platform import Platform, platform

__all__ = ["platform", "project"]

DECLARED = """\
type: sheets_pipeline.Tab
attributes:
  title: Pupils
  key: id
  sql: select id, name from pupil order by id
  columns: [{name: id, type: integer}, {name: name, header: Name}]
  watches: [{table: pupil, key: id}]
"""


def put(platform: Platform, cells: str, *rows: list[Any]) -> None:
    path = f"/v4/spreadsheets/{platform.spreadsheet_id}/values/{quote(f'Pupils!{cells}')}?valueInputOption=RAW"
    platform.server.call("PUT", path, {"values": list(rows)})


def sync(platform: Platform, *, is_success: bool = True) -> dict[str, Any]:
    platform.reopen()
    result = run_sync.run_sync([], None)
    assert (result["status"] == "success") is is_success, result
    return result


def test_a_persons_note_stays_through_each_change(
    platform: Platform, project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(run_sync, "opened_instance", lambda: nullcontext(platform.instance))
    with platform.engine.begin() as connection:
        connection.exec_driver_sql("create table pupil (id int primary key, name text)")
        connection.exec_driver_sql("insert into pupil values (1, 'Ada'), (2, 'Eve')")
    project(pupils_yaml=DECLARED)
    sync(platform)
    put(platform, "C1:C2", ["Note"], ["tall"])

    # A header is renamed.
    project(pupils_yaml=DECLARED.replace("header: Name", "header: Full name"))
    sync(platform)
    assert platform.values("Pupils") == [["id", "Full name", "Note"], [1, "Ada", "tall"], [2, "Eve"]]

    # A column is renamed, in the database, the query and the declaration; its header stays.
    with platform.engine.begin() as connection:
        connection.exec_driver_sql("alter table pupil rename column name to full_name")
    renamed = DECLARED.replace("id, name from", "id, full_name from").replace(
        "{name: name, header: Name}", "{name: full_name, header: Full name}"
    )
    project(pupils_yaml=renamed)
    assert sync(platform)["tabs"]["Pupils"]["cells"] == 0
    assert platform.values("Pupils")[1] == [1, "Ada", "tall"]

    # The spreadsheet is put back to an earlier state, with a row that has left and without one that has come.
    with platform.engine.begin() as connection:
        connection.exec_driver_sql("insert into pupil values (3, 'Ida')")
        connection.exec_driver_sql("delete from pupil where id = 2")
    sync(platform)
    put(platform, "A2:C3", [1, "Ada L.", "tall"], [2, "Eve", ""])
    sync(platform)
    assert platform.values("Pupils") == [["id", "Full name", "Note"], [1, "Ada", "tall"], [3, "Ida"]]

    # A copy of the spreadsheet takes its place, notes included.
    copied = platform.server.call("POST", f"/drive/v3/files/{platform.spreadsheet_id}/copy", {"name": "Copy"})
    old = platform.spreadsheet_id
    platform.spreadsheet_id = copied["id"]
    monkeypatch.setenv("SPREADSHEET_ID", copied["id"])
    with platform.engine.begin() as connection:
        connection.exec_driver_sql("update pupil set full_name = 'Ada L.' where id = 1")
    sync(platform)
    assert platform.values("Pupils") == [["id", "Full name", "Note"], [1, "Ada L.", "tall"], [3, "Ida"]]

    # An empty one takes its place.
    platform.spreadsheet_id = platform.server.create_spreadsheet("Empty")
    monkeypatch.setenv("SPREADSHEET_ID", platform.spreadsheet_id)
    sync(platform)
    assert platform.values("Pupils") == [["id", "Full name"], [1, "Ada L."], [3, "Ida"]]

    # The tab is dropped: it stays in the spreadsheet, and nothing is recorded for it any more.
    platform.spreadsheet_id = old
    (tmp_path / "tabs" / "pupils.yaml").unlink()
    assert project() == {}
    assert CliRunner().invoke(main, ["db", "install"]).exit_code == 0
    assert watched() == []
    report = triggers.check(platform.engine, watched())
    assert report.is_complete, report.problems
    assert platform.values("Pupils")[1] == [1, "Ada", "tall"]
