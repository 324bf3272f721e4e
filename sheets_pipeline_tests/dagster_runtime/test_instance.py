"""A project's dagster.yaml says what differs from the package's; all else is the package's."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.instance.ref import InstanceRef

from sheets_pipeline.dagster_runtime.instance import PipelineInstance
from sheets_pipeline.home import DEFAULTS

OURS = (DEFAULTS / "project" / "dagster.yaml").read_text()


def test_a_project_has_the_classes_of_the_package(tmp_path: Path) -> None:
    (tmp_path / "dagster.yaml").write_text(OURS)
    named, packaged = InstanceRef.from_dir(str(tmp_path)), InstanceRef.from_dir(str(DEFAULTS))
    assert named.custom_instance_class is PipelineInstance
    assert named._replace(custom_instance_class_data=None, settings=packaged.settings) == packaged


def test_settings_of_a_project_go_before_those_of_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}
    monkeypatch.setattr(dg.DagsterInstance, "__init__", lambda _self, **parts: given.update(parts))
    PipelineInstance(settings={"concurrency": {"runs": {"max_concurrent_runs": 9}}, "nux": {"enabled": True}})
    settings = given["settings"]
    packaged = InstanceRef.from_dir(str(DEFAULTS)).settings
    assert settings["concurrency"]["runs"] == {"max_concurrent_runs": 9}
    assert settings["concurrency"]["pools"] == {"default_limit": 1, "granularity": "op"}
    assert settings["nux"] == {"enabled": True}
    assert {**settings, "concurrency": 0, "nux": 0} == {**packaged, "concurrency": 0, "nux": 0}
