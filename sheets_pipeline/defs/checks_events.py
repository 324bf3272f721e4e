"""Asset check ``no_events_set_aside``: for each tab, whether changes were given up that it does not show.

It reads the queue and sends Google no request. Like the other checks it runs with every full sync and in ``tab_checks``.
"""

from collections.abc import Iterable

import dagster as dg

from sheets_pipeline.components.tab_asset import TabAsset, is_refreshed_by_events, tab_assets, tab_events
from sheets_pipeline.database import events
from sheets_pipeline.database.event_faults import told
from sheets_pipeline.database.event_table import Event
from sheets_pipeline.database.touched import waits
from sheets_pipeline.defs.resources import PipelineResource

#: Events looked through, the oldest first, and events listed.
_LOOKED_AT, _LISTED = 5_000, 20


def of_tab(title: str, given_up: Iterable[Event]) -> list[Event]:
    """Those of the events that this tab does not show."""
    return [event for event in given_up if title in waits(event, tab_events())]


def judged(given_up: list[Event]) -> dg.AssetCheckResult:
    """The verdict on one tab."""
    if not given_up:
        return dg.AssetCheckResult(passed=True)
    listed = [
        f"{event.id}: {event.kind} {event.entity}: {told(event, event.reason or '')}" for event in given_up[:_LISTED]
    ]
    return dg.AssetCheckResult(
        passed=False,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{len(given_up):,} events were given up after repeated attempts. Mend the causes named here, then run "
        "`sheets-pipeline queue retry --all`; `queue drop` forgets events that no longer matter. `queue status` has their keys.",
        metadata={"events_set_aside": len(given_up), "events": listed},
    )


def _check(tab_asset: TabAsset) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=tab_asset.key,
        name="no_events_set_aside",
        description="No event that concerns this tab was set aside.",
    )
    def check(pipeline: PipelineResource) -> dg.AssetCheckResult:
        with pipeline.opened().platform.connect() as connection:
            if reason := events.why_none_are_taken(connection, are_expected=is_refreshed_by_events()):
                return dg.AssetCheckResult(passed=True, description=reason)
            title = tab_asset.tab.name
            return judged(of_tab(title, events.set_aside(connection, _LOOKED_AT)))

    return check


@dg.definitions
def checks_events() -> dg.Definitions:
    """The same check for every tab that is declared as it must be."""
    return dg.Definitions(
        asset_checks=[_check(tab_asset) for tab_asset in tab_assets().values() if tab_asset.problem is None]
    )
