"""Runs of the tests' Dagster: a thread instead of a process, which writes the chosen tabs through the real writer."""

import threading
from collections.abc import Mapping
from typing import Any, Self

import dagster as dg
from dagster._config import UserConfigSchema
from dagster._core.launcher import LaunchRunContext, RunLauncher
from dagster._serdes import ConfigurableClass, ConfigurableClassData

from sheets_pipeline.components.tab_asset import tab_assets
from sheets_pipeline.database import history
from sheets_pipeline.pipeline import Pipeline
from sheets_pipeline.runs.computed import compute_all

#: Runs stay under way until this is set.
may_end = threading.Event()

#: Dagster makes the launcher, so whoever starts Dagster puts here what runs are to use.
used: list[Pipeline] = []


class ThreadRunLauncher(RunLauncher, ConfigurableClass):
    """Named in the configuration of the tests' instance."""

    def __init__(self, inst_data: ConfigurableClassData | None = None) -> None:
        self._inst_data = inst_data
        super().__init__()

    @property
    def inst_data(self) -> ConfigurableClassData | None:
        return self._inst_data

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        return {}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> Self:
        return cls(inst_data)

    def launch_run(self, context: LaunchRunContext) -> None:
        threading.Thread(target=work, args=(self._instance, context.dagster_run)).start()

    def terminate(self, run_id: str) -> bool:
        return False


def work(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    """Sync the run's tabs and record it, once it may end."""
    _report(instance, run, dg.DagsterEventType.RUN_START)
    may_end.wait(60)
    for tab_asset in tab_assets().values():
        if tab_asset.key in (run.asset_selection or ()):
            sync_tab(tab_asset.tab.title, run.run_id)
    _report(instance, run, dg.DagsterEventType.RUN_SUCCESS)


def sync_tab(title: str, run_id: str) -> None:
    """One full sync of one tab, recorded as a run records it."""
    [tab_asset] = [tab_asset for tab_asset in tab_assets().values() if tab_asset.tab.title == title]
    pipeline = used[-1]
    with history.recorded(pipeline.state, pipeline.services.spreadsheet_id, title, "full", run_id) as recording:
        computed = compute_all(pipeline, tab_asset)
        recording.report = pipeline.writer(tab_asset.tab).full_sync(computed.rows, computed_at=computed.computed_at)


def _report(instance: dg.DagsterInstance, run: dg.DagsterRun, kind: dg.DagsterEventType) -> None:
    instance.report_dagster_event(dg.DagsterEvent(event_type_value=kind.value, job_name=run.job_name), run.run_id)
