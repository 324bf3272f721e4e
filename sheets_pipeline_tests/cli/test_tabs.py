"""``sheets-pipeline tabs``: declarations are listed, judged and tried without writing anything."""

import json
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from sheets_pipeline.cli import output
from sheets_pipeline.cli.main import main
from sheets_pipeline.components.tab_asset import tab_assets
from sheets_pipeline.monitoring import doctor_checks, doctor_project
from sheets_pipeline.monitoring.doctor import Level
from sheets_pipeline.monitoring.doctor_facts import Facts
from sheets_pipeline.settings import load_settings
from sheets_pipeline_tests.components.test_project_folder import PROGRESS, SCHEMA, TABS, Project, project
from sheets_pipeline_tests.databases import engine, mariadb_url

__all__ = ["engine", "mariadb_url", "project"]

MORE = """\
type: sheets_pipeline.Tab
attributes:
  title: Doubled
  key: lesson_id
  sql: select lesson_id, score from attempt
---
type: sheets_pipeline.Tab
attributes:
  title: No table
  key: id
  sql: select id from no_such_table
---
type: sheets_pipeline.Tab
attributes:
  title: No column
  key: id
  sql: select id from lesson
  columns: [{name: id}, {name: title}]
---
type: sheets_pipeline.Tab
attributes:
  title: Wrong type
  key: id
  sql: select id, title from lesson
  columns: [{name: id}, {name: title, type: date}]
---
type: sheets_pipeline.Tab
attributes:
  title: Lost
  key: id
  sql: select id, title from lesson where :keys(title)
"""


@pytest.fixture
def school(engine: sa.Engine, project: Project, monkeypatch: pytest.MonkeyPatch) -> sa.Engine:
    """A school's tables and tabs, on each database in turn."""
    with engine.begin() as connection:
        for statement in filter(str.strip, SCHEMA.split(";")):
            connection.exec_driver_sql(statement)
    monkeypatch.setenv("DATABASE_URL", engine.url.render_as_string(hide_password=False))
    project(school_yaml=TABS, progress_sql=PROGRESS, more_yaml=MORE)
    return engine


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["tabs", *arguments])


def answer(*arguments: str) -> Any:
    return json.loads(run(*arguments, "--json").stdout)


def test_all_tabs_are_listed_with_their_place(project: Project) -> None:
    project(school_yaml=TABS, progress_sql=PROGRESS)
    by_title = {tab["title"]: tab for tab in answer("list")}
    assert by_title["Learners"] == by_title["Learners"] | {
        "asset": "learners", "key": ["id"], "columns": None, "file": "school.yaml", "line": 1, "problem": None,
    }  # fmt: skip
    assert [column["header"] for column in by_title["Student progress"]["columns"]][:3] == [
        "Learner",
        "Lesson no",
        "Lesson",
    ]
    assert "found neither" in by_title["Broken"]["problem"]
    table = run("list").output
    assert "school.yaml, line 7" in table
    assert "cannot be used" in table


def test_declarations_are_checked_without_a_database(project: Project) -> None:
    project(school_yaml=TABS, progress_sql=PROGRESS)
    result = run("check")
    assert result.exit_code == 1
    assert "Learners  ok" in result.output
    assert "school.yaml, line 21: expected sql or sql_file" in result.output
    assert run("check", "Learners").exit_code == 0
    unknown = run("check", "Lerners")
    assert unknown.exit_code == 2


def test_declarations_are_checked_against_the_database(school: sa.Engine) -> None:
    found = {one["title"]: one for one in answer("check", "--database")}
    assert found["Learners"] == {"title": "Learners", "problem": None, "rows": 2, "set_aside_rows": []}
    assert found["Student progress"]["rows"] == 3
    assert "found 1 keys more than once" in found["Doubled"]["problem"]
    assert "no_such_table" in found["No table"]["problem"]
    assert "the declared column 'title' is not in the query's result" in found["No column"]["problem"]
    assert "is not found by its key" in found["Lost"]["problem"]
    assert found["Wrong type"]["problem"] is None
    assert (
        found["Wrong type"]["set_aside_rows"][0]["reason"]
        == "title holds text that is not an ISO date, where a date was expected"
    )
    text = run("check", "Learners", "--database").output
    assert "2 rows: id text, name text, active boolean, joined date" in text
    tables = sa.inspect(school).get_table_names()
    assert set(tables) == {"learner", "lesson", "attempt"}  # nothing of ours is made


def test_first_rows_and_rows_of_keys_are_shown_as_they_would_stand_in_the_tab(school: sa.Engine) -> None:
    found = answer("preview", "Student progress", "--rows", "1")
    assert [column["type"] for column in found["columns"]] == ["text", "text", "text", "decimal", "text"]
    assert len(found["rows"]) == 1
    rows = answer("preview", "Student progress", "--key", '["b-2", 1]', "--key", '["a-1", "2"]')["rows"]
    assert sorted(rows) == [["a-1", "2", "007", None, None], ["b-2", "1", "Fractions", 7.25, None]]
    text = run("preview", "Learners").output
    assert "2026-07-01" in text
    assert "=1+1" in text
    wrong = run("preview", "Student progress", "--key", "a-1")
    assert wrong.exit_code == 1
    assert "expected a key as JSON array of 2 values (learner_id, lesson_id), found 'a-1'" in wrong.stderr
    assert run("preview", "Broken").exit_code == 1


def test_the_doctor_tries_the_queries_in_place_of_the_demos_tables(
    school: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = Facts()
    facts.settings, facts.platform = load_settings(), school
    finding = doctor_project.queries(facts)
    assert finding.level is Level.FAIL
    assert finding.message.startswith("2 of 7 tabs have no rows to show. ")
    assert "Tab 'No table': " in finding.message
    assert "Tab 'No column': the declared column 'title'" in finding.message
    assert doctor_checks.triggers(facts).level is Level.OK
    fine = {key: tab for key, tab in tab_assets().items() if tab.tab.title in ("Learners", "Student progress")}
    monkeypatch.setattr(doctor_project, "tab_assets", lambda: fine)
    assert doctor_project.queries(facts).message == "the queries of 2 tabs are taken"


def test_a_files_name_is_told_as_it_is_written() -> None:
    assert output._of_tab("Bad", "Tab 'Bad': bad.yaml, line 1: no title") == "bad.yaml, line 1: no title"
    assert output._of_tab("Bad", "Tab 'Bad': it failed. Look.") == "It failed. Look."
