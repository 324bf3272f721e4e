"""A project's folder: YAML and SQL alone keep tabs of tables that the project has never seen."""

import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from sheets_pipeline.cli import run_sync
from sheets_pipeline.cli.main import main
from sheets_pipeline.components import declarations, tab_asset
from sheets_pipeline.components.declared import DeclaredTab
from sheets_pipeline.components.project import declared_in
from sheets_pipeline.components.tab_asset import declared_credentials, declared_spreadsheets, tab_assets
from sheets_pipeline.dagster_runtime.fingerprint import code_fingerprint
from sheets_pipeline.database import events, history
from sheets_pipeline.definitions import defs
from sheets_pipeline.defs.freshness import freshness_policy
from sheets_pipeline.errors import SettingsError
from sheets_pipeline.home import project_folder
from sheets_pipeline.runs import preflight
from sheets_pipeline.sync.tab import Column, ColumnType, OnRemoved, Tab
from sheets_pipeline.sync.watch import Priority, Watch
from sheets_pipeline_tests.learning_platform import Platform

SCHEMA = """
create table learner (id varchar(20) primary key, name varchar(50) not null, active boolean, joined date);
create table lesson (id int primary key, title varchar(50) not null);
create table attempt (learner_id varchar(20), lesson_id int, score decimal(30, 2), at timestamp null,
    primary key (learner_id, lesson_id));
insert into learner values ('a-1', 'Ada', true, '2026-07-01'), ('b-2', '=1+1', false, null);
insert into lesson values (1, 'Fractions'), (2, '007');
insert into attempt values ('a-1', 1, 91.50, '2026-07-01 10:00:00'), ('a-1', 2, null, null), ('b-2', 1, 7.25, null);
"""

TABS = """\
type: sheets_pipeline.Tab
attributes:
  title: Learners
  key: id
  sql: select id, name, active, joined from learner order by id
---
type: sheets_pipeline.Tab
attributes:
  title: Student progress
  key: [learner_id, lesson_id]
  sql_file: progress.sql
  on_removed: mark
  every: 900
  owners: team:school
  columns:
    - {name: learner_id, header: Learner}
    - {name: lesson_id, header: Lesson no, type: text}
    - {name: lesson, header: Lesson, description: As teachers call it}
    - {name: score, type: decimal}
---
type: sheets_pipeline.Tab
attributes:
  title: Broken
  key: id
"""

PROGRESS = """-- One row per learner and lesson.
select a.learner_id, a.lesson_id, l.title as lesson, a.score, a.at
from attempt a join lesson l on l.id = a.lesson_id
order by a.learner_id, a.lesson_id;
"""

Project = Callable[..., dict[str, Any]]


@pytest.fixture
def project(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Project]:
    """Write files of ``tabs/`` (name → text) in the working directory; gives the tabs by title as a new process sees them."""
    folder = tmp_path / "tabs"
    folder.mkdir()
    monkeypatch.chdir(tmp_path)
    for name in ("_BY_KEY", "_LOADED"):
        monkeypatch.setattr(tab_asset, name, {})
    monkeypatch.setattr(tab_asset, "_DECLARED", [])
    before = set(sys.modules)

    def write(**files: str) -> dict[str, Any]:
        for name, text in files.items():
            stem, _, kind = name.rpartition("_")
            (folder / f"{stem}.{kind}").write_text(text)
        tab_asset._BY_KEY.clear()
        return {found.tab.title: found for found in tab_assets().values()}

    yield write
    for name in set(sys.modules) - before:
        if name.startswith(declarations.PACKAGE + "."):
            del sys.modules[name]


def test_tables_of_ones_own_are_synced_with_yaml_and_sql_alone(
    engine: sa.Engine, platform: Platform, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    with engine.begin() as connection:
        for statement in filter(str.strip, SCHEMA.split(";")):
            connection.exec_driver_sql(statement)
    monkeypatch.setenv("PIPELINE_DATABASE_URL", platform.engine.url.render_as_string(hide_password=False))
    monkeypatch.setenv("DATABASE_URL", engine.url.render_as_string(hide_password=False))
    platform.reopen()
    monkeypatch.setattr(run_sync, "opened_instance", lambda: nullcontext(platform.instance))
    assert set(project(school_yaml=TABS, progress_sql=PROGRESS)) == {"Learners", "Student progress", "Broken"}
    result = run_sync.run_sync([], None)
    assert list(result["errors"]) == ["Broken"]
    assert "school.yaml, line 22: expected sql or sql_file, found neither" in result["errors"]["Broken"]
    assert run_sync.failed_titles() == ["Broken"]
    assert platform.values("Learners") == [
        ["id", "name", "active", "joined"],
        ["a-1", "Ada", True, 46204],
        ["b-2", "=1+1", False],
    ]
    progress = [["a-1", "1", "Fractions", 91.5], ["a-1", "2", "007"], ["b-2", "1", "Fractions", 7.25]]
    header = ["Learner", "Lesson no", "Lesson", "score", "row_status"]
    assert platform.values("Student progress") == [header, *progress]
    again = run_sync.run_sync(["Learners", "Student progress"], None)
    assert again["status"] == "success"
    assert {title: (tab["cells"], tab["write_requests"]) for title, tab in again["tabs"].items()} == {
        "Learners": (0, 0),
        "Student progress": (0, 0),
    }
    with engine.begin() as connection:
        connection.exec_driver_sql("delete from attempt where lesson_id = 2")
        connection.exec_driver_sql("update lesson set title = 'Sums' where id = 1")
    changed = run_sync.run_sync([], None)
    assert {title: tab["cells"] for title, tab in changed["tabs"].items()} == {"Learners": 0, "Student progress": 3}
    only = json.loads(CliRunner().invoke(main, ["sync", "--failed", "--json"]).stdout)
    assert (only["status"], list(only["errors"]), only["tabs"]) == ("failed", ["Broken"], {})
    project(school_yaml=TABS.partition("---\ntype: sheets_pipeline.Tab\nattributes:\n  title: Broken")[0])
    fine = CliRunner().invoke(main, ["sync", "--failed"])
    assert (fine.exit_code, fine.output) == (0, "There is nothing to do: no tab's last sync failed.\n")
    assert CliRunner().invoke(main, ["sync", "--failed", "--tab", "Learners"]).exit_code == 2
    assert platform.values("Student progress")[1:3] == [["a-1", "1", "Sums", 91.5], ["a-1", "2", "007", "", "removed"]]


WATCHES = """\
  watches:
    - {table: attempt, key: {lesson_id: lesson_id, learner_id: learner_id}, columns: [score]}
    - {table: lesson, keys_sql: "select learner_id, lesson_id from attempt where lesson_id = :id", operations: update}
"""


def test_changes_of_watched_tables_of_ones_own_show_as_events(
    engine: sa.Engine, platform: Platform, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    with engine.begin() as connection:
        for statement in filter(str.strip, SCHEMA.split(";")):
            connection.exec_driver_sql(statement)
    monkeypatch.setenv("PIPELINE_DATABASE_URL", platform.engine.url.render_as_string(hide_password=False))
    monkeypatch.setenv("DATABASE_URL", engine.url.render_as_string(hide_password=False))
    platform.reopen()
    tabs = TABS.replace("  owners: team:school\n", WATCHES).partition(
        "---\ntype: sheets_pipeline.Tab\nattributes:\n  title: Broken"
    )[0]
    project(school_yaml=tabs, progress_sql=PROGRESS)
    assert CliRunner().invoke(main, ["db", "install"]).exit_code == 0
    checked = CliRunner().invoke(main, ["db", "check"])
    assert (checked.exit_code, checked.output.count("\n")) == (0, 1), checked.output

    def change_and_sync(*statements: str) -> list[list[Any]]:
        with engine.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)
        assert defs().resolve_job_def("event_sync").execute_in_process(instance=platform.instance).success
        with engine.connect() as connection:
            assert events.count(connection) == 0
        return sorted(platform.values("Student progress")[1:])

    with platform_running(monkeypatch, platform):
        assert run_sync.run_sync([], None)["status"] == "success"
    assert change_and_sync("insert into attempt values ('b-2', 2, 5, null)")[3] == ["b-2", "2", "007", 5]
    assert change_and_sync("update lesson set title = 'Sums' where id = 2")[3] == ["b-2", "2", "Sums", 5]
    moved = change_and_sync("update attempt set learner_id = 'c-3' where learner_id = 'b-2' and lesson_id = 1")
    assert ["b-2", "1", "Fractions", 7.25, "removed"] in moved
    assert ["c-3", "1", "Fractions", 7.25] in moved
    assert change_and_sync("delete from attempt where learner_id = 'a-1' and lesson_id = 1")[0][4] == "removed"
    with engine.begin() as connection:
        connection.exec_driver_sql("update attempt set at = '2026-08-08 08:00:00'")  # no tab watches it
        assert events.count(connection) == 0


@contextmanager
def platform_running(monkeypatch: pytest.MonkeyPatch, platform: Platform) -> Iterator[None]:
    """What starts a run of its own uses the platform's instance."""
    with monkeypatch.context() as patch:
        patch.setattr(run_sync, "opened_instance", lambda: nullcontext(platform.instance))
        yield


@pytest.mark.parametrize(
    "columns", ["", "  columns: [{name: id}, {name: name}, {name: score, header: Score}, {name: active}]\n"]
)
def test_an_event_writes_columns_and_types_that_are_left_to_the_query(
    engine: sa.Engine, platform: Platform, project: Project, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    with engine.begin() as connection:
        for statement in filter(str.strip, SCHEMA.split(";")):
            connection.exec_driver_sql(statement)
    monkeypatch.setenv("PIPELINE_DATABASE_URL", platform.engine.url.render_as_string(hide_password=False))
    monkeypatch.setenv("DATABASE_URL", engine.url.render_as_string(hide_password=False))
    platform.reopen()
    sql = (
        "select id, name, (select max(score) from attempt where learner_id = learner.id) as score, active from learner"
    )
    project(
        own_yaml=f"type: sheets_pipeline.Tab\nattributes:\n  title: Own\n  key: id\n  sql: {sql}\n{columns}"
        "  watches: [{table: learner, key: {id: id}}]\n"
    )
    assert CliRunner().invoke(main, ["db", "install"]).exit_code == 0
    with platform_running(monkeypatch, platform):
        assert run_sync.run_sync([], None)["status"] == "success"
    header = platform.values("Own")[0]
    with engine.begin() as connection:
        connection.exec_driver_sql("update learner set name = 'Ada L.', active = false where id = 'a-1'")
        connection.exec_driver_sql("insert into learner values ('c-3', 'Grace', true, null)")
    assert defs().resolve_job_def("event_sync").execute_in_process(instance=platform.instance).success
    rows = [["a-1", "Ada L.", 91.5, False], ["b-2", "=1+1", 7.25, False], ["c-3", "Grace", "", True]]
    assert [header, *sorted(platform.values("Own")[1:])] == [header, *rows]
    assert len(header) == 4
    with platform_running(monkeypatch, platform):
        again = run_sync.run_sync([], None)
    assert again["tabs"]["Own"]["cells"] == 0  # an event writes what a full sync would


def test_yaml_and_python_give_a_tab_the_same_powers(tmp_path: Path) -> None:
    path = tmp_path / "all.yaml"
    path.write_text(
        "type: sheets_pipeline.Tab\nattributes:\n  title: All\n  key: id\n  sql: select id from learner\n"
        "  columns: [{name: id, type: integer, header: Number, description: Of the school}]\n  on_removed: keep\n  every: 900\n"
        "  priority: bulk\n  position: 7\n  max_deletes: 3\n  max_deletes_share: 1\n  owners: [team:a, b@example.org]\n"
        "  allow_values_in_event_log: true\n"
        "  watches: [{table: learner, key: id}, {table: attempt, key: id, priority: urgent}]\n"
    )
    [declared] = declared_in(path, {})
    assert isinstance(declared, DeclaredTab)
    assert declared.faults == ()
    assert declared.tab == Tab(
        "All",
        ("id",),
        (Column("id", ColumnType.INTEGER, "Number", description="Of the school"),),
        OnRemoved.KEEP,
        every=900,
        priority=Priority.BULK,
        position=7,
        max_deletes=3,
        max_deletes_share=1,
        owners=("team:a", "b@example.org"),
        allow_values_in_event_log=True,
        watches=(Watch("learner", ("id",)), Watch("attempt", ("id",), priority=Priority.URGENT)),
    )
    assert [watch.priority for watch in declared.tab.watches] == [Priority.BULK, Priority.URGENT]


def test_tabs_take_turns_by_priority_then_position(
    platform: Platform, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = {"A": "bulk", "B": "normal\n  position: 9", "C": "normal\n  position: 8", "D": "urgent\n  position: 99"}
    start = "type: sheets_pipeline.Tab\nattributes:\n  key: id\n  sql: select 1 as id\n  title: "
    project(turns_yaml="---\n".join(f"{start}{title}\n  priority: {rest}\n" for title, rest in turns.items()))
    computed: list[str] = []
    begun = preflight._begun

    def noted(pipeline: Any, tab_asset: Any) -> Any:
        computed.append(tab_asset.tab.title)
        return begun(pipeline, tab_asset)

    monkeypatch.setattr(preflight, "_begun", noted)
    with platform_running(monkeypatch, platform):
        assert run_sync.run_sync([], None)["status"] == "success"
    written = [sync.tab for sync in reversed(history.recent(platform.pipeline.state))]
    assert computed == ["D", "C", "B", "A"]
    assert sorted(written) == sorted(computed)  # together, as they stand in one spreadsheet


NAME = "Zaphod"


@pytest.mark.parametrize("allowed", [False, True])
def test_keys_that_are_texts_stand_in_dagsters_event_log_only_where_the_tab_allows_it(
    platform: Platform, project: Project, monkeypatch: pytest.MonkeyPatch, allowed: bool
) -> None:
    tab = (
        "type: sheets_pipeline.Tab\nattributes:\n  title: People\n  key: email\n  sql_file: people.sql\n"
        f"  watches: [{{table: users, key: email}}]\n  allow_values_in_event_log: {str(allowed).lower()}\n"
    )
    sql = "select u.email, case u.full_name when 'Zaphod long' then repeat(u.full_name, 9000) else u.full_name end as n from users u"
    twice = tab.replace("People", "Twice").replace("people.sql", "twice.sql")
    project(people_yaml=tab, people_sql=sql, twice_yaml=twice, twice_sql=sql + " cross join users")
    assert CliRunner().invoke(main, ["db", "install"]).exit_code == 0

    def change(*statements: str) -> None:
        with platform.engine.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)

    change("update users set email = 'Zaphod@' || id, full_name = 'Zaphod ' || id", "delete from pending_event")
    with platform_running(monkeypatch, platform):
        assert set(run_sync.run_sync([], None)["errors"]) == {"Twice"}
    path = f"/v4/spreadsheets/{platform.spreadsheet_id}/values/People!A3:B5?valueInputOption=RAW"
    platform.server.call("PUT", path, {"values": [["Zaphod@1", "x"], ["gone", "Zaphod y"], ["Zaphod@3", "Zaphod z"]]})
    change(
        "update users set full_name = 'Zaphod long' where id = 9",
        "update users set full_name = 'Zaphod anew' where id in (5, 6)",
        "insert into pending_event (entity, key, kind, priority) values ('users', 'Zaphod@7', 'update', 1)",
    )
    assert defs().resolve_job_def("event_sync").execute_in_process(instance=platform.instance).success
    with platform_running(monkeypatch, platform):
        run_sync.run_sync([], None)
    records = [record for run in platform.instance.get_runs() for record in platform.instance.all_logs(run.run_id)]
    assert all(
        word in repr(records) for word in ("set_aside_rows", "doubled_keys", "'drift'", "'changes'", "Malformed")
    )
    assert (NAME in repr(records)) is allowed, re.findall(r".{60}Zaphod.{30}", repr(records))[:5]


def test_a_broken_query_fails_its_own_tab_with_its_place(
    platform: Platform, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_sync, "opened_instance", lambda: nullcontext(platform.instance))
    bad = {
        "Nothing": "key: id\n  sql: select id, nam from users",
        "Syntax": "key: id\n  sql: select id fro users",
        "No key": "key: idd\n  sql: select id from users",
        "No column": "key: id\n  sql: select id from users\n  columns: [{name: id}, {name: fullname}]",
        "Types": "key: id\n  sql: select id, 'x' as n from users\n  columns: [{name: id}, {name: n, type: integer}]",
    }
    start = "type: sheets_pipeline.Tab\nattributes:\n  title: "
    project(bad_yaml="---\n".join(f"{start}{title}\n  {rest}\n" for title, rest in bad.items()))
    result = run_sync.run_sync([], None)
    assert set(result["errors"]) == set(bad) - {"Types"}
    assert "(bad.yaml, line 1)" in result["errors"]["Nothing"]
    assert "(bad.yaml, line 7)" in result["errors"]["Syntax"]
    assert "'idd' is not in the query's result, which has 'id'" in result["errors"]["No key"]
    assert "'fullname' is not in the query's result; known: id" in result["errors"]["No column"]
    assert len(result["tabs"]["Types"]["set_aside_rows"]) == 60


def test_a_project_shows_in_dagster_as_tabs_do(project: Project) -> None:
    project(school_yaml=TABS, progress_sql=PROGRESS)
    loaded = defs()
    dg.Definitions.validate_loadable(loaded)
    graph = loaded.resolve_asset_graph()
    assert {key.path[-1] for key in graph.get_all_asset_keys()} == {"learners", "student_progress", "broken"}
    node = graph.get(dg.AssetKey("student_progress"))
    assert node.owners == ["team:school"]
    assert node.freshness_policy == freshness_policy(900)
    assert loaded.resolve_schedule_def("full_sync_schedule").cron_schedule == ["*/5 * * * *", "*/15 * * * *"]
    schema = node.metadata["dagster/column_schema"]
    assert [(column.name, column.description) for column in schema.columns][2] == (
        "lesson",
        "As teachers call it. Header 'Lesson'",
    )
    [reference] = node.metadata["dagster/code_references"].code_references
    assert (Path(reference.file_path).name, reference.line_number) == ("school.yaml", 7)
    made = {key.name for key in graph.asset_check_keys if key.asset_key == dg.AssetKey("broken")}
    assert made == {"declaration_is_valid"}
    assert {"tab_Learners"} <= {sensor.name for sensor in loaded.sensors or ()}


def test_yaml_and_modules_stand_side_by_side_and_share_no_title(project: Project) -> None:
    module = (
        "from sheets_pipeline.components.tab_asset import tab_asset\nfrom sheets_pipeline.sync.tab import Column, Tab\n\n\n"
        "@tab_asset(Tab('LEARNERS', ('id',), (Column('id'),)))\ndef rows(connection, ids):\n    ...\n"
    )
    found = project(school_yaml=TABS, progress_sql=PROGRESS, own_py=module)
    broken = [tab for tab in found.values() if tab.problem]
    assert len(broken) == 3
    assert all("declared more than once, in own.py and school.yaml" in tab.problem.text for tab in broken[:2])
    assert [title for title, tab in found.items() if not tab.problem] == ["Student progress"]


def test_titles_that_give_one_name_are_two_assets(project: Project) -> None:
    other = TABS.partition("---")[0]
    found = project(
        a_yaml=other, b_yaml=other.replace("Learners", "learners_"), c_yaml=other.replace("Learners", "Prüfung")
    )
    assert len({tab.key for tab in found.values()}) == 3
    assert found["Learners"].key == dg.AssetKey("learners")


def test_files_are_known_by_their_digest(project: Project, tmp_path: Path) -> None:
    project(school_yaml=TABS, progress_sql=PROGRESS)
    before, fingerprint = declarations.files(), code_fingerprint(["sheets_pipeline"])
    assert set(before) == {"school.yaml", "progress.sql"}
    (tmp_path / "tabs" / "progress.sql").write_text(PROGRESS + "-- changed")
    assert {name for name, digest in declarations.files().items() if before[name] != digest} == {"progress.sql"}
    assert code_fingerprint(["sheets_pipeline"]) != fingerprint  # or a warm process would go on with the old one


def test_the_project_is_the_setting_else_the_folder_else_the_demo(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PROJECT_DIR", raising=False)
    assert project_folder() is None
    (tmp_path / "tabs").mkdir()
    assert project_folder() == tmp_path.resolve()
    (tmp_path / "other" / "tabs").mkdir(parents=True)
    monkeypatch.setenv("PROJECT_DIR", "other")
    assert project_folder() == (tmp_path / "other").resolve()
    monkeypatch.setenv("PROJECT_DIR", "nowhere")
    with pytest.raises(SettingsError, match="PROJECT_DIR is 'nowhere': expected a folder that holds a folder tabs/"):
        project_folder()


def test_a_project_without_tabs_loads(project: Project) -> None:
    assert project() == {}
    dg.Definitions.validate_loadable(defs())


PLACES = """\
from sheets_pipeline import Credential, Spreadsheets, Tab

SECOND = Credential(name="second", key="{}")
OFFICE = Spreadsheets(name="office", url="1AbC", credential="second")

WRONG = Spreadsheets(name="wrong", list=[{"id": 7, "url": "1AbC", "credential": "secnd"}])
LATER = Tab(title="Later", key="id", sql="select 1 as id", spreadsheet="office")
"""


def test_lists_and_credentials_are_declared_in_python_beside_yaml(project: Project) -> None:
    tab = "type: sheets_pipeline.Tab\nattributes: {title: %s, key: id, sql: select 1 as id, spreadsheet: %s}\n---\n"
    again = f"from {declarations.PACKAGE}.places import OFFICE\n"
    found = project(places_py=PLACES, again_py=again, y_yaml=tab % ("Fine", "office") + tab % ("Lost", "ofice"))
    assert {name for name, one in found.items() if one.problem is None} == {"Fine", "Later"}
    problems = {name: one.problem.text for name, one in found.items() if one.problem}
    assert problems["wrong"].startswith(
        "places.py, line 6: there is no credential 'secnd'. Did you mean 'second'? Correct"
    )
    assert problems["Lost"].startswith(
        "y.yaml, line 5: spreadsheet: there is no spreadsheet 'ofice'. Did you mean 'office'?"
    )
    assert list(declared_spreadsheets()) == ["office"]
    assert declared_credentials()["second"].credential.key == "{}"
