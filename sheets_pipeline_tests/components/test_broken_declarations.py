"""Declarations that cannot be used: each is one asset that says why, and all else loads."""

import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from sheets_pipeline.cli import run_sync
from sheets_pipeline.components import declarations, tab_asset
from sheets_pipeline.components.names import dagster_name
from sheets_pipeline.components.tab_asset import TabAsset, tab_assets
from sheets_pipeline.definitions import defs
from sheets_pipeline.defs import checks, full_sync, tabs
from sheets_pipeline.defs.resources import PipelineResource
from sheets_pipeline.monitoring import doctor_checks
from sheets_pipeline.monitoring.doctor_facts import Facts
from sheets_pipeline.monitoring.status import collect
from sheets_pipeline.runs import gate
from sheets_pipeline.runs.switches import switch_name
from sheets_pipeline.sync.health import Health
from sheets_pipeline_tests.learning_platform import Platform

GOOD = '''
import pandas as pd
from sheets_pipeline.components.tab_asset import tab_asset
from sheets_pipeline.settings import OwnSetting, Settings
from sheets_pipeline.sync.tab import Archive, Column, ColumnType, Tab

TAB = Tab(title="{title}", key=("id",), columns=(Column("id"),){more})


@tab_asset(TAB)
def {name}(connection, ids):
    """Rows."""
    return pd.DataFrame({{"id": []}})
'''

Declare = Callable[..., dict[str, TabAsset]]


def module(title: str, name: str = "rows", more: str = "") -> str:
    """The text of a declaration that is right but for its arguments."""
    return GOOD.format(title=title, name=name, more=more)


@pytest.fixture
def declare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Declare]:
    """Add modules (name → text) beside those that there are; gives all tabs by title, as a new process sees them."""
    folder = tmp_path / "modules"
    folder.mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tabs, "__path__", [*tabs.__path__, str(folder)])
    monkeypatch.setattr(tab_asset, "_BY_KEY", {})
    monkeypatch.setattr(tab_asset, "_LOADED", {})
    monkeypatch.setattr(tab_asset, "_DECLARED", list(tab_asset._DECLARED))
    before = set(sys.modules)

    def declare(**texts: str) -> dict[str, TabAsset]:
        for name, text in texts.items():
            (folder / f"{name}.py").write_text(text)
        return {tab_asset.tab.title: tab_asset for tab_asset in tab_assets().values()}

    yield declare
    for name in set(sys.modules) - before:
        if name.startswith(declarations.PACKAGE + "."):
            del sys.modules[name]


THEIRS = {"UserProfiles", "course_statistics", "quiz_responses", "TranscriptRequests"}

BROKEN = {
    "syntax": ('title = "Orders"\n\ndef f(:\n', "Orders", "syntax.py, line 3: SyntaxError"),
    "imports": ("import no_such_module_at_all\n", "imports", "line 1: ModuleNotFoundError: No module named"),
    "names": ("\n\nnot_there\n", "names", "line 3: NameError"),
    "leaves": ("import sys\nsys.exit(3)\n", "leaves", "line 2: SystemExit: 3"),
    "base": ("class Odd(BaseException): pass\nraise Odd('why')\n", "base", "line 2: Odd: why"),
    "empty_title": (module(""), "empty_title.py", "the title is ''"),
    "long_title": (module("x" * 101), "x" * 101, "has 101 characters; Google takes 100"),
    "control": (module("a\\nb"), "a\nb", "control characters"),
    "no_key": (module("No key", more=', key=("id",)').replace('key=("id",), columns', "columns").replace('"id",)', '"di",)', 1),
               "No key", "ValueError"),
    "key_is_text": (module("Key text").replace('key=("id",)', 'key=("id")'), "Key text", "expected a tuple of names"),
    "wrong_type": (module("Type").replace('Column("id")', 'Column("id", "int")'), "Type", "its type is 'int'; known: text,"),
    "doubled": (module("Doubled").replace('Column("id"),', 'Column("id"), Column("id"),'), "Doubled", "found twice: ['id']"),
    "interval": (module("Often", more=", every=420"), "Often", "every=420 must be whole minutes that divide an hour"),
    "guard": (module("Guard", more=", max_deletes_share=20"), "Guard", "max_deletes_share=20; expected"),
    "owner": (module("Owner", more=", owners=('Ada',)"), "Owner", "expected mail addresses or team:NAME as owners, found 'Ada'"),
    "switch": (module("Switch", more=', switch=OwnSetting(Settings, "no_such")'), "Switch", "whose field is true or false"),
    "switch_is_text": (module("Text", more=', switch="sync_enable_it"'), "Text", "expected OwnSetting"),
    "switch_is_number": (module("Number", more=', switch=OwnSetting(Settings, "sync_max_retries")'), "Number", "true or false"),
    "archive_setting": (
        module("Archived", more=', archive=Archive("id", OwnSetting(Settings, "no_such"), None)'), "Archived", "a whole number"
    ),
    "archive_moment": (
        module("Moment", more=', archive=Archive("at", OwnSetting(Settings, "sync_max_retries"), None)'), "Moment", "'at' is not"
    ),
    "secret": ("raise ValueError('cannot open postgresql://me:pass@word@db/x')\n", "secret", "postgresql://me:***@db/x"),
    "null": ("x = 1\0\n", "null", "null.py, line"),
}  # fmt: skip


def test_each_broken_module_is_one_asset_that_says_why_and_everything_else_loads(declare: Declare) -> None:
    declared = declare(**{name: text for name, (text, _, _) in BROKEN.items()}, fine=module("Fine", "fine"))
    broken = {title: tab for title, tab in declared.items() if tab.problem is not None}
    assert set(declared) - set(broken) == THEIRS | {"Fine"}
    assert len(broken) == len(BROKEN)
    for name, (_, title, says) in BROKEN.items():
        [tab] = [tab for tab in broken.values() if tab.module.endswith(f".{name}")]
        assert tab.tab.title == title
        assert tab.problem
        assert says in tab.problem.text
        assert f"{name}.py, line " in tab.problem.text
        assert tab.problem.text.endswith("reload the code location.")
    loaded = defs()
    dg.Definitions.validate_loadable(loaded)
    assert {tab.key for tab in declared.values()} <= loaded.resolve_asset_graph().get_all_asset_keys()


def test_broken_tabs_fail_alone_and_are_named_by_run_check_status_doctor_and_sync(
    declare: Declare, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    titles = declare(**{f"broken_{i}": "def f(:\n" for i in range(40)}, fine=module("Fine tab 🎓", "fine"))
    broken = [one for one in titles.values() if one.problem]
    monkeypatch.setattr(run_sync, "opened_instance", lambda: nullcontext(platform.instance))
    result = run_sync.run_sync([], None)
    assert result["status"] == "failed"
    assert set(result["tabs"]) == THEIRS | {"Fine tab 🎓"}
    assert set(result["errors"]) == {one.tab.title for one in broken}
    assert all("SyntaxError" in message and f"Tab {title!r}" in message for title, message in result["errors"].items())
    assert len(platform.rows("UserProfiles")) == 60
    assert gate.current_circuit(platform.instance, platform.pipeline).state == "closed"
    named = {check.asset_key for check in checks.broken_checks(platform.instance, result["run_id"])}
    assert named == {one.key for one in broken}
    status = collect(platform.instance, platform.pipeline)
    assert status.health is Health.DEGRADED
    for one in broken:
        tab = status.tabs[one.tab.title]
        assert (tab.health, tab.failed_syncs) == (Health.DEGRADED, 1)
        assert f"{one.module.rpartition('.')[2]}.py, line 1: SyntaxError" in tab.reason
    assert all(status.tabs[title].health is Health.HEALTHY for title in THEIRS)
    doctor = doctor_checks.declarations(Facts())
    assert doctor.message.startswith("40 of 45 tabs")
    requested = full_sync.request_full_sync(platform.instance, PipelineResource(), datetime(2026, 3, 1, tzinfo=UTC))
    assert isinstance(requested, dg.RunRequest), requested


@pytest.mark.parametrize("titles", [("Same", "Same"), ("Same", "sAME"), ("Straße", "STRASSE")])
def test_of_two_declarations_with_one_title_neither_is_used_and_both_name_the_other(
    declare: Declare, titles: tuple[str, str]
) -> None:
    declared = declare(one=module(titles[0], "one"), two=module(titles[1], "two"))
    broken = [tab for tab in declared.values() if tab.problem is not None]
    assert len(broken) == 2
    for tab in broken:
        assert tab.problem
        assert "declared more than once, in one.py and two.py" in tab.problem.text
    assert {title for title, tab in declared.items() if tab.problem is None} == THEIRS


def test_functions_of_the_same_name_give_assets_of_different_names(declare: Declare) -> None:
    declared = declare(a_copy=module("Copy", "user_profiles"), other=module("Other", "user_profiles"))
    assert declared["UserProfiles"].key == dg.AssetKey("user_profiles")
    keys = {declared[title].key for title in ("UserProfiles", "Copy", "Other")}
    assert len(keys) == 3
    assert not [tab for tab in declared.values() if tab.problem]
    dg.Definitions.validate_loadable(defs())


TITLES = ["Student progress", "Student_progress", "Prüfungen", "🎓", "🎒", "a/b", "it's \\\"quoted\\\"", " lead", "trail ",
          "x" * 100, "x" * 99 + "y", "תלמידים", "a.b", "a-b", "100 %", "*", "type", "تقرير 2026"]  # fmt: skip


def test_titles_and_functions_may_be_called_anything(declare: Declare) -> None:
    names = ["prüfung", "type", "context", "x" * 120]
    texts = {f"title_{i}": module(title, f"title_{i}") for i, title in enumerate(TITLES)}
    texts |= {f"name_{i}": module(f"Name {i}", name) for i, name in enumerate(names)}
    declared = declare(**texts)
    assert not [tab.problem for tab in declared.values() if tab.problem]
    assert len(declared) == len(THEIRS) + len(TITLES) + len(names)
    switches = {switch_name(tab.tab) for tab in declared.values()}
    assert len(switches) == len(declared)
    loaded = defs()
    dg.Definitions.validate_loadable(loaded)
    assert {sensor.name for sensor in loaded.sensors or ()} >= switches


@pytest.mark.parametrize(
    ("text", "name"),
    [("UserProfiles", "UserProfiles"), ("quiz_responses", "quiz_responses"), ("Student progress", "Student_progress_")],
)
def test_a_name_that_dagster_takes_stays_and_others_keep_what_can_be_read(text: str, name: str) -> None:
    assert dagster_name(text).startswith(name)
    assert (dagster_name(text) == name) is (text == name)


def test_tabs_are_looked_for_once_per_process(declare: Declare) -> None:
    before = declare()
    after = declare(late=module("Late", "late"))
    assert set(after) == set(before) == THEIRS
