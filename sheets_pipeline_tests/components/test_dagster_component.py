"""``sheets_pipeline.Tab`` in a project of Dagster's ``dg``: same model, same messages, and one broken document stops no other."""

import importlib
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster.components.core.package_entry import get_package_objects_in_module
from pydantic import ValidationError

import sheets_pipeline
from sheets_pipeline.components import tab_asset
from sheets_pipeline.components.project import Project
from sheets_pipeline.components.tab import Credential, Spreadsheets, Tab
from sheets_pipeline.components.tab_asset import declared_at, tab_assets
from sheets_pipeline_tests.learning_platform import Platform

ROOT = Path(__file__).parents[2]

PROGRESS = """\
type: sheets_pipeline.Tab
attributes:
  title: Progress
  key: id
  sql_file: progress.sql
---
type: sheets_pipeline.Tab
attributes:
  title: Broken
  key: id
  sql: "select '{{ nope }}' as id"
  on_remove: mark
"""

RESOURCES = """\
from sheets_pipeline.defs.io_managers import io_managers
from sheets_pipeline.defs.resources import resources
"""

Load = Callable[..., dg.Definitions]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Load]:
    """Gives the definitions of a project whose ``defs/`` holds these files (``progress/defs.yaml`` → text)."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tab_asset, "_COMPONENTS", {})
    monkeypatch.setattr(tab_asset, "_COMPONENTS_OF_PROJECT", Project())
    folder = tmp_path / "school"
    before = set(sys.modules)

    def definitions(**files: str) -> dg.Definitions:
        texts = {"__init__.py": "", "defs/__init__.py": "", "defs/sheets.py": RESOURCES} | files
        for name, text in texts.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        (tmp_path / "pyproject.toml").write_text(
            '[tool.dg]\ndirectory_type = "project"\n[tool.dg.project]\nroot_module = "school"\n'
        )
        importlib.invalidate_caches()
        return dg.load_from_defs_folder(path_within_project=folder)

    yield definitions
    for name in set(sys.modules) - before:
        if name.partition(".")[0] == "school":
            del sys.modules[name]


def test_documents_are_assets_with_checks_and_a_broken_one_stops_no_other(load: Load) -> None:
    files = {"defs/progress/defs.yaml": PROGRESS, "defs/progress/progress.sql": "select 1 as id"}
    loaded = load(**files)
    dg.Definitions.validate_loadable(loaded)
    graph = loaded.resolve_asset_graph()
    assert {key.path[-1] for key in graph.get_all_asset_keys()} == {"progress", "broken"}
    checks = {(key.asset_key.path[-1], key.name) for key in graph.asset_check_keys}
    assert ("broken", "declaration_is_valid") in checks
    assert ("progress", "keys_stand_once") in checks
    broken = tab_assets()[dg.AssetKey("broken")]
    assert broken.problem is not None
    assert "defs.yaml, line 11: the variable {{ nope }} is unknown" in broken.problem.text
    assert "Line 12: unknown key 'on_remove'. Did you mean 'on_removed'?" in broken.problem.text
    assert declared_at(tab_assets()[dg.AssetKey("progress")])[1] == 1


def test_an_asset_of_a_component_is_materialized(load: Load, platform: Platform) -> None:
    sql = "select id, full_name from users where id <= 2 order by id"
    loaded = load(**{"defs/progress/defs.yaml": PROGRESS, "defs/progress/progress.sql": sql})
    job = loaded.resolve_implicit_global_asset_job_def()
    keys = [dg.AssetKey("progress"), dg.AssetKey("broken")]
    result = job.execute_in_process(instance=platform.instance, asset_selection=keys, raise_on_error=False)
    assert [event.step_key for event in result.get_step_failure_events()] == ["broken"]
    header, *rows = platform.values("Progress")
    assert header == ["id", "full_name"]
    assert [row[0] for row in rows] == [1, 2]


def test_of_two_documents_with_one_title_the_second_says_so(load: Load) -> None:
    one = PROGRESS.partition("---")[0].replace("sql_file: progress.sql", "sql: select 1 as id")
    loaded = load(**{"defs/a/defs.yaml": one, "defs/b/defs.yaml": one})
    dg.Definitions.validate_loadable(loaded)
    problems = [tab.problem.text for tab in tab_asset._COMPONENTS.values() if tab.problem]
    assert len(problems) == 1
    assert "the title 'Progress' is declared twice" in problems[0]


def test_a_tab_is_declared_in_python_with_the_same_keys(load: Load) -> None:
    component = (
        "import dagster as dg\nimport sheets_pipeline\n\n\n"
        "@dg.component_instance\ndef tab(context):\n"
        "    return sheets_pipeline.Tab(title='Made', key='id', sql='select 1 as id', on_removed='keep')\n"
    )
    places = (
        "import dagster as dg\nimport sheets_pipeline\n\n\n"
        "@dg.component_instance\ndef office(context):\n"
        "    return sheets_pipeline.Spreadsheets(name='office', url='1AbC')\n"
    )
    loaded = load(**{"defs/made/component.py": component, "defs/places/component.py": places})
    assert tab_asset.declared_spreadsheets()["office"].declaration.url == "1AbC"
    assert dg.AssetKey("made") in loaded.resolve_asset_graph().get_all_asset_keys()
    with pytest.raises(ValidationError):
        sheets_pipeline.Tab(title="Made", key=["id"], sql="select 1 as id", on_remove="keep")  # type: ignore[call-arg]


def test_dg_finds_the_component_and_its_schema() -> None:
    assert dict(get_package_objects_in_module(sheets_pipeline)) == {
        "Tab": Tab,
        "Spreadsheets": Spreadsheets,
        "Credential": Credential,
    }
    entry_points = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    assert entry_points["dagster_dg_cli.registry_modules"] == {"sheets_pipeline": "sheets_pipeline"}
    schema = Tab.get_model_cls().model_json_schema()
    assert schema["additionalProperties"] is False
    assert {"title", "key", "sql", "columns"} <= set(schema["properties"])


def test_applications_get_no_dagster_with_the_package() -> None:
    code = "import sys, sheets_pipeline; from sheets_pipeline import urls; sys.exit('dagster' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
