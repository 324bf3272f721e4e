"""``sheets-pipeline init``: a project that works at once, from tables of any database, and nothing of anybody's written over."""

import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import sqlalchemy as sa
import yaml
from click.testing import CliRunner, Result
from dotenv import dotenv_values

from sheets_pipeline.cli.main import _record_events, main
from sheets_pipeline.components.declared import DeclaredTab
from sheets_pipeline.components.new_project import absolute_url, project_files
from sheets_pipeline.components.project import project_of
from sheets_pipeline.components.tab_asset import tab_assets, watched
from sheets_pipeline.database import triggers
from sheets_pipeline.database.engine import connect
from sheets_pipeline.errors import SettingsError
from sheets_pipeline.platform.tables import platform_metadata, quizzes
from sheets_pipeline.runs.trial import judge
from sheets_pipeline.settings import Settings
from sheets_pipeline.testing import check_declaration
from sheets_pipeline.testing import declared_tabs as tabs_of
from sheets_pipeline_tests.components.test_project_folder import Project, project

__all__ = ["project"]

FILES = [".env", ".gitignore", "README.md", "dagster.yaml", "dg.toml", "tabs", "tests", "workspace.yaml"]

TABLES = """
create table "Attempt" ("Learner" varchar(20) not null, "order" int not null, score decimal(30, 2), passed boolean,
    "at %" timestamp null, scan BYTES, primary key ("Learner", "order"));
insert into "Attempt" values ('a-1', 1, 91.50, true, '2026-07-01 10:00:00', null);
create table log (line varchar(50), "when" date not null, number int not null unique);
insert into log values (null, '2026-07-01', 7);
"""


@pytest.fixture
def init(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Result]:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(main, ["init", *arguments])


def filled(engine: sa.Engine) -> str:
    """The tables in this database; gives its URL."""
    is_mysql = engine.dialect.name in ("mysql", "mariadb")
    text = TABLES.replace("BYTES", "bytea" if engine.dialect.name == "postgresql" else "blob")
    with engine.begin() as connection:
        for statement in filter(str.strip, text.split(";")):
            text = statement.replace('"', "`") if is_mysql else statement
            connection.exec_driver_sql(text, execution_options={"no_parameters": True})
    return engine.url.render_as_string(hide_password=False)


def declared(folder: Path) -> dict[str, DeclaredTab]:
    found = {one.title: one for one in project_of(folder).tabs}
    assert all(not one.faults for one in found.values()), found
    return found


def test_tabs_are_made_of_tables_as_the_database_has_them(
    engine: sa.Engine, init: Callable[..., Result], tmp_path: Path
) -> None:
    url = filled(engine)
    result = init("school", "--database-url", url, "--table", "attempt", "--table", "log")
    assert result.exit_code == 0, result.output
    assert "The tab of log does not watch its table: it has no primary key" in result.output
    tabs = declared(tmp_path / "school")
    attempt = tabs["Attempt"].declaration
    assert attempt is not None
    assert attempt.key == ["Learner", "order"]
    assert [(column.name, column.type) for column in attempt.columns or []] == [
        ("Learner", "text"),
        ("order", "integer"),
        ("score", "decimal"),
        ("passed", "boolean"),
        ("at %", "datetime"),
    ]
    [watch] = attempt.watches
    assert (watch.table, watch.key) == ("Attempt", ["Learner", "order"])
    text = (tmp_path / "school" / "tabs" / "Attempt.yaml").read_text()
    assert "# left out: scan (" in text
    log = tabs["log"].declaration
    assert log is not None
    assert (log.key, log.watches) == (["number"], [])
    assert (
        "# The tab does not watch the table: it has no primary key" in (tmp_path / "school/tabs/log.yaml").read_text()
    )
    env = tmp_path / "school" / ".env"
    assert dotenv_values(env) == {"DATABASE_URL": url}
    assert env.stat().st_mode & 0o777 == 0o600


def test_the_queries_of_a_new_project_are_taken_and_its_test_notices_a_broken_one(
    init: Callable[..., Result], tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'school.db'}"
    filled(sa.create_engine(url))
    assert init("school", "--database-url", "sqlite:///school.db", "--table", "Attempt").exit_code == 0
    assert dotenv_values(tmp_path / "school" / ".env") == {"DATABASE_URL": url}  # good in the new folder, too

    path = tmp_path / "school" / "tabs" / "Attempt.yaml"
    good = path.read_text()
    wrong_type = good.replace("title: Attempt", "title: Typed").replace("type: decimal", "type: number")
    no_column = good.replace("title: Attempt", "title: Named").replace("score,", "scores,")
    path.write_text("---\n".join([good, wrong_type, no_column]))
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path / "school" / "tests",
        env={name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert "3 failed, 3 passed" in result.stdout
    assert "columns[3].type is 'number'" in result.stdout
    assert "no such column: scores" in result.stdout


def test_without_a_database_the_tab_is_one_of_the_demo(
    init: Callable[..., Result], tmp_path: Path, postgres_demo: sa.Engine, project: Project
) -> None:
    assert "sheets-pipeline dev" in init("school").output
    assert sorted(path.name for path in (tmp_path / "school").iterdir()) == FILES
    dg = tomllib.loads((tmp_path / "school" / "dg.toml").read_text())["project"]
    assert (tmp_path / "school" / dg["root_module"]).is_dir()  # where dg looks for the project's own modules
    assert find_spec(dg["code_location_target_module"])
    assert list(declared(tmp_path / "school")) == ["Quizzes"]
    assert tabs_of(tmp_path / "school") == ["Quizzes"]
    check_declaration("Quizzes")
    [declared_tab] = tab_assets().values()
    verdict = judge(postgres_demo, declared_tab, 60)
    assert (verdict.problem, verdict.set_aside) == (None, ())
    assert verdict.rows > 0
    url = postgres_demo.url.render_as_string(hide_password=False)
    _record_events(cast(Any, SimpleNamespace(database_url=url)))  # what `dev` does before all else
    assert triggers.check(postgres_demo, watched()).is_complete
    assert yaml.safe_load((tmp_path / "school/workspace.yaml").read_text())["load_from"]


@pytest.fixture
def postgres_demo(database_url: str) -> sa.Engine:
    """The demo's tables with one quiz."""
    made = connect(database_url)
    platform_metadata.create_all(made)
    with made.begin() as connection:
        connection.execute(quizzes.insert().values(kind="standalone", title="Fractions"))
    return made


def test_a_schema_and_a_view_and_two_tables_of_one_name(
    database_url: str, init: Callable[..., Result], tmp_path: Path
) -> None:
    with connect(database_url).begin() as connection:
        connection.exec_driver_sql('create schema "School"')
        connection.exec_driver_sql('create table "School"."Lesson" (id uuid primary key, tags text[], mood money)')
        connection.exec_driver_sql("create table lesson (code bytea primary key, title text)")
        connection.exec_driver_sql("create view titles as select title from lesson")
    tables = ["School.Lesson", "lesson", "titles"]
    result = init("school", "--database-url", database_url, *(part for name in tables for part in ("--table", name)))
    assert result.exit_code == 0, result.output
    tabs = declared(tmp_path / "school")
    assert set(tabs) == {"School.Lesson", "lesson", "titles"}
    qualified = tabs["School.Lesson"].declaration
    assert qualified is not None
    assert [column.type for column in qualified.columns or []] == ["text", "json", "text"]
    assert qualified.watches[0].table == "School.Lesson"
    assert "its primary key holds binary data (code)" in result.output


@pytest.mark.parametrize(
    ("arguments", "there", "told"),
    [
        (["school"], "tabs/own.yaml", "'school' holds tabs already"),
        (["school"], "dagster.yaml", "'school' holds dagster.yaml already"),
        (["school"], "tests/test_tabs.py", "'school' holds tests/test_tabs.py already"),
        (["it.db"], "", "'it.db' is a file"),
        (["school", "--table", "attempt"], "", "none is named. Add --database-url"),
        (["school", "--database-url", "sqlite:///none.db", "--table", "a"], "", "and there is none. Correct the path"),
        (["school", "--database-url", "school"], "", "must be a SQLAlchemy URL"),
        (["school", "--database-url", "sqlite:///it.db", "--table", "lok"], "", "no table 'lok' in sqlite"),
    ],
)
def test_nothing_is_written_where_it_is_refused(
    init: Callable[..., Result], tmp_path: Path, arguments: list[str], there: str, told: str
) -> None:
    filled(sa.create_engine(f"sqlite:///{tmp_path / 'it.db'}"))
    if there:
        (tmp_path / "school" / there).parent.mkdir(parents=True)
        (tmp_path / "school" / there).write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    result = init(*arguments)
    assert result.exit_code == 1
    assert told in " ".join(result.stderr.split())
    assert sorted(tmp_path.rglob("*")) == before


def test_a_folder_with_other_things_becomes_a_project_and_keeps_them(
    init: Callable[..., Result], tmp_path: Path
) -> None:
    (tmp_path / "tests").mkdir()
    for name in ("README.md", ".env", "tests/test_mine.py"):
        (tmp_path / name).write_text("X=mine")
    result = init(".")
    assert result.exit_code == 0
    assert "Kept as they were: .env (set DATABASE_URL there), README.md." in result.output
    assert {(tmp_path / name).read_text() for name in ("README.md", ".env", "tests/test_mine.py")} == {"X=mine"}
    assert (tmp_path / "tabs" / "quizzes.yaml").is_file()


def test_tables_are_told_where_none_is_named(init: Callable[..., Result], tmp_path: Path, monkeypatch: Any) -> None:
    url = f"sqlite:///{tmp_path / 'it.db'}"
    filled(sa.create_engine(url))
    monkeypatch.setenv("DATABASE_URL", url)
    result = init("school")
    assert "No tab yet. Tables: Attempt, log." in result.output
    assert dotenv_values(tmp_path / "school" / ".env") == {}  # what the environment says stays there
    assert declared(tmp_path / "school") == {}


def test_a_url_that_the_file_cannot_hold_is_refused(tmp_path: Path) -> None:
    assert absolute_url("postgresql://u:p%24@h/d", tmp_path) == "postgresql://u:p%24@h/d"
    with pytest.raises(SettingsError, match="Percent-encode"):
        project_files("x", (), "postgresql://u:it's@h/d", is_demo=False)
