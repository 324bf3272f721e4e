"""Which tabs are to be synced, and how often: the switches of the Dagster UI, and the settings that leave tabs out.

A tab's switch is the sensor ``tab_<title>``. Off means: full syncs and event syncs leave the tab alone; once it is on
again it is written as a whole. There is no second state: the switch is what Dagster keeps about the sensor.
"""

import dagster as dg

from sheets_pipeline.components.names import dagster_name
from sheets_pipeline.components.tab_asset import TabAsset, tab_assets
from sheets_pipeline.dagster_runtime.instigators import switched_off
from sheets_pipeline.settings import Settings, load_settings
from sheets_pipeline.sync.spreadsheet import Each
from sheets_pipeline.sync.tab import Tab

FULL_SYNC_SCHEDULE = "full_sync_schedule"
EVENT_SENSOR = "pending_events"

#: What the sensor of events was called in versions before; whoever had switched it off has switched this one off.
FORMER_EVENT_SENSOR = "quiz_submissions"


def switch_name(tab: Tab) -> str:
    """Name of the sensor that is the tab's switch."""
    return f"tab_{dagster_name(tab.name)}"


def interval_seconds(tab: Tab, settings: Settings) -> int:
    """Time between two full syncs of a tab."""
    return tab.every or settings.sync_interval_seconds


def intervals(settings: Settings) -> list[int]:
    """Those of all tabs, the shortest first; that of the settings where there are no tabs."""
    found = {interval_seconds(tab_asset.tab, settings) for tab_asset in declared_tabs(settings)}
    return sorted(found) or [settings.sync_interval_seconds]


def enabled_tabs(instance: dg.DagsterInstance, location: str | None = None) -> list[TabAsset]:
    """The tabs that are to be synced: not off by setting, not off by switch."""
    off = switched_off(instance, location)
    return [tab_asset for tab_asset in declared_tabs(load_settings()) if switch_name(tab_asset.tab) not in off]


def declared_tabs(settings: Settings) -> list[TabAsset]:
    """The tabs that the settings leave in; one that its own setting leaves out is as if it were not there."""
    return [tab_asset for tab_asset in tab_assets().values() if not tab_asset.tab.is_left_out]


def lists_in_use(settings: Settings) -> dict[str, list[TabAsset]]:
    """The tabs that stand in each spreadsheet of a list, by its name."""
    lists: dict[str, list[TabAsset]] = {}
    for tab_asset in declared_tabs(settings):
        if isinstance(place := tab_asset.tab.spreadsheet, Each):
            lists.setdefault(place.spreadsheets, []).append(tab_asset)
    return lists
