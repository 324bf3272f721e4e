"""The switch of each tab: the sensor ``tab_<title>``, on or off in the Dagster UI like any other sensor.

Its ticks do nothing but tell the tab's health.
"""

import dagster as dg

from sheets_pipeline.components.tab_asset import TabAsset
from sheets_pipeline.dagster_runtime.connections import shared
from sheets_pipeline.defs.resources import PipelineResource
from sheets_pipeline.monitoring.status import collect
from sheets_pipeline.runs.gate import UNREACHABLE, in_one_line
from sheets_pipeline.runs.switches import declared_tabs, switch_name
from sheets_pipeline.settings import load_settings


def _switch(tab_asset: TabAsset, seconds: int) -> dg.SensorDefinition:
    title = tab_asset.tab.name

    @dg.sensor(
        name=switch_name(tab_asset.tab),
        minimum_interval_seconds=seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Switches the tab {title} on and off: while off, syncs leave it alone. Its ticks show its health.",
    )
    def switch(context: dg.SensorEvaluationContext, pipeline: PipelineResource) -> dg.SkipReason:
        try:
            known = collect(shared(context), pipeline.opened()).tabs
        except UNREACHABLE as error:
            return dg.SkipReason(f"unknown: {in_one_line(error)}")
        copies = [tab for name, tab in known.items() if name == title or name.startswith(f"{tab_asset.tab.title} @ ")]
        if not copies:
            return dg.SkipReason("unknown: its list of spreadsheets is empty.")
        worst = max(copies, key=lambda tab: tab.health.badness)
        return dg.SkipReason(f"{worst.health}: {worst.reason}")

    return switch


@dg.definitions
def tab_switches() -> dg.Definitions:
    """One switch per tab."""
    settings = load_settings()
    seconds = settings.sync_health_check_interval
    return dg.Definitions(sensors=[_switch(tab_asset, seconds) for tab_asset in declared_tabs(settings)])
