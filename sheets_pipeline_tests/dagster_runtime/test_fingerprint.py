"""What counts as a change of code."""

import os
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest

from sheets_pipeline.dagster_runtime.fingerprint import code_fingerprint, code_version


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of two modules, in the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    folder = tmp_path / f"package_of_{os.getpid()}"
    (folder / "inner").mkdir(parents=True)
    (folder / "__init__.py").touch()
    (folder / "inner" / "module.py").write_text("A = 1\n")
    return folder


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda folder: (folder / "inner" / "module.py").write_text("A = 22\n"), id="edited"),
        pytest.param(lambda folder: (folder / "new.py").touch(), id="added"),
        pytest.param(lambda folder: (folder / "inner" / "module.py").unlink(), id="removed"),
        pytest.param(lambda folder: Path(".env").write_text("A=1\n"), id="settings"),
    ],
)
def test_a_change_of_code_or_settings_changes_the_fingerprint(package: Path, change: Callable[[Path], object]):
    before = code_fingerprint([f"{package.name}.inner.module"])
    assert code_fingerprint([f"{package.name}.inner.module"]) == before
    change(package)
    assert code_fingerprint([f"{package.name}.inner.module"]) != before


def test_an_installed_package_that_comes_or_goes_changes_the_fingerprint(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    installed = tmp_path / "site-packages"
    installed.mkdir()
    os.utime(installed, (0, 0))
    monkeypatch.setattr(sysconfig, "get_path", lambda _name: str(installed))
    before = code_fingerprint([package.name])
    (installed / "other-2.0.dist-info").mkdir()
    assert code_fingerprint([package.name]) != before


def test_other_files_and_installed_packages_do_not_count(package: Path):
    before = code_fingerprint([package.name])
    (package / "data.csv").touch()
    assert code_fingerprint([package.name, "pandas", "json"]) == before


def test_a_mounted_configmap_is_the_same_code_on_every_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    versions = []
    for mounted_at in ("..2026_11_28_10_00_00.1234", "..2026_11_28_10_00_07.5678"):
        tabs = tmp_path / mounted_at.strip(".") / "tabs"
        (tabs / mounted_at).mkdir(parents=True)
        (tabs / mounted_at / "quizzes.yaml").write_text("title: Quizzes\n")
        (tabs / "..data").symlink_to(mounted_at)
        (tabs / "quizzes.yaml").symlink_to("..data/quizzes.yaml")
        monkeypatch.setenv("PROJECT_DIR", str(tabs.parent))
        versions.append(code_version())
    assert versions[0] == versions[1]
    (tabs / mounted_at / "quizzes.yaml").write_text("title: Others\n")
    assert code_version() != versions[1]
