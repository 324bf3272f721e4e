"""Which dagster.yaml is in force, in the project's folder and where only the package is installed."""

import tomllib
from pathlib import Path

import pytest

from sheets_pipeline import home
from sheets_pipeline.home import DEFAULTS, dagster_home

PROJECT = Path(__file__).parents[1]


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, and a package that no project's folder stands around."""
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.setattr(home, "__file__", str(tmp_path / "site-packages" / "sheets_pipeline" / "home.py"))
    folder = tmp_path / "empty"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_in_an_empty_folder_the_packages_own_is_in_force_and_nothing_is_made(alone: Path) -> None:
    assert dagster_home() == DEFAULTS
    assert list(alone.iterdir()) == []


def test_a_folder_with_a_dagster_yaml_goes_before_the_packages(alone: Path) -> None:
    (alone / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    assert dagster_home() == alone


def test_dagster_home_goes_before_all(alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (alone / "dagster.yaml").write_text("")
    monkeypatch.setenv("DAGSTER_HOME", str(alone.parent))
    assert dagster_home() == alone.parent


@pytest.mark.parametrize("name", ["dagster.yaml", "workspace.yaml"])
def test_the_package_brings_what_stands_in_the_projects_folder(name: str) -> None:
    assert (DEFAULTS / name).read_bytes() == (PROJECT / name).read_bytes(), f"cp {name} sheets_pipeline/defaults/"


def test_the_package_tells_dagster_of_the_project_what_pyproject_tells() -> None:
    in_project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["dg"]
    assert tomllib.loads((DEFAULTS / "dg.toml").read_text()) == in_project
