"""A school: tables that the project has never seen, in a spreadsheet of the office and in one of each course."""

from pathlib import Path
from typing import Any
from urllib.parse import quote

import dagster as dg
import pytest

from sheets_pipeline.components import tab_asset
from sheets_pipeline.components.tab_asset import tab_assets, watched
from sheets_pipeline.database.triggers import install
from sheets_pipeline.definitions import defs
from sheets_pipeline.pipeline import Pipeline
from sheets_pipeline.runs.targets import spreadsheets_of
from sheets_pipeline_tests.learning_platform import Platform

SCHEMA = """
create table school_course (id int primary key, sheet text, owner text);
create table attempt (learner text, lesson int, course int references school_course, score numeric(10, 2), primary key (learner, lesson));
insert into attempt values ('Ada', 1, null, 91.50), ('Ada', 2, null, null), ('Bob', 1, null, 7.25);
"""

TABS = """\
type: sheets_pipeline.Spreadsheets
attributes: {name: courses, sql: "select id, sheet as url, owner from school_course order by id"}
---
type: sheets_pipeline.Spreadsheets
attributes: {name: office, url: "{{ env.OFFICE }}"}
---
type: sheets_pipeline.Tab
attributes:
  title: Attempts
  key: [learner, lesson]
  sql: select learner, lesson, course, score from attempt
  watches: [{table: attempt, key: [learner, lesson]}]
  spreadsheet: {each: courses, by: course}
---
type: sheets_pipeline.Tab
attributes:
  title: Attempts
  key: [learner, lesson]
  sql: select learner, lesson, course, score from attempt
  watches: [{table: attempt, key: [learner, lesson]}]
  spreadsheet: office
---
type: sheets_pipeline.Tab
attributes:
  title: Best
  key: learner
  sql: select learner, course, max(score) as best from attempt group by learner, course
  watches: [{table: attempt, key: learner}]
  spreadsheet: {each: courses, by: course}
---
type: sheets_pipeline.Tab
attributes:
  title: Courses
  key: id
  sql: select id, owner from school_course
"""


class School:
    """A platform with the tables above, three courses with a spreadsheet each, and one for the office."""

    def __init__(self, platform: Platform) -> None:
        self.platform, self.server = platform, platform.server
        self.sheets = {part: self.server.create_spreadsheet(f"Course {part}") for part in ("1", "2", "3")}
        self.office = self.server.create_spreadsheet("Office")

    def sql(self, text: str) -> None:
        with self.platform.engine.begin() as connection:
            for statement in filter(str.strip, text.split(";")):
                connection.exec_driver_sql(statement)

    def run(self, job: str, **options: Any) -> dg.ExecuteInProcessResult:
        definition = defs().resolve_job_def(job)
        return definition.execute_in_process(instance=self.platform.instance, raise_on_error=False, **options)

    def values(self, spreadsheet_id: str, tab: str = "Attempts") -> list[list[Any]]:
        path = f"/v4/spreadsheets/{spreadsheet_id}/values/{quote(tab)}?valueRenderOption=UNFORMATTED_VALUE"
        return sorted(self.server.call("GET", path).get("values", [])[1:])

    def course(self, part: str, tab: str = "Attempts") -> list[list[Any]]:
        return self.values(self.sheets[part], tab)

    def at(self, part: str) -> Pipeline:
        pipeline = self.platform.pipeline
        return next(pipeline.at(one) for one in spreadsheets_of(pipeline, "courses") if one.part == part)

    def requests(self) -> tuple[int, int]:
        totals = self.server.stats()["totals"]
        self.server.reset_stats()
        return totals["reads"], totals["writes"]


@pytest.fixture
def school(platform: Platform, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> School:
    made = School(platform)
    made.sql(SCHEMA)
    for part, sheet in made.sheets.items():
        made.sql(f"insert into school_course values ({part}, '{sheet}', 'teacher{part}@example.org')")
    made.sql("update attempt set course = case when learner = 'Ada' then 1 else 2 end")
    monkeypatch.setenv("OFFICE", f"https://docs.google.com/spreadsheets/d/{made.office}/edit")
    for name in ("_BY_KEY", "_LOADED"):
        monkeypatch.setattr(tab_asset, name, {})
    monkeypatch.setattr(tab_asset, "_DECLARED", [])
    (tmp_path / "tabs").mkdir()
    (tmp_path / "tabs" / "school.yaml").write_text(TABS)
    assert {one.tab.name for one in tab_assets().values()} == {
        "Attempts @ courses", "Attempts @ office", "Best", "Courses",
    }  # fmt: skip
    install(platform.engine, watched())
    return made
