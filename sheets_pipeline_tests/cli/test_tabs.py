"""``sheets-pipeline tabs``: declarations are listed, judged and tried without writing anything."""

import json
from pathlib import Path
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

__all__ = ["project"]

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
    assert "school.yaml, line 22: expected sql or sql_file" in result.output
    assert run("check", "Learners").exit_code == 0
    unknown = run("check", "Lerners")
    assert unknown.exit_code == 2


def test_addresses_and_keys_of_a_list_are_checked_with_file_and_line(project: Project, tmp_path: Path) -> None:
    (tmp_path / "no_key.json").write_text("{}")
    place = "spreadsheet: {each: rooms, by: b}"
    tab = f"type: sheets_pipeline.Tab\nattributes: {{title: T, key: a, sql: 'select a, b from c', {place}}}"
    project(
        tab_yaml=tab,
        rooms_yaml=f"""\
type: sheets_pipeline.Spreadsheets
attributes:
  name: rooms
  credential: lost
  list:
    - {{id: 1, url: https://docs.google.com/spreadsheets/d/abc/edit}}
    - {{id: 2, url: "https://docs.google.com/spreadsheets/d/e/abc/pubhtml", credential: empty}}
    - {{id: 3, url: not an address}}
---
type: sheets_pipeline.Credential
attributes: {{name: lost, key_file: keys/lost.json}}
---
type: sheets_pipeline.Credential
attributes:
  name: empty
  key_file: {tmp_path}/no_key.json
""",
    )
    [verdict] = json.loads(run("check", "T", "--offline", "--json").stdout)
    wanted = ["line 7: the url of '2'", "line 8: the url of '3'", "line 16: ", "line 11: The service account key"]
    assert len(verdict["problems"]) == 4, verdict
    assert [
        text.startswith(f"rooms.yaml, {begin}") for text, begin in zip(verdict["problems"], wanted, strict=True)
    ] == [True] * 4, verdict
    assert "holds no service account key" in verdict["problems"][2]
    assert "Point key_file of the credential 'lost' to a readable key file." in verdict["problems"][3]


def test_declarations_are_checked_against_the_database(school: sa.Engine) -> None:
    found = {one["title"]: one for one in answer("check", "--database")}
    assert found["Learners"] == {
        "title": "Learners",
        "problem": None,
        "problems": [],
        "rows": 2,
        "set_aside_rows": [],
    }
    assert found["Student progress"]["rows"] == 3
    assert found["Doubled"]["problem"].startswith(
        "more.yaml, line 4: expected one row per lesson_id, found 1 keys more"
    )
    assert "no_such_table" in found["No table"]["problem"]
    assert found["No column"]["problem"] == (
        "more.yaml, line 18: the declared column 'title' is not in the query's result; known: id. Correct the name, or add "
        "the column to the query."
    )
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


WATCHED = """\
type: sheets_pipeline.Tab
attributes:
  title: Watching
  key: [learner_id, lesson_id]
  sql: |
    select learner_id, lesson_id, l.title
    from attempt join lesson l on l.id = attempt.lesson_id
  watches:
    - {table: attempt, key: [learner_id, lesson_id], columns: scor}
    - {table: atempt, key: [learner_id, lesson_id]}
    - {table: attempt, key: [learner_id, lesson]}
    - table: lesson
      keys_sql: select learner_id, lesson_id from attempt where lesson_id = :id
    - table: lesson
      keys_sql: select learner_id from attempt where learner_id = :title
    - table: keyless
      keys_sql: select learner_id, lesson_id from attempt where learner_id = :note
    - table: lesson
      keys_sql: select learner_id, lesson_id from attempts where lesson_id = :id
---
type: sheets_pipeline.Tab
attributes:
  title: By name
  key: name
  sql: select name, active from learner
  watches: [{table: learner, key: name}]
---
type: sheets_pipeline.Tab
attributes:
  title: By day
  key: [joined, name]
  sql: select joined, name from learner where joined is not null
  watches: [{table: learner, key: [joined, name]}]
---
type: sheets_pipeline.Tab
attributes:
  title: With NULL
  key: [learner_id, score]
  sql_file: progress.sql
"""


def test_watches_are_checked_against_the_database(school: sa.Engine, project: Project) -> None:
    with school.begin() as connection:
        connection.exec_driver_sql("create table keyless (note varchar(50))")
    project(school_yaml=TABS.partition("---")[0], progress_sql=PROGRESS, more_yaml=WATCHED)
    result = run("check")
    assert result.exit_code == 1
    found = {one["title"]: one["problems"] for one in answer("check")}
    expected = [
        "line 9: watches[1]: table attempt has no column 'scor'. Did you mean 'score'?",
        "line 10: watches[2]: there is no table 'atempt'. Did you mean 'attempt'?",
        "line 11: watches[3]: table attempt has no column 'lesson'. Did you mean 'lesson_id'?",
        "line 13: watches[4].keys_sql looks attempt up by lesson_id, and no index begins with that",
        "line 15: watches[5].keys_sql gives 1 columns (learner_id); expected 2, for each key column of the tab",
        "line 16: watches[6]: table keyless has no primary key, so triggers cannot say which row changed",
        "line 19: watches[7].keys_sql fails",
    ]
    assert len(found["Watching"]) == len(expected)
    for text, start in zip(found["Watching"], expected, strict=True):
        assert text.startswith(f"more.yaml, {start}"), text
    assert "create index attempt_lesson_id on attempt (lesson_id)" in found["Watching"][3]
    [by_name] = found["By name"]
    assert "looks learner up by name, and no index begins with that" in by_name
    assert found["By day"] == []  # its events have the whole tab compared: no index is missed, nothing looked up
    assert "1 of 3 rows have no score (NULL), which is a key column" in found["With NULL"][0]
    with school.begin() as connection:
        for problem in (found["Watching"][3], by_name):
            connection.exec_driver_sql(problem.partition("Make one: ")[2].rstrip("."))
    assert answer("check", "By name")[0]["problem"] is None
    assert len(answer("check", "Watching")[0]["problems"]) == len(expected) - 1
    assert run("check", "--offline").exit_code == 0


def test_a_database_that_is_not_there_is_told_and_fails_nobody_who_did_not_ask(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project(school_yaml=TABS.partition("---")[0])
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody:secret@127.0.0.1:9/none")
    result = run("check")
    assert result.exit_code == 0
    assert "The database was not asked." in result.stderr
    assert "secret" not in result.output
    assert run("check", "--database").exit_code == 1
    assert run("check", "--offline").stderr == ""


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


def test_installing_triggers_names_tabs_whose_watches_are_not_known(school: sa.Engine) -> None:
    result = CliRunner().invoke(main, ["db", "install"])
    assert result.exit_code == 0
    assert "what they watch is not known: Broken. Run this again once they are mended." in result.output


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
    assert doctor_project.queries(facts).message == "taken, of 2 tabs"


def test_a_files_name_is_told_as_it_is_written() -> None:
    assert output._of_tab("Bad", "Tab 'Bad': bad.yaml, line 1: no title") == "bad.yaml, line 1: no title"
    assert output._of_tab("Bad", "Tab 'Bad': it failed. Look.") == "It failed. Look."
