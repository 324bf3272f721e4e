"""Dagster's instance in a project's folder: its ``dagster.yaml`` says only what differs from the package's own.

So an upgrade of the package brings its configuration along, and nothing that was copied has to be merged.
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg
from dagster._core.instance.config import dagster_instance_config
from dagster._core.instance.ref import InstanceRef, configurable_class_data, configurable_storage_data

from sheets_pipeline.home import DEFAULTS, dagster_home

#: Class of the launcher that hands runs to workers of any host.
_HANDS_OUT = "CeleryHostsRunLauncher"

#: Runs at once where dagster.yaml says nothing, as Dagster has it.
_DAGSTERS_RUNS_AT_ONCE = 10

_CLASSES = ("local_artifact_storage", "compute_logs", "run_launcher", "run_coordinator")
_STORAGES = ("storage", "run_storage", "event_log_storage", "schedule_storage")


class PipelineInstance(dg.DagsterInstance):
    """Named as ``instance_class``. Classes and settings that are not given are those of ``defaults/dagster.yaml``."""

    def __init__(self, *, settings: Mapping[str, Any] | None = None, **parts: Any) -> None:
        ours = InstanceRef.from_dir(str(DEFAULTS)).settings
        super().__init__(settings=_merged(ours, settings or {}), **parts)

    @classmethod
    def config_schema(cls) -> Mapping[str, Any]:
        """What it takes beyond what Dagster does: nothing."""
        return {}

    @classmethod
    def config_defaults(cls, base_dir: str) -> Mapping[str, Any]:
        """Its classes, where a ``dagster.yaml`` names no others."""
        ours, _ = dagster_instance_config(str(DEFAULTS))
        classes = {name: configurable_class_data(ours[name]) for name in _CLASSES}
        theirs = InstanceRef.config_defaults(base_dir)
        storages = dict(zip(_STORAGES, configurable_storage_data(ours["storage"], theirs), strict=True))
        return {**theirs, **classes, **storages}


def hands_out_runs(instance: dg.DagsterInstance | None = None) -> bool:
    """Whether the launcher of the instance, else of the ``dagster.yaml`` in force, hands runs to workers; opens nothing."""
    if instance is not None and not instance.is_persistent:
        return False
    ref = InstanceRef.from_dir(str(dagster_home())) if instance is None else instance.get_ref()
    launcher = ref.run_launcher_data
    return launcher is not None and launcher.class_name == _HANDS_OUT


def runs_at_once() -> int:
    """So many runs the ``dagster.yaml`` in force allows at once; opens nothing."""
    ref = InstanceRef.from_dir(str(dagster_home()))
    settings: Mapping[str, Any] = ref.settings
    if ref.custom_instance_class_data is not None:
        settings = _merged(InstanceRef.from_dir(str(DEFAULTS)).settings, settings)
    most: int = settings.get("concurrency", {}).get("runs", {}).get("max_concurrent_runs", _DAGSTERS_RUNS_AT_ONCE)
    return most


def _merged(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    """Theirs, with ours where they say nothing, at whatever depth."""
    both = {
        name: _merged(ours[name], value)
        if isinstance(value, Mapping) and isinstance(ours.get(name), Mapping)
        else value
        for name, value in theirs.items()
    }
    return {**ours, **both}
